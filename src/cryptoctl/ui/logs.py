"""A line of a function's log, for a person and for a machine."""

from __future__ import annotations

import json
from typing import Any

from rich.text import Text

from cryptoctl.ops.logs import SHOWN_FIELDS, Line, moment
from cryptoctl.ops.times import iso_of_ms
from cryptoctl.ui.screen import Screen, printable

LEVELS = {"WARNING": "yellow", "ERROR": "red", "CRITICAL": "bold red"}


def show_line(screen: Screen, line: Line) -> None:
    """A line for a person; metrics and successful invocations only with --verbose."""
    fields = line.fields
    if not screen.verbose and _only_for_machines(fields):
        return
    level = str(fields.get("level") or fields.get("log_level") or "")
    text = str(fields.get("message") or fields.get("errorMessage") or fields.get("type") or line.text)
    more = {key: value for key, value in fields.items() if key not in SHOWN_FIELDS}
    screen.line(
        Text.assemble(
            (moment(line.time_ms), "dim"),
            f" {line.function} ",
            (f"{printable(level)} " if level else "", LEVELS.get(level, "")),
            printable(text),
            (printable(f" {json.dumps(more, ensure_ascii=False)}") if more else "", "dim"),
        )
    )


def line_document(line: Line) -> dict[str, Any]:
    """A line for a machine."""
    return {
        "time": iso_of_ms(line.time_ms),
        "function": line.function,
        "message": line.fields or line.text,
    }


def _only_for_machines(fields: dict[str, Any]) -> bool:
    """Metrics in embedded metric format, and the platform's notes of invocations that went well."""
    if "_aws" in fields:
        return True
    record = fields.get("record")
    status = record.get("status", "success") if isinstance(record, dict) else None
    return str(fields.get("type", "")).startswith("platform.") and status == "success"
