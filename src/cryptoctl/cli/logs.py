"""cryptoctl logs: the functions' logs, merged."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Annotated, Any

import typer
from rich.text import Text

from cryptoctl.cli.command import Run, command
from cryptoctl.errors import Failure, Problem
from cryptoctl.ops.logs import SHOWN_FIELDS, Line, follow, moment
from cryptoctl.ops.logs import lines as read_lines
from cryptoctl.ops.times import moment_ms
from cryptoctl.provisioners.function import Function
from cryptoctl.reconcile.permissions import Access
from cryptoctl.ui.screen import printable

LEVELS = {"WARNING": "yellow", "ERROR": "red", "CRITICAL": "bold red"}


@command("logs", access=Access.READ_DATA, example="cryptoctl logs price-enricher --since 1h")
def logs(
    run: Run,
    functions: Annotated[
        list[str] | None, typer.Argument(metavar="[FUNCTION]...", help="Such as price-enricher; else all.")
    ] = None,
    since: Annotated[str, typer.Option(metavar="T", help="From when: 10m (ago), epoch or ISO 8601.")] = "10m",
    following: Annotated[bool, typer.Option("--follow", "-f", help="Go on until Ctrl-C.")] = False,
) -> None:
    """Show what the functions logged, merged in order of time (UTC)."""
    wanted = _functions(run, functions or [])
    since_ms = moment_ms(since)
    found: Iterable[Line]
    if following:
        found = follow(run.session.aws, wanted, since_ms)
    else:
        found = read_lines(run.session.aws, wanted, since_ms)
    try:
        for line in found:
            _show(run, line)
    except KeyboardInterrupt:
        if not following:
            raise


def _functions(run: Run, names: list[str]) -> list[Function]:
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


def _show(run: Run, line: Line) -> None:
    if run.machine:
        fields = line.fields
        run.screen.json_line(
            {"time_ms": line.time_ms, "function": line.function, "message": fields or line.text}
        )
        return
    fields = line.fields
    if not run.screen.verbose and _only_for_machines(fields):
        return
    level = str(fields.get("level") or fields.get("log_level") or "")
    text = str(fields.get("message") or fields.get("errorMessage") or fields.get("type") or line.text)
    more = {key: value for key, value in fields.items() if key not in SHOWN_FIELDS}
    run.screen.out.print(
        Text.assemble(
            (moment(line.time_ms), "dim"),
            f" {line.function} ",
            (f"{printable(level)} " if level else "", LEVELS.get(level, "")),
            printable(text),
            (printable(f" {json.dumps(more, ensure_ascii=False)}") if more else "", "dim"),
        )
    )


def _only_for_machines(fields: dict[str, Any]) -> bool:
    """Metrics in embedded metric format, and the platform's notes of invocations that went well."""
    if "_aws" in fields:
        return True
    record = fields.get("record")
    status = record.get("status", "success") if isinstance(record, dict) else None
    return str(fields.get("type", "")).startswith("platform.") and status == "success"
