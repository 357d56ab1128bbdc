"""cryptoctl logs: the functions' logs, merged."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from functools import partial
from typing import Annotated, TypeAlias

import typer

from cryptoctl.aws_errors import AwsError
from cryptoctl.cli.command import CommandRun, as_failure, command
from cryptoctl.cli.completion import function_names
from cryptoctl.errors import Failure, InputError
from cryptoctl.ops.log_entries import LEVELS, entries, fold_repeats, latest, lines_of
from cryptoctl.ops.logs import Line, follow, newest_ms
from cryptoctl.ops.logs import lines as read_lines
from cryptoctl.ops.times import parse_time_ms, time_text
from cryptoctl.provisioners.function import Function
from cryptoctl.reconcile.permissions import Access
from cryptoctl.ui.logs import line_document, show_entry
from cryptoctl.wording import pluralize

USUAL = "10m"
# A request is looked for as long as the logs are usually kept.
USUAL_FOR_A_REQUEST = "3d"
REQUEST = re.compile(r"[0-9A-Za-z-]{1,64}")
# As `dlq --queue` names them.
SHORT = {"webhook": "webhook-processor", "enricher": "price-enricher", "notifier": "error-notifier"}


LineSelector: TypeAlias = Callable[[Iterable[Line]], Iterator[Line]]


class Level(StrEnum):
    """How serious a line is at least."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


def matching(
    lines: Iterable[Line], *, level: Level | None = None, text: str = "", request: str | None = None
) -> Iterator[Line]:
    """Those of at least this level that contain the text and name the request.

    A part of another request's id is not its id.
    """
    whole_id = re.compile(rf"(?<![0-9A-Za-z-]){re.escape(request or '')}(?![0-9A-Za-z-])", re.IGNORECASE)
    for line in lines:
        of_request = request is None or whole_id.search(line.text)
        if text.lower() in line.text.lower() and of_request and (level is None or _is_at_least(level, line)):
            yield line


def _is_at_least(level: Level, line: Line) -> bool:
    (entry,) = entries([line], everything=True)
    rank = LEVELS.index(entry.level) if entry.level in LEVELS else LEVELS.index("INFO")
    return rank >= LEVELS.index(level.upper())


@command("logs", access=Access.READ_DATA, example="cryptoctl logs enricher --since 1h30m --level error")
def logs(
    run: CommandRun,
    functions: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[FUNCTION]...",
            help="Such as price-enricher, or webhook, enricher, notifier; all without one.",
            autocompletion=function_names,
        ),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            metavar="T", help=r"Lines since then: 1h30m (ago), 14:30, epoch or ISO 8601. \[default: 10m]"
        ),
    ] = None,
    until: Annotated[str | None, typer.Option(metavar="T", help="Lines until then.")] = None,
    level: Annotated[Level | None, typer.Option(help="Only lines of this level or above.")] = None,
    grep: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Only lines that contain this text.")
    ] = None,
    request: Annotated[
        str | None, typer.Option(metavar="ID", help="Only lines of this request; looks back 3d by default.")
    ] = None,
    last: Annotated[
        int | None,
        typer.Option(min=1, help="Only so many lines, the newest ones; repeats of one count once."),
    ] = None,
    following: Annotated[bool, typer.Option("--follow", "-f", help="Follow new lines until Ctrl-C.")] = False,
) -> None:
    """Show what the functions logged, merged in order of time (UTC); repeats once, with their number.

    With --verbose each line as it is, with metrics, requests and whole traces.
    """
    default = USUAL if request is None else USUAL_FOR_A_REQUEST
    since_ms = parse_time_ms(default if since is None else since)
    until_ms = parse_time_ms(until) if until is not None else None
    filter_lines = partial(matching, level=level, text=grep or "", request=_check_request_id(request))
    if following and (until is not None or last is not None):
        raise InputError("--follow goes on for ever.", "Leave --until and --last out.")
    if until_ms is not None and until_ms <= since_ms:
        raise InputError(
            f"--until ({time_text(until_ms)} UTC) is not after --since ({time_text(since_ms)} UTC).",
            f"Give --since too: without it logs begin {default} ago." if since is None else "Swap them.",
        )
    selected = _functions(run, functions or [])
    if following:
        _follow(run, selected, since_ms, filter_lines)
    pattern = None if request is None else f'"{request}"'
    lines = list(filter_lines(read_lines(run.session.aws, selected, since_ms, until_ms, pattern)))
    log_entries = list(entries(lines, everything=run.screen.verbose))
    if not run.screen.verbose:
        log_entries = fold_repeats(log_entries)
    if last is not None:
        log_entries = latest(log_entries, last)
    run.set_members(
        lines=[line_document(line) for line in (lines if last is None else lines_of(log_entries))]
    )
    for entry in log_entries:
        run.show(show_entry, entry)
    if not lines:
        _say_nothing_found(run, selected, since_ms, until_ms)
    elif not log_entries and not run.is_json:
        hidden = pluralize(len(lines), "line is", "lines are")
        run.screen.say(
            f"{hidden} not shown: metrics, and Lambda's notes of what went well. --verbose shows them."
        )


def _say_nothing_found(
    run: CommandRun, functions: list[Function], since_ms: int, until_ms: int | None
) -> None:
    """That there is none in that time, and when the newest line was written."""
    newest = newest_ms(run.session.aws, functions)
    last = "nothing is logged yet" if newest is None else f"the newest line is from {time_text(newest)} UTC"
    until = "" if until_ms is None else f" until {time_text(until_ms)}"
    run.screen.say(f"No such lines since {time_text(since_ms)}{until} UTC; {last}.")


def _follow(run: CommandRun, functions: list[Function], since_ms: int, select: LineSelector) -> None:
    """Shows lines until Ctrl-C. Raises Failure where AWS ends it, with how to go on from the last one."""
    run.screen.one_line_each()
    shown_ms = since_ms

    def read() -> Iterator[Line]:
        nonlocal shown_ms
        for line in follow(run.session.aws, functions, since_ms):
            yield line
            shown_ms = line.time_ms

    try:
        _show_each(run, functions, since_ms, select(read()))
    except (AwsError, Failure) as error:
        hint = f"Then go on from the last line with --since {shown_ms}." if shown_ms > since_ms else ""
        raise as_failure(error, further_hint=hint) from error


def _show_each(run: CommandRun, functions: list[Function], since_ms: int, lines: Iterable[Line]) -> None:
    if run.is_json:
        for line in lines:
            run.screen.json_line(line_document(line))
        return
    names = ", ".join(function.name for function in functions)
    run.screen.say(f"Following {names} since {time_text(since_ms)} UTC; Ctrl-C ends it.", style="dim")
    for entry in entries(lines, everything=run.screen.verbose):
        show_entry(run.screen, entry)


def _check_request_id(request: str | None) -> str | None:
    if request is not None and not REQUEST.fullmatch(request):
        raise InputError(f"{request!r} is not a valid request id.", "Copy one from a line of the logs.")
    return request


def _functions(run: CommandRun, names: list[str]) -> list[Function]:
    known = {function.name: function for function in run.session.stack.functions}
    suffix = f"-{run.session.environment}"
    long_names = [SHORT.get(name, name) for name in names]
    full_names = [name if name in known else f"{name}{suffix}" for name in long_names] or list(known)
    unknown = [name for name in full_names if name not in known]
    if unknown:
        raise InputError(
            f"There is no function {unknown[0].removesuffix(suffix)}.",
            f"Choose among: {', '.join(function.short_name for function in known.values())}.",
        )
    return [known[name] for name in full_names]
