"""The log events of a delivery, whoever wrote them, and the causes behind them."""

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cryptoctl.handlers import logs

_MAX_DETAIL_LENGTH = 8_000  # characters of one log event
_VARYING = re.compile(r"[0-9a-f]{8}[0-9a-f-]*|[0-9]+", re.IGNORECASE | re.ASCII)
_TRACEBACK = "Traceback (most recent call last):\n"
_RAISED = re.compile(rf"^{re.escape(_TRACEBACK)}(?:[ \t].*\n)+(\S.*)", re.MULTILINE)
_END_OF_A_PROCESS = "Runtime."  # out of memory, a crash: nothing but Lambda's report tells of it
_BELOW_ERROR = frozenset({"TRACE", "DEBUG", "INFO", "WARN", "WARNING"})


@dataclass(frozen=True, kw_only=True, slots=True)
class ErrorEvent:
    """One error in the log; `at_ms` is milliseconds since 1970, None where the delivery has none."""

    at_ms: int | None
    time: str
    message: str
    error: str
    error_type: str
    request: str
    symbol: str
    detail: str
    will_be_retried: bool
    """the end of an invocation that Lambda retries"""
    is_below_error: bool
    """a line whose level says that it is no error: it has matched by a word in it"""
    report: str
    """of Lambda's own reports of an invocation or a start that failed, the type; else empty"""
    ends_process: bool
    """a report of an end that the function itself can say nothing of"""

    @property
    def cause(self) -> str:
        """The same for events that differ in numbers and ids alone."""
        return _VARYING.sub("#", f"{self.message} {self.error}")[:1000]

    @property
    def is_own(self) -> bool:
        """Whether the function itself, or its runtime, tells of an error."""
        return not self.report and not self.is_below_error

    @property
    def subject(self) -> str:
        """What a report is about: an invocation; of a failed start, the error."""
        return self.request or self.error_type


def read(event: Any) -> ErrorEvent:
    """An event of the delivery: a line of ours, of Lambda's runtime, of Lambda's platform, or any text."""
    raw = str(event.get("message") or "") if isinstance(event, Mapping) else str(event)
    stamp = event.get("timestamp") if isinstance(event, Mapping) else None
    at_ms = stamp if isinstance(stamp, int) and not isinstance(stamp, bool) else None
    line = json_object(raw)
    record = line.get("record") if isinstance(line.get("record"), dict) else line
    assert isinstance(record, dict)
    error_type, error_message = record.get("errorType"), record.get("errorMessage")
    retried = error_type == logs.RetryError.__name__  # only the envelope of the error
    error = ": ".join(
        str(part) for part in ("" if retried and error_message else error_type, error_message) if part
    )
    message = str(record.get("message") or "").strip() or _platform_message(line) or error or raw.strip()
    # Of a traceback that is text, what names the error. Where the line names it, its text may be a sender's.
    raised = "" if error else "".join(_RAISED.findall(message)[-1:])
    trace = record.get("stackTrace")
    detail = "\n".join(map(str, trace)) if isinstance(trace, list) else str(trace or "")
    return ErrorEvent(
        at_ms=at_ms,
        time=str(line.get("timestamp") or line.get("time") or _time(at_ms)),
        message=_first_line(message, raised),
        error=error if error != message else "",
        error_type=str(error_type or raised.partition(":")[0]),
        request=str(record.get("requestId") or record.get("AWSRequestId") or ""),
        symbol=str(line.get("symbol") or ""),
        detail=(detail or ("" if line else raw.strip()))[:_MAX_DETAIL_LENGTH],
        will_be_retried=retried or message == logs.RETRY_MESSAGE,
        is_below_error=str(line.get("level")) in _BELOW_ERROR and message != logs.RETRY_MESSAGE,
        report=_report_of_a_failure(line, record),
        ends_process=record.get("status") == "timeout" or str(error_type or "").startswith(_END_OF_A_PROCESS),
    )


def worth_an_alert(
    events: Sequence[ErrorEvent], logged_requests: Collection[str], reported: Collection[tuple[str, str]] = ()
) -> list[ErrorEvent]:
    """The events without lines that match by chance, and without reports that add nothing.

    Lambda reports one failure several times (`platform.runtimeDone`, `platform.report`, those of a start),
    beside the function's own line. `logged_requests` are the requests of which the function's own line has
    been seen, `reported` the subjects that reports have been told of, each with the report's type.
    """
    explained = {event.error_type for event in events if event.is_own} - {""}
    reports = dict(reported)
    best: dict[str, ErrorEvent] = {}
    for event in events:
        is_explained = (
            event.error_type in explained if event.ends_process else event.request in logged_requests
        )
        if not event.report or is_explained or reports.get(event.subject, event.report) != event.report:
            continue
        first = best.setdefault(event.subject, event)
        if event.error_type and not first.error_type:
            best[event.subject] = event
    return [event for event in events if event.is_own or (event.report and best.get(event.subject) is event)]


def by_cause(events: Sequence[ErrorEvent]) -> list[list[ErrorEvent]]:
    """The events in groups of one cause: those that nobody retries first, then the most frequent."""
    causes: dict[str, list[ErrorEvent]] = {}
    for event in events:
        causes.setdefault(event.cause, []).append(event)
    return sorted(causes.values(), key=lambda group: (group[0].will_be_retried, -len(group)))


def _first_line(message: str, raised: str) -> str:
    """Of a message; of one with a traceback, what stands before that, and the error that was raised."""
    if not raised:
        return (message or "(empty line)").splitlines()[0]
    prefix = "" if message.startswith(_TRACEBACK) else message.splitlines()[0].rstrip(": ")
    return ": ".join(filter(None, (prefix, raised.splitlines()[0])))


def _report_of_a_failure(line: Mapping[str, Any], record: Mapping[str, Any]) -> str:
    kind = str(line.get("type"))
    failed = kind.startswith("platform.") and record.get("status") in ("failure", "error", "timeout")
    return kind if failed else ""


def _platform_message(line: Mapping[str, Any]) -> str:
    """Lambda's own report, such as that of a timeout."""
    record = line.get("record")
    if not isinstance(record, dict) or "type" not in line:
        return ""
    return f"{line['type']}: {record.get('status') or 'no status'}"


def json_object(text: str) -> dict[str, Any]:
    """A line's JSON object; empty where it is none."""
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
