"""Turns the log events that a subscription filter has matched into one alert for each cause.

AWS calls: sns:Publish on the alerts topic.
Environment: ALERTS_TOPIC_ARN, ENVIRONMENT.

A delivery makes one alert at most, with its causes, how often and since when each occurred. A cause that was
alerted is held back for the rest of the minute, or for 15 minutes where Lambda retries what failed, and so is
everything beyond five alerts of a function in a minute: the next alert of the function says how much. An
execution environment of this function knows only its own alerts, so all this holds for each of them; with a
reserved concurrency of 1 it is exact.
"""

import base64
import json
import os
import time
import zlib
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cryptoctl.handlers import clients, log_events, logs, metrics
from cryptoctl.handlers.clients import client, setting
from cryptoctl.handlers.log_events import ErrorEvent

Group = Sequence[ErrorEvent]
"""Events of one cause."""

_log = logs.logger("error_notifier")
clients.prepare("sns")

_MAX_SUBJECT_LENGTH = 100  # characters, ASCII
_MAX_MESSAGE_LENGTH = 200_000  # bytes; SNS takes 262,144
_MAX_PAYLOAD = 16_000_000  # bytes after decompression
_MAX_ALERTS = 5  # of one function in one minute, by one execution environment
_MAX_EXAMPLES = 3  # of one cause, in full
_MAX_CAUSES = 1000  # remembered of one function
_QUIET_WHILE_RETRIED_S = 900  # longer than all attempts of an event take, with Lambda's pauses between them


class UnreadableError(ValueError):
    """A payload that is no CloudWatch Logs delivery."""


@dataclass(frozen=True, kw_only=True)
class HeldBack:
    """How many events are not told yet, and when the first was, in milliseconds since 1970."""

    count: int = 0
    since_ms: int | None = None

    def plus(self, events: Group) -> "HeldBack":
        """With further events."""
        return HeldBack(count=self.count + len(events), since_ms=_earliest_ms(events, self.since_ms))


