"""cryptoctl local: the embedded engine on this machine."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Final

import typer

from cryptoctl.cli.command import CommandRun, command
from cryptoctl.cli.options import Yes
from cryptoctl.errors import ExitCode, Failure
from cryptoctl.local.engine import EngineStatus
from cryptoctl.ui.engine import engine_document, message_document, show_access, show_engine, show_message
from cryptoctl.ui.screen import Screen

OTHER_TOOLS: Final[str] = "other-tools"
"""The access key that is shown: it is of no environment, so that none has to be named."""


@command("local", "start", access=None, example="cryptoctl local start")
def start(
    run: CommandRun,
    port: Annotated[
        int | None,
        typer.Option(min=1, max=65535, help=r"Port on loopback. \[default: where it was last, or 4577]"),
    ] = None,
) -> None:
    """Start the engine; one that runs already is left as it is."""
    session = run.session
    status = session.engine.start(port=port or session.settings.engine.port, options=session.engine_options)
    problems = session.engine.status(with_problems=True).problems  # one that runs already may be suspended
    _show(run, dataclasses.replace(status, problems=problems))


@command("local", "stop", access=None, example="cryptoctl local stop")
def stop(run: CommandRun) -> None:
    """Stop the engine. Its data stays for the next start."""
    stopped = run.session.engine.stop()
    run.set_members(stopped=stopped)
    run.done("The engine is stopped", "`cryptoctl local status` shows it.")
    run.screen.say("Stopped; the data is kept." if stopped else "The engine was not running.")


@command("local", "status", access=None, example="cryptoctl local status")
def status(run: CommandRun) -> None:
    """Show whether the engine runs, where, and how to point other tools at it."""
    _show(run, run.session.engine.status(with_problems=True))


@command("local", "reset", access=None, example="cryptoctl local reset --yes")
def reset(run: CommandRun, yes: Yes = False) -> None:
    """Stop the engine and delete all its data."""
    if not yes:
        run.screen.confirm(
            "Delete every local environment with its prices?", "This deletes every local environment"
        )
    engine = run.session.engine
    deleted, home = engine.reset(), engine.status().home
    run.set_members(reset=deleted)
    run.done("The engine is stopped and its data is deleted", "`cryptoctl local status` shows it.")
    other_files = ", ".join(engine.other_files())
    if not deleted:
        run.screen.say(f"No engine has been in {home}: nothing was deleted.")
    elif other_files:
        run.screen.say(
            f"The engine is stopped and its data in {home} is deleted; not the engine's: {other_files}."
        )
    else:
        run.screen.say(f"The engine is stopped and its data in {home} is deleted.")


@command("local", "logs", access=None, example="cryptoctl local logs --last 50")
def logs(
    run: CommandRun,
    last: Annotated[int, typer.Option(min=1, help="Number of lines.")] = 100,
) -> None:
    """Show the engine's own log (the functions' logs: `cryptoctl logs`)."""
    path = run.session.engine.status().log_file
    if not path.is_file():
        raise Failure(
            ExitCode.FAILED, "The engine has written no log yet.", "Start it with `cryptoctl local start`."
        )
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()[-last:]
    run.set_members(lines=lines)
    for line in lines:
        run.show(Screen.data, line)


@command("local", "outbox", access=None, example="cryptoctl local outbox --last 5")
def outbox(
    run: CommandRun,
    last: Annotated[int, typer.Option(min=1, help="Number of messages.")] = 20,
) -> None:
    """Show the messages that AWS would have sent to external recipients; the engine sends none."""
    messages = run.session.engine.outbox(last)
    run.set_members(messages=[message_document(message) for message in messages])
    if not messages:
        run.show(Screen.say, "Nothing would have been sent yet.")
    for message in messages:
        run.show(show_message, message)


def _show(run: CommandRun, status: EngineStatus) -> None:
    run.set_members(engine=engine_document(status, None))
    run.show(show_engine, status)
    if status.running:
        # Where there is none yet it is made, which a full disk refuses: what does not work is said by then.
        keys = run.session.engine.credentials(OTHER_TOOLS)
        run.set_members(engine=engine_document(status, keys))
        run.show(show_access, status, keys)
