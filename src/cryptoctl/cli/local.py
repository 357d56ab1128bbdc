"""cryptoctl local: the embedded engine on this machine."""

from __future__ import annotations

import textwrap
from dataclasses import asdict
from typing import Annotated, Final

import typer

from cryptoctl import settings
from cryptoctl.cli.app import app
from cryptoctl.cli.command import Run, command
from cryptoctl.errors import Failure, Problem
from cryptoctl.local.engine import ACCOUNT, EngineStatus

local = typer.Typer(no_args_is_help=True, help="The embedded engine on this machine.")
OTHER_TOOLS: Final[str] = "other-tools"
"""The access key that is shown: it is of no environment, so that none has to be named."""
app.add_typer(local, name="local")


@command(local, "start", access=None, example="cryptoctl local start")
def start(
    run: Run,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Where it listens on loopback.")] = None,
) -> None:
    """Start the engine; one that runs already is left as it is."""
    session = run.session
    found = session.engine.start(port=port or session.settings.engine.port, options=session.engine_options)
    _show(run, found)


@command(local, "stop", access=None, example="cryptoctl local stop")
def stop(run: Run) -> None:
    """Stop the engine. Its data stays for the next start."""
    stopped = run.session.engine.stop()
    run.screen.say("Stopped; the data is kept." if stopped else "The engine was not running.")


@command(local, "status", access=None, example="cryptoctl local status")
def status(run: Run) -> None:
    """Show whether the engine runs, where, and how to point other tools at it."""
    _show(run, run.session.engine.status())


@command(local, "reset", access=None, example="cryptoctl local reset --yes")
def reset(
    run: Run,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Stop the engine and delete all its data."""
    if not yes:
        if not run.screen.can_ask:
            raise Failure(
                Problem.REFUSED,
                "This deletes every local environment, and nobody is here to be asked. Nothing was changed.",
                "Add --yes.",
            )
        answer = run.screen.ask("Delete every local environment with its prices? [y/N]")
        if answer.strip().lower() not in ("y", "yes"):
            raise Failure(Problem.REFUSED, "Nothing was changed.")
    run.session.engine.reset()
    for journal in (settings.state_directory() / "dead-letters").glob(f"*-{ACCOUNT}-*"):
        # A later life of the engine has the same account, and would take them for its own.
        journal.unlink()
    run.screen.say("The engine is stopped and its data is gone.")


@command(local, "logs", access=None, example="cryptoctl local logs --last 50")
def logs(
    run: Run,
    last: Annotated[int, typer.Option(min=1, help="How many lines.")] = 100,
) -> None:
    """Show the engine's own log (the functions' logs: `cryptoctl logs`)."""
    path = run.session.engine.status().log_file
    if not path.is_file():
        raise Failure(
            Problem.FAILED, "The engine has written no log yet.", "Start it with `cryptoctl local start`."
        )
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()[-last:]
    if run.machine:
        run.screen.json(lines)
        return
    for line in lines:
        run.screen.data(line)


@command(local, "outbox", access=None, example="cryptoctl local outbox --last 5")
def outbox(
    run: Run,
    last: Annotated[int, typer.Option(min=1, help="How many messages.")] = 20,
) -> None:
    """Show the messages that AWS would have sent to somebody outside; the engine sends none."""
    messages = run.session.engine.outbox(last)
    if run.machine:
        run.screen.json([asdict(message) for message in messages])
        return
    if not messages:
        run.screen.say("Nothing would have been sent yet.")
    for message in messages:
        subject = f": {message.subject}" if message.subject else ""
        run.screen.data(
            f"{message.at:%Y-%m-%d %H:%M:%S}Z  {message.protocol} to {message.recipient}{subject}"
        )
        run.screen.data(textwrap.indent(message.text, "    "))


def _show(run: Run, found: EngineStatus) -> None:
    pair = run.session.engine.credentials(OTHER_TOOLS) if found.running else None
    if run.machine:
        run.screen.json(
            {
                **asdict(found),
                "access_key": pair.access_key if pair else None,
                "secret_key": pair.secret_key if pair else None,
            }
        )
        return
    if pair is None:
        run.screen.data("The engine is not running.")
        return
    memory = f", {found.memory_bytes // 2**20} MiB" if found.memory_bytes else ""
    run.screen.data(f"The engine answers at {found.url} (process {found.pid}{memory}).")
    run.screen.data(f"Its data is in {found.home}.")
    run.screen.data(
        f"Other tools: AWS_ACCESS_KEY_ID={pair.access_key} AWS_SECRET_ACCESS_KEY={pair.secret_key} "
        f"AWS_DEFAULT_REGION=us-east-1 AWS_ENDPOINT_URL={found.url}"
    )
    for problem in found.problems:
        run.screen.say(problem, style="red")
    for note in found.notes:
        run.screen.say(note, style="yellow")
