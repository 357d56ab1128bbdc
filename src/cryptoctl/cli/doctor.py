"""cryptoctl doctor: whether `up` would come through, before anything is created."""

from __future__ import annotations

from collections.abc import Iterator

from cryptoctl.cli.app import app
from cryptoctl.cli.command import Run, command
from cryptoctl.errors import Failure, Problem
from cryptoctl.local.engine import EngineStatus
from cryptoctl.ops.doctor import Check, Result, examine
from cryptoctl.reconcile.rights import Use
from cryptoctl.settings import Target

STYLES = {Result.GOOD: "green", Result.UNKNOWN: "yellow", Result.BAD: "red"}


@command(app, "doctor", use=Use.LOOK, example="cryptoctl doctor --env prod")
def doctor(run: Run) -> None:
    """Check credentials, permissions, quotas, names and the engine. Changes nothing."""
    checks = list(_checks(run))
    if run.machine:
        run.screen.json([vars(check) for check in checks])
    else:
        _show(run, checks)
    bad = [check.what for check in checks if check.result is Result.BAD]
    if bad:
        raise Failure(
            Problem.FAILED,
            f"`up` would not come through in {run.session.place}: {', '.join(bad)}.",
            "What to do stands beside each of them; then run `cryptoctl doctor` again.",
        )


def _checks(run: Run) -> Iterator[Check]:
    session = run.session
    local = session.target is Target.LOCAL
    if local:
        engine = session.engine.status()
        yield _engine(engine)
        if not engine.running:
            return
    yield from examine(session.stack, session.aws, enforced=not local)


def _engine(status: EngineStatus) -> Check:
    if not status.running:
        return Check(
            what="engine",
            result=Result.BAD,
            detail="the embedded engine is not running",
            advice="Start it with `cryptoctl local start`.",
        )
    if status.notes:
        return Check(what="engine", result=Result.UNKNOWN, detail="; ".join(status.notes))
    return Check(what="engine", result=Result.GOOD, detail=f"answers at {status.url}")


def _show(run: Run, checks: list[Check]) -> None:
    from rich.text import Text

    run.screen.table(
        ["check", "result", "how it stands", "what to do"],
        [
            [each.what, Text(each.result, style=STYLES[each.result]), each.detail, each.advice]
            for each in checks
        ],
    )
