"""cryptoctl status: whether all is well, and what needs attention."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Callable
from typing import Annotated

import typer

from cryptoctl.cli.command import CommandRun, command
from cryptoctl.errors import ExitCode, InputError
from cryptoctl.ops.environments import not_deployed
from cryptoctl.ops.overview import Overview
from cryptoctl.ops.overview_reader import ON_AWS, ON_THE_ENGINE, OverviewReader
from cryptoctl.reconcile.permissions import Access
from cryptoctl.session import Session
from cryptoctl.settings import Target
from cryptoctl.ui.engine import engine_document, show_engine_line
from cryptoctl.ui.status import overview_document, show_all, show_concerns


@command("status", access=Access.DESCRIBE, example="cryptoctl status --env prod --exit-code")
def status(
    run: CommandRun,
    everything: Annotated[
        bool, typer.Option("--all", help="Show everything, not only what needs attention.")
    ] = False,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="Exit with 0 if nothing needs attention, with 3 otherwise.")
    ] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Show it live until q or Ctrl-C.")] = False,
) -> None:
    """Show whether all is well, and what needs attention: resources, dead letters, stream, prices."""
    if watch:
        if everything or exit_code:
            raise InputError(
                "--watch shows everything until it is ended.", "Leave --all and --exit-code out."
            )
        _watch(run)
        return
    run.screen.finishes = True  # a reader that leaves does not change the exit code
    session = run.session
    overview_reader = OverviewReader(session.aws, session.stack, engine_problems=engine_problems(session))
    overview = _check_exists(run, overview_reader.overview())
    engine = None
    if session.target is Target.LOCAL and (run.is_json or everything):
        engine = session.engine.status(with_problems=True)
        run.set_members(engine=engine_document(engine, session.engine.credentials(session.environment)))
    run.set_members(**overview_document(run.screen, overview, session.location))
    if not run.is_json:
        show_concerns(run.screen, overview, session.location)
        if everything:
            show_all(run.screen, overview)
            if engine is not None:
                show_engine_line(run.screen, engine)
    if exit_code and overview.concerns:
        raise typer.Exit(ExitCode.DIFFERENCES)


def engine_problems(session: Session) -> Callable[[], tuple[str, ...]]:
    """What gives the problems of the engine that the session works on; on AWS there are none."""
    if session.target is not Target.LOCAL:
        return tuple
    return lambda: session.engine.status(with_problems=True).problems


def _check_exists(run: CommandRun, overview: Overview) -> Overview:
    if not overview.inventory.exists:
        raise not_deployed(run.session.aws, run.session.scope, "resource of it")
    return overview


def _watch(run: CommandRun) -> None:
    if run.is_json or not run.screen.can_ask or not run.screen.can_draw:
        raise InputError(
            "--watch needs a terminal, and a person at it.",
            "Leave it out; with --output json the answer is for a program.",
        )
    from cryptoctl.ui.watch import watch

    session = run.session
    intervals = ON_AWS if session.aws.has_shared_quotas else ON_THE_ENGINE
    overview_reader = OverviewReader(session.aws, session.stack, intervals, engine_problems(session))
    _check_exists(run, overview_reader.overview())
    while (chosen := watch(run.screen, overview_reader.overview, session.location)) is not None:
        command_line = run.screen.hint(f"`cryptoctl {chosen}`").strip("`")
        if run.screen.ask_yes_no(f"Run {command_line}?"):
            words = shlex.split(command_line)[1:]
            # Ourselves: without -P, whatever the directory of the person has of that name would be run.
            subprocess.run([sys.executable, "-P", "-m", "cryptoctl", *words], check=False)  # noqa: S603
            run.screen.ask("Press Enter to go back to the live screen.")
