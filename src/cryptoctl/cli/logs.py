"""cryptoctl logs: the functions' logs, merged."""

from __future__ import annotations

from typing import Annotated

import typer

from cryptoctl.cli.command import CommandRun, command
from cryptoctl.cli.completion import function_names
from cryptoctl.errors import Failure, Problem
from cryptoctl.ops.logs import follow, moment, newest_ms
from cryptoctl.ops.logs import lines as read_lines
from cryptoctl.ops.times import moment_ms
from cryptoctl.provisioners.function import Function
from cryptoctl.reconcile.permissions import Access
from cryptoctl.ui.logs import line_document, show_line


@command("logs", access=Access.READ_DATA, example="cryptoctl logs price-enricher --since 1h")
def logs(
    run: CommandRun,
    functions: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[FUNCTION]...",
            help="Such as price-enricher; all without one.",
            autocompletion=function_names,
        ),
    ] = None,
    since: Annotated[
        str, typer.Option(metavar="T", help="Lines since then: 10m (ago), epoch or ISO 8601.")
    ] = "10m",
    following: Annotated[bool, typer.Option("--follow", "-f", help="Follow new lines until Ctrl-C.")] = False,
) -> None:
    """Show what the functions logged, merged in order of time (UTC)."""
    wanted = _functions(run, functions or [])
    since_ms = moment_ms(since)
    if following:
        run.screen.one_line_each()
        if not run.machine:
            names = ", ".join(each.name for each in wanted)
            run.screen.say(f"Following {names} since {moment(since_ms)} UTC; Ctrl-C ends it.", style="dim")
        for line in follow(run.session.aws, wanted, since_ms):
            if run.machine:
                run.screen.json_line(line_document(line))
            else:
                show_line(run.screen, line)
    found = read_lines(run.session.aws, wanted, since_ms)
    run.answer(lines=[line_document(line) for line in found])
    if not run.machine:
        for line in found:
            show_line(run.screen, line)
    if not found:
        newest = newest_ms(run.session.aws, wanted)
        last = "nothing is logged yet" if newest is None else f"the newest line is from {moment(newest)} UTC"
        run.screen.say(f"No lines since {moment(since_ms)} UTC; {last}.")


def _functions(run: CommandRun, names: list[str]) -> list[Function]:
    known = {each.name: each for each in run.session.stack.functions}
    suffix = f"-{run.session.environment}"
    wanted = [name if name in known else f"{name}{suffix}" for name in names] or list(known)
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise Failure(
            Problem.USAGE,
            f"There is no function {unknown[0].removesuffix(suffix)}.",
            f"Choose among: {', '.join(name.removesuffix(suffix) for name in known)}.",
        )
    return [known[name] for name in wanted]