@dataclass(kw_only=True)
class AlertWindow:
    """What was alerted of a function, and what was held back since its last alert."""

    minute: int = 0
    alerts: int = 0
    held_back: HeldBack = HeldBack()
    quiet_until: dict[str, float] = field(default_factory=dict)  # by cause, seconds since 1970

    def groups_to_alert(self, groups: Sequence[Group], now_s: float) -> list[Group]:
        """The groups whose causes are to be told now."""
        if now_s // 60 != self.minute:
            self.minute, self.alerts = int(now_s // 60), 0
        if self.alerts >= _MAX_ALERTS:
            return []
        return [group for group in groups if now_s >= self.quiet_until.get(group[0].cause, 0)]

    def note_alert(self, groups: Sequence[Group], now_s: float) -> None:
        """Notes an alert."""
        self.alerts += 1
        self.held_back = HeldBack()
        for event in (group[0] for group in groups):
            self.quiet_until.pop(event.cause, None)
            self.quiet_until[event.cause] = (
                now_s + _QUIET_WHILE_RETRIED_S if event.will_be_retried else (self.minute + 1) * 60
            )
        for cause in list(self.quiet_until)[:-_MAX_CAUSES]:
            del self.quiet_until[cause]


windows: dict[str, AlertWindow] = {}  # by function
_requests: deque[str] = deque(maxlen=1000)  # whose own line was seen, and whose report may come later
_reported: deque[tuple[str, str, str]] = deque(maxlen=1000)  # function, what a report told of, its type


def handler(event: Any, context: object) -> dict[str, Any]:
    """Publishes at most one alert for the delivery. What cannot be read is told as such, and not retried."""
    logs.begin_request(context)
    try:
        delivery = _unpack(event)
    except UnreadableError as error:
        _log.warning("unreadable delivery", extra={"reason": str(error)})
        return _report_unreadable(error)
    raw_events = delivery.get("logEvents")
    if delivery.get("messageType") == "CONTROL_MESSAGE" or not isinstance(raw_events, list) or not raw_events:
        _log.info("nothing to report", extra={"message_type": str(delivery.get("messageType"))})
        return {"alerts": 0, "events": 0}
    function = str(delivery.get("logGroup") or "an unknown function").removeprefix("/aws/lambda/")
    events = [log_events.read(raw_event) for raw_event in raw_events]
    _requests.extend(log_event.request for log_event in events if log_event.is_own and log_event.request)
    reported = [(subject, report) for name, subject, report in _reported if name == function]
    errors = log_events.worth_an_alert(events, set(_requests), reported)
    _reported.extend(
        (function, log_event.subject, log_event.report)
        for log_event in errors
        if log_event.report and log_event.subject
    )
    return _report(function, delivery, errors)


def _report_unreadable(error: UnreadableError) -> dict[str, Any]:
    """As of any other error: this function's own log says no more, so that is where the alert leads."""
    event = {"timestamp": int(time.time() * 1000), "message": f"a log delivery cannot be read: {error}"}
    delivery = {
        "logGroup": os.environ.get("AWS_LAMBDA_LOG_GROUP_NAME") or "unknown",
        "logStream": os.environ.get("AWS_LAMBDA_LOG_STREAM_NAME") or "unknown",
    }
    function = os.environ.get("AWS_LAMBDA_FUNCTION_NAME") or "error-notifier"
    return _report(function, delivery, [log_events.read(event)])


def _report(function: str, delivery: Mapping[str, Any], events: Sequence[ErrorEvent]) -> dict[str, Any]:
    if not events:
        _log.info(
            "nothing to report: no errors, or reports of errors that were seen", extra={"about": function}
        )
        return {"alerts": 0, "events": 0}
    window = windows.setdefault(function, AlertWindow())
    now_s = time.time()
    groups = window.groups_to_alert(log_events.by_cause(events), now_s)
    count = sum(map(len, groups))
    alerted = {group[0].cause for group in groups}
    now_held = [event for event in events if event.cause not in alerted]
    held_back = window.held_back.plus(now_held)
    if groups:
        text = _text(function, delivery, groups, window, held_back)
        _publish(_headline(function, groups), text)
        window.note_alert(groups, now_s)
        metrics.emit({"Alerted": count})
        _log.info("alert published", extra={"about": function, "events": count})
    else:
        window.held_back = held_back
    if now_held:
        metrics.emit({"HeldBack": len(now_held)})
        _log.warning("errors held back", extra={"about": function, "events": len(now_held)})
    return {"alerts": 1 if groups else 0, "events": len(events)}


def _unpack(event: Any) -> Mapping[str, Any]:
    try:
        packed = base64.b64decode(event["awslogs"]["data"], validate=True)
    except (KeyError, TypeError, ValueError):
        raise UnreadableError("no base64 in awslogs.data") from None
    try:
        unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        unpacked = unpacker.decompress(packed, _MAX_PAYLOAD)
        if not unpacker.eof:
            raise UnreadableError("its gzip is cut off, or far too large")
        delivery = json.loads(unpacked)
    except (zlib.error, ValueError, RecursionError):
        raise UnreadableError("no JSON in its gzip") from None
    if not isinstance(delivery, dict):
        raise UnreadableError("its JSON is no object")
    return delivery


def _headline(function: str, groups: Sequence[Group]) -> str:
    count, first = sum(map(len, groups)), groups[0][0]
    times = f"{count} {'errors' if len(groups) > 1 else 'times'}: " if count > 1 else ""
    return f"{function}: {'being retried: ' if first.will_be_retried else ''}{times}{first.message}"


def _text(
    function: str,
    delivery: Mapping[str, Any],
    groups: Sequence[Group],
    window: AlertWindow,
    held_back: HeldBack,
) -> str:
    environment = _environment()
    events = [event for group in groups for event in group]
    since, look_since = _since(events), _since(events, held_back.since_ms)
    count = len(events)
    of_causes = f", {len(groups)} causes" if len(groups) > 1 else ""
    header = [
        f"{count} error{'s' if count > 1 else ''} in {function}{of_causes}",
        f"Environment: {environment}",
        f"Since:       {since}",
        f"Log group:   {delivery.get('logGroup')}",
        f"Log stream:  {delivery.get('logStream')}",
        f"Look:        cryptoctl logs {function} --env {environment} --since {look_since}{_region()}",
        f"Then:        cryptoctl status --env {environment}{_region()}",
    ]
    if held_back.count:
        header.append(f"Held back:   {held_back.count} more since the last alert; the log has them")
    if window.alerts + 1 == _MAX_ALERTS:
        header.append(
            f"The {_MAX_ALERTS}th alert in this minute: what follows in it is held back, and counted."
        )
    blocks = [_block(number, function, group) for number, group in enumerate(groups, start=1)]
    return "\n".join([*header, "", *blocks])


def _environment() -> str:
    return os.environ.get("ENVIRONMENT") or "unknown"


def _since(events: Group, before_ms: int | None = None) -> str:
    """The second of the first event, as `--since` takes it; ten minutes ago where no event has a time."""
    earliest = _earliest_ms(events, before_ms)
    return "10m" if earliest is None else logs.iso_utc(earliest // 1000)[:19] + "Z"


def _earliest_ms(events: Group, before_ms: int | None) -> int | None:
    times_ms = [at_ms for at_ms in (before_ms, *(event.at_ms for event in events)) if at_ms is not None]
    return min((at_ms for at_ms in times_ms if 0 <= at_ms < 10**14), default=None)


def _region() -> str:
    region = os.environ.get("AWS_REGION")
    return f" --region {region}" if region else ""


def _block(number: int, function: str, group: Group) -> str:
    first, last = group[0], group[-1]
    frequency = f"{len(group)} times, {first.time} to {last.time}" if len(group) > 1 else first.time
    lines = [f"{number}. {frequency}  {first.message}"]
    if first.will_be_retried:
        lines += _retried(function, len(group))
    for event in group[:_MAX_EXAMPLES]:
        lines += [event.error] if event.error else []
        lines += [f"Symbol: {event.symbol}"] if event.symbol else []
        lines += [f"Request id: {event.request}"] if event.request else []
    lines += [first.detail] if first.detail else []
    return "\n   ".join("\n".join(lines).splitlines()) + "\n"


def _retried(function: str, count: int) -> list[str]:
    invocations, pronoun = ("1 invocation", "it") if count == 1 else (f"{count} invocations", "them")
    return [
        f"{invocations} of {function} failed with this.",
        f"Lambda retries {pronoun}; what still fails becomes a dead letter. Look with:",
        f"cryptoctl dlq list --env {_environment()}{_region()}",
        f"For {_QUIET_WHILE_RETRIED_S // 60} minutes, failures of this cause are only counted.",
    ]


def _publish(subject: str, message: str) -> None:
    environment = _environment()
    client("sns").publish(
        TopicArn=setting("ALERTS_TOPIC_ARN"),
        Subject=_subject(f"[{environment}] {subject}"),
        Message=_shortened(message),
        MessageAttributes={"environment": {"DataType": "String", "StringValue": environment}},
    )


def _subject(text: str) -> str:
    """Printable ASCII, one line, at most 100 characters, as SNS wants it."""
    printable = "".join(char if " " <= char <= "~" else " " if char.isspace() else "?" for char in text)
    joined = " ".join(printable.split())
    return joined if len(joined) <= _MAX_SUBJECT_LENGTH else joined[: _MAX_SUBJECT_LENGTH - 3] + "..."


def _shortened(text: str) -> str:
    encoded = text.encode(errors="replace")
    if len(encoded) <= _MAX_MESSAGE_LENGTH:
        return encoded.decode()
    return encoded[:_MAX_MESSAGE_LENGTH].decode(errors="ignore") + "\n… cut off here; the log has the rest"
