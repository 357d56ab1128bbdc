"""Log lines as people read them: one entry for each thing that happened, whoever logged it how often."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from cryptoctl.handlers import log_events
from cryptoctl.ops.causes import cause_of
from cryptoctl.ops.logs import SHOWN_FIELDS, Line, in_order

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
ERROR_FIELDS = ("errorType", "errorMessage", "stackTrace")
# By these a price is found; a thousand of them are nothing to read.
KEY_FIELDS = ("keys", "repeated", "corrections")
REASONS = ("reason", "reasons")
UNREMARKABLE_LEVELS = ("DEBUG", "INFO", "")
NO_FAILURE = (None, "", "success")  # what `_platform_status` may say of a line
_FRAME = re.compile(r'File "[^"]*?([^/"]+/[^/"]+\.py)", line (\d+), in (\w+)')
_SHOWN_ELSEWHERE = frozenset((*SHOWN_FIELDS, *ERROR_FIELDS, *KEY_FIELDS))


@dataclass(frozen=True, kw_only=True)
class LogEntry:
    """What one line says, or several that say the same: `count` of them, the last at `last_ms`."""

    time_ms: int
    function: str
    level: str
    message: str
    error: str = ""
    """its type and text"""
    raised_at: str = ""
    """where it was raised: file, line and function"""
    request: str = ""
    trace: str = ""
    """what follows the message's first line, and the stack trace"""
    prices: Mapping[str, Any] = field(default_factory=dict)
    """the fields of KEY_FIELDS: which prices the line is about, symbol → sort keys"""
    other_fields: Mapping[str, Any] = field(default_factory=dict)
    """the line's fields that no other attribute has"""
    count: int = 1
    last_ms: int = 0
    lines: Sequence[Line] = ()
    """what it was made of, in order of time"""

    @property
    def failed(self) -> bool:
        """Whether it tells of something that failed, at whatever level."""
        return bool(self.error) or self.level in ("ERROR", "CRITICAL")

    @property
    def text(self) -> str:
        """Message and error in one line."""
        return ": ".join(part for part in (self.message, self.error) if part)


def entries(lines: Iterable[Line], *, everything: bool = False) -> Iterator[LogEntry]:
    """The lines' entries, in their order.

    Unless `everything` is wanted, without metrics, without the platform's notes of invocations that went
    well, and without copies: what the runtime and the platform log of an error that the function has logged.
    """
    logged_errors: dict[tuple[str, str], str] = {}
    for line in lines:
        entry = _entry(line)
        if everything:
            yield entry
            continue
        if _is_note(line.fields):
            continue
        error = logged_errors.get((entry.function, entry.request))
        if error is not None and entry.request and _is_copy(line.fields, error):
            continue
        if entry.failed:
            logged_errors[entry.function, entry.request] = entry.error
        yield entry


def fold_repeats(entries: Iterable[LogEntry]) -> list[LogEntry]:
    """Repeats as one entry each: of a warning or an error wherever they are, of others in a row.

    Of their other fields an entry has those that are the same in all of them, and the first one's reasons.
    """
    groups: list[list[LogEntry]] = []
    group_of: dict[tuple[str, ...], list[LogEntry]] = {}
    previous: dict[str, tuple[str, ...]] = {}
    for entry in entries:
        key = _key(entry)
        in_a_row = previous.get(entry.function) == key
        previous[entry.function] = key
        if key in group_of and (in_a_row or entry.level not in UNREMARKABLE_LEVELS):
            group_of[key].append(entry)
        else:
            group_of[key] = [entry]
            groups.append(group_of[key])
    return [_combined(group) for group in groups]


def _combined(group: Sequence[LogEntry]) -> LogEntry:
    first, *repeats = group
    other_fields = {
        name: value
        for name, value in first.other_fields.items()
        if name in REASONS or all(repeat.other_fields.get(name) == value for repeat in repeats)
    }
    lines = [line for entry in group for line in entry.lines]
    return replace(first, count=len(group), last_ms=group[-1].time_ms, other_fields=other_fields, lines=lines)


