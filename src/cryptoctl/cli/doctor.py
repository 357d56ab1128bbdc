"""cryptoctl doctor: whether `up` would succeed, before anything is created."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cryptoctl.cli.command import CommandRun, command
from cryptoctl.errors import ExitCode, Failure
from cryptoctl.local.engine import EngineStatus
from cryptoctl.local.errors import EngineError
from cryptoctl.ops.doctor import Check, CheckResult, bad, examine, good, unknown
from cryptoctl.ops.security import examine_security
from cryptoctl.reconcile.permissions import Access
from cryptoctl.session import Session
from cryptoctl.settings import Target
from cryptoctl.ui.status import checks_document, show_checks


@command("doctor", access=Access.DESCRIBE, example="cryptoctl doctor --env prod")
def doctor(run: CommandRun) -> None:
    """Check credentials, permissions, quotas, names and the engine. Changes nothing."""
    run.screen.finishes = True  # a reader that leaves does not change the exit code
    checks: list[Check] = []
    try:
        checks.extend(_checks(run))
    finally:  # where a check cannot even be made, what was found before is shown all the same
        run.set_members(checks=checks_document(run.screen, checks))
        if checks:
            run.show(show_checks, checks)
    failed = [check.name for check in checks if check.result is CheckResult.BAD]
    if failed:
        raise Failure(
            ExitCode.FAILED,
            f"`up` would fail in {run.session.location}: {', '.join(failed)}.",
            "Each failed check says what to do; then run `cryptoctl doctor` again.",
        )


def _checks(run: CommandRun) -> Iterator[Check]:
    session = run.session
    local = session.target is Target.LOCAL
    if local:
        engine = session.engine.status(with_problems=True)
        yield _engine(engine, session.engine.other_code()) if engine.running else _stopped(session)
        if not engine.running:
            return
    yield from examine(session.stack, session.aws, enforced=not local)
    if not local:
        yield from examine_security(session.stack, session.aws)


def _stopped(session: Session) -> Check:
    try:
        session.engine.check_start(session.settings.engine.port)
    except EngineError as error:
        return bad("engine", error.message, error.hint)
    return unknown(
        "engine",
        "the embedded engine is not running; `up` starts it",
        "Start it with `cryptoctl local start` to have the rest checked.",
    )


def _engine(status: EngineStatus, told: Sequence[str]) -> Check:
    if status.problems:
        return bad(
            "engine",
            "; ".join(status.problems),
            f"Make room on the disk, if it is full. {status.log_file} may say more.",
        )
    if notes := [note for note in status.notes if note not in told]:
        return unknown("engine", " ".join(notes), "`cryptoctl local logs` tells more.")
    return good("engine", f"answers at {status.url}")
