"""cryptoctl selftest: whether AWS does what cryptoctl relies on."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from cryptoctl import interrupts
from cryptoctl.cli.apply import before_any_change
from cryptoctl.cli.command import CommandRun, command
from cryptoctl.cli.completion import claim_ids
from cryptoctl.cli.options import Yes
from cryptoctl.cli.selftest_run import SelftestRun, own_run, remove
from cryptoctl.errors import ExitCode, Failure, InputError
from cryptoctl.ops.selftest import own_runs
from cryptoctl.ops.selftest.catalogue import select_claims
from cryptoctl.ops.selftest.environment import MAX_RUN, earlier_environments, may_be_running, new_name
from cryptoctl.ops.selftest.report import SelftestReport
from cryptoctl.reconcile.permissions import Access
from cryptoctl.settings import Target
from cryptoctl.ui.selftest import markdown, report_document, show_claims, show_report

COSTS = (
    "On AWS that costs less than 0.10 USD (a KMS key by the hour, and some hundreds of requests) and takes "
    "about ten minutes. A key pending deletion stays for 7 days, at no cost."
)


@command("selftest", access=Access.ADMINISTER, example="cryptoctl selftest --region eu-central-1")
def selftest(
    run: CommandRun,
    yes: Yes = False,
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CLAIM", help="Check only this claim; may be repeated.", autocompletion=claim_ids
        ),
    ] = None,
    listing: Annotated[bool, typer.Option("--list", help="List the claims, and do nothing else.")] = False,
    report_dir: Annotated[
        Path, typer.Option(metavar="DIRECTORY", help="Where the report is written.")
    ] = Path(),
    show_account: Annotated[
        bool, typer.Option("--show-account", help="Leave the account's number in the report.")
    ] = False,
) -> None:
    """Check what cryptoctl relies on about AWS, and write a report.

    For that it creates an environment of its own, and removes it; before, it says what that costs, and asks.
    """
    claims = select_claims(only or [])
    if listing:
        run.set_members(claims=claims)
        run.show(show_claims, claims)
        return
    with before_any_change():
        _check_directory(report_dir)
        for note in run.session.start_engine():
            run.screen.warn(note)
        old = earlier_environments(run.session.aws)
        selftest_run = SelftestRun(
            run=run, name=new_name(datetime.now(UTC)), claims=claims, everything=not only
        )
        _ask(run, selftest_run, yes=yes)
    with interrupts.on_signal(selftest_run.stop.request, interrupts.interrupt):
        run.set_members(removed=_remove(run, old))
        selftest_run.whole()
    report = selftest_run.report if show_account else selftest_run.report.without_account()
    files = _write(report, report_dir)
    run.set_members(report=report_document(report), files=files)
    run.done("The self-test has ended", f"The report: {', '.join(files)}.")
    run.show(show_report, report)
    run.screen.say(f"The report: {', '.join(files)}.")
    _judge(report, interrupted=selftest_run.stop.requested.is_set())


def _ask(run: CommandRun, selftest_run: SelftestRun, *, yes: bool) -> None:
    scope = selftest_run.stack.scope
    place = "on this machine" if run.session.target is Target.LOCAL else f"in {scope.account}, {scope.region}"
    run.screen.say(
        f"This makes the environment {selftest_run.name} {place}, checks {len(selftest_run.claims)} claims "
        "in it, and removes it."
    )
    run.screen.say(COSTS)
    if not yes:
        run.screen.confirm("Go on?", f"This makes and removes the environment {selftest_run.name}")


def _remove(run: CommandRun, old: list[str]) -> list[str]:
    """Removes what earlier runs have left, but for what another run may be at work on."""
    now, own_names = datetime.now(UTC), own_runs.names()
    removed = []
    for name in old:
        if name not in own_names and may_be_running(name, now):
            minutes = MAX_RUN.total_seconds() / 60
            run.screen.warn(
                f"{name} is left: another run may be at work on it. {minutes:.0f} minutes after its "
                "beginning, `cryptoctl selftest` removes it."
            )
            continue
        run.screen.say(f"Removing {name}, which an earlier run has left.")
        remove(own_run(run, name))
        own_runs.remove(name)
        removed.append(name)
    return removed


def _check_directory(directory: Path) -> None:
    if not directory.is_dir() or not os.access(directory, os.W_OK):
        raise InputError(f"{directory} is no directory that can be written to.", "Name another --report-dir.")


def _write(report: SelftestReport, directory: Path) -> list[str]:
    files = {
        directory / "cryptoctl-selftest.md": markdown(report),
        directory / "cryptoctl-selftest.json": json.dumps(report_document(report), indent=2) + "\n",
    }
    for path, text in files.items():
        path.write_text(text, encoding="utf-8")
    return list(map(str, files))


def _judge(report: SelftestReport, *, interrupted: bool) -> None:
    if interrupted:
        raise Failure(ExitCode.INTERRUPTED, "Interrupted. The report is of what was checked before.")
    if report.problems:
        raise Failure(ExitCode.FAILED, "The self-test was not finished.", " ".join(report.problems))
    if report.failing:
        names = ", ".join(result.claim.id for result in report.failing)
        raise Failure(
            ExitCode.FAILED,
            f"{len(report.failing)} of {len(report.results)} claims do not hold, or could not be checked: "
            f"{names}.",
            "Open an issue with the report: cryptoctl may have to be changed.",
        )
