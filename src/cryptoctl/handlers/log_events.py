"""The log events of a delivery, whoever wrote them, and the causes behind them."""

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cryptoctl.handlers import logs

_LONGEST_DETAIL = 8_000  # characters of one log event
_VARYING = re.compile(r"[0-9a-f]{8}[0-9a-f-]*|[0-9]+", re.IGNORECASE | re.ASCII)
_END_OF_A_PROCESS = "Runtime."  # out of memory, a crash: nothing but Lambda's report tells of it


@dataclass(frozen=True, kw_only=True, slots=True)
class ErrorEvent:
    """One error in the log; `at_ms` is milliseconds since 1970, None where the delivery has none."""

    at_ms: int | None
    time: str
    message: str
    error: str
    request: str
    detail: str
    will_be_retried: bool
    """the end of an invocation that Lambda retries"""
    is_warning: bool
    is_report: bool
    """Lambda's report of an invocation that failed: the function's own line of it says more"""

    @property
    def cause(self) -> str:
        """The same for events that differ in numbers and ids alone."""
        return _VARYING.sub("#", f"{self.message} {self.error}")[:1000]


def read(event: Any) -> ErrorEvent:
    """An event of the delivery: a line of ours, of Lambda's runtime, of Lambda's platform, or any text."""
    raw = str(event.get("message") or "") if isinstance(event, Mapping) else str(event)
    stamp = event.get("timestamp") if isinstance(event, Mapping) else None
    at_ms = stamp if isinstance(stamp, int) and not isinstance(stamp, bool) else None
    line = _json_object(raw)
    record = line.get("record") if isinstance(line.get("record"), dict) else line
    assert isinstance(record, dict)
    kind, said = record.get("errorType"), record.get("errorMessage")
    error = ": ".join(str(part) for part in (kind, said) if part)
    message = str(record.get("message") or "") or _platform_message(line) or error or raw.strip()
    trace = record.get("stackTrace")
    detail = "\n".join(map(str, trace)) if isinstance(trace, list) else str(trace or "")
    return ErrorEvent(
        at_ms=at_ms,
        time=str(line.get("timestamp") or line.get("time") or _time(at_ms)),
        message=message.splitlines()[0] if message else "an error without a message",
        error=error if error != message else "",
        request=str(record.get("requestId") or record.get("AWSRequestId") or ""),
        detail=(detail or ("" if line else raw.strip()))[:_LONGEST_DETAIL],
        will_be_retried=kind == logs.RetryError.__name__ or message == logs.GIVEN_BACK,
        is_warning=line.get("level") == "WARNING" and message != logs.GIVEN_BACK,
        is_report=_is_report_of_a_failure(line, record),
    )


def worth_an_alert(events: Sequence[ErrorEvent], known: Collection[str]) -> list[ErrorEvent]:
    """The events without warnings that match by chance, and without reports that add nothing.

    `known` are the requests of which the function's own line has been seen.
    """
    return [
        event for event in events if not event.is_warning and not (event.is_report and event.request in known)
    ]


def by_cause(events: Sequence[ErrorEvent]) -> list[list[ErrorEvent]]:
    """The events in groups of one cause: those that nobody retries first, then the most frequent."""
    causes: dict[str, list[ErrorEvent]] = {}
    for event in events:
        causes.setdefault(event.cause, []).append(event)
    return sorted(causes.values(), key=lambda group: (group[0].will_be_retried, -len(group)))


def _is_report_of_a_failure(line: Mapping[str, Any], record: Mapping[str, Any]) -> bool:
    failed = line.get("type") == "platform.report" and record.get("status") in ("failure", "error")
    return failed and not str(record.get("errorType") or "").startswith(_END_OF_A_PROCESS)


def _platform_message(line: Mapping[str, Any]) -> str:
    """Lambda's own report, such as that of a timeout."""
    record = line.get("record")
    if not isinstance(record, dict) or "type" not in line:
        return ""
    return f"{line['type']}: {record.get('status') or 'no status'}"


def _json_object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _time(at_ms: int | None) -> str:
    if at_ms is None:
        return "unknown"
    try:
        return logs.iso_utc(at_ms / 1000)
    except (ValueError, OverflowError, OSError):
        return "unknown"
