"""What the functions logged, for a person and for a machine."""

from __future__ import annotations

import json
from typing import Any

from rich.text import Text

from cryptoctl.ops.log_entries import LogEntry
from cryptoctl.ops.logs import Line
from cryptoctl.ops.times import iso_of_ms, time_text
from cryptoctl.ui.screen import Screen, printable
from cryptoctl.ui.styles import BAD, DOUBTFUL, VERY_BAD

INDENT = 4
LEVELS = {"WARNING": DOUBTFUL, "ERROR": BAD, "CRITICAL": VERY_BAD}


def show_entry(screen: Screen, entry: LogEntry) -> None:
    """Time, function, level and message; for an error its type, text and place below; repeats as a number.

    With --verbose also the request and the whole trace.
    """
    level = printable(entry.level)
    more = json.dumps(entry.other_fields, ensure_ascii=False) if entry.other_fields else ""
    times = f"  × {entry.count}, last {time_text(entry.last_ms)[11:19]}" if entry.count > 1 else ""
    screen.sentence(
        Text.assemble(
            (time_text(entry.time_ms), "dim"),
            f" {entry.function} ",
            (level, LEVELS.get(level, "")),
            " " if level else "",
            printable(entry.message),
            (times, "bold"),
            (printable(f" {more}") if more else "", "dim"),
        ),
        INDENT,
    )
    if entry.error:
        place = f"  ({printable(entry.raised_at)})" if entry.raised_at else ""
        screen.sentence(Text.assemble(" " * INDENT, (printable(entry.error), BAD), (place, "dim")))
    if screen.verbose:
        if entry.request:
            screen.line(Text(f"    request {printable(entry.request)}", style="dim"))
        for line in entry.trace.splitlines():
            screen.line(Text(f"    {printable(line)}", style="dim"))


def line_document(line: Line) -> dict[str, Any]:
    """A line for a machine."""
    return {
        "time": iso_of_ms(line.time_ms),
        "function": line.function,
        "message": line.fields or line.text,
    }