def latest(entries: Sequence[LogEntry], limit: int) -> list[LogEntry]:
    """Those that have come last, in their order; a repeat counts by the last time."""
    newest = sorted(range(len(entries)), key=lambda place: entries[place].last_ms)[-limit:]
    return [entries[place] for place in sorted(newest)]


def lines_of(entries: Iterable[LogEntry]) -> list[Line]:
    """What the entries were made of, in order of time."""
    return in_order(line for entry in entries for line in entry.lines)


def _key(entry: LogEntry) -> tuple[str, ...]:
    more = repr(entry.other_fields if entry.level in UNREMARKABLE_LEVELS else _causes(entry))
    # A text that is no error is told apart from another by what follows its first line.
    trace = "" if entry.failed else entry.trace
    return entry.function, entry.level, entry.message, cause_of(entry.error or entry.message), more, trace


def _causes(entry: LogEntry) -> list[str]:
    """Why something was refused is what has happened; how many there were, or how long one was, is not."""
    values = [entry.other_fields.get(name) for name in REASONS]
    reasons = [reason for value in values for reason in (value if isinstance(value, list) else [value])]
    return [cause_of(str(reason)) for reason in reasons]


def _entry(line: Line) -> LogEntry:
    fields = line.fields
    event = log_events.read({"message": line.text, "timestamp": line.time_ms})
    level = str(fields.get("level") or fields.get("log_level") or "")
    failed = event.report or event.error_type or _platform_status(fields) not in NO_FAILURE
    frames = _FRAME.findall(event.detail)
    # Of a library's innards nobody can change anything.
    own_frames = [frame for frame in frames if frame[0].startswith(("handlers/", "core/"))] or frames
    return LogEntry(
        time_ms=line.time_ms,
        last_ms=line.time_ms,
        lines=(line,),
        function=line.function,
        level=level or ("ERROR" if failed else ""),
        message=event.message,
        error=event.error,
        raised_at=":".join(own_frames[-1][:2]) + f" in {own_frames[-1][2]}" if own_frames else "",
        request=event.request,
        trace=_trace(line, fields, event.detail),
        prices={name: fields[name] for name in KEY_FIELDS if isinstance(fields.get(name), dict)},
        other_fields=_other_fields(fields),
    )


def _trace(line: Line, fields: Mapping[str, Any], detail: str) -> str:
    # Of plain text `detail` is the text once more, and only its beginning where it is long.
    message = str(fields.get("message") or "") if fields else line.text
    return "\n".join([*message.strip().splitlines()[1:], *([detail] if fields and detail else [])])


def _other_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    if _platform_status(fields) is not None:
        return {}
    metric = "_aws" in fields
    shown = {name: value for name, value in fields.items() if name not in _SHOWN_ELSEWHERE}
    return {name: value for name, value in shown.items() if not metric or name in REASONS}


def _is_note(fields: Mapping[str, Any]) -> bool:
    if "_aws" in fields and "message" not in fields:
        return True
    return str(fields.get("type", "")).startswith("platform.") and _platform_status(fields) in NO_FAILURE


def _is_copy(fields: Mapping[str, Any], logged_error: str) -> bool:
    """Whether the runtime or the platform wrote it of an error that the function has logged."""
    status = _platform_status(fields)
    if status is not None:
        return fields.get("type") == "platform.report" and status in ("error", "failure")
    if "_aws" in fields:  # ours
        return False
    return "logger" not in fields and str(fields.get("errorMessage") or " ") in logged_error


def _platform_status(fields: Mapping[str, Any]) -> str | None:
    """How what the platform writes of went, empty where it does not say; None for any other line."""
    record = fields.get("record")
    return str(record.get("status") or "") if isinstance(record, dict) else None
