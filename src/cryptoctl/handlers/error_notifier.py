"""Turns the log events that a subscription filter has matched into one alert that a person can read.

AWS calls: sns:Publish on the alerts topic.
Environment: ALERTS_TOPIC_ARN, ENVIRONMENT.
"""

import base64
import binascii
import json
import os
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

from cryptoctl.handlers import logs, metrics
from cryptoctl.handlers.clients import setting, topic_client

_log = logs.logger("error_notifier")
_LONGEST_SUBJECT = 100  # characters, ASCII
_LONGEST_MESSAGE = 200_000  # bytes; SNS takes 262,144
_LONGEST_EVENT = 8_000  # characters of one log event
_LARGEST_PAYLOAD = 16_000_000  # bytes after decompression


class UnreadableError(ValueError):
    """A payload that is no CloudWatch Logs delivery."""


def handler(event: Any, context: object) -> dict[str, Any]:
    """Publishes one alert for the delivery. What cannot be read is announced as such, and not tried again."""
    logs.begin_request(context)
    try:
        delivery = _unpack(event)
    except UnreadableError as error:
        _log.warning("unreadable delivery", extra={"reason": str(error)})
        _publish("errors that cannot be read", f"A log delivery could not be read: {error}.")
        return {"alerts": 1, "events": 0}
    events = delivery.get("logEvents")
    if delivery.get("messageType") == "CONTROL_MESSAGE" or not isinstance(events, list) or not events:
        _log.info("nothing to report", extra={"message_type": str(delivery.get("messageType"))})
        return {"alerts": 0, "events": 0}
    function = str(delivery.get("logGroup") or "an unknown function").removeprefix("/aws/lambda/")
    parsed = [_parse(each) for each in events]
    _publish(f"{function}: {parsed[0]['message']}", _text(function, delivery, parsed))
    metrics.emit({"Alerted": len(events)})
    _log.info("alert published", extra={"about": function, "events": len(events)})
    return {"alerts": 1, "events": len(events)}


def _unpack(event: Any) -> Mapping[str, Any]:
    try:
        packed = base64.b64decode(event["awslogs"]["data"], validate=True)
    except (KeyError, TypeError, ValueError, binascii.Error):
        raise UnreadableError("no base64 in awslogs.data") from None
    try:
        unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        unpacked = unpacker.decompress(packed, _LARGEST_PAYLOAD)
        if not unpacker.eof:
            raise UnreadableError("its gzip is cut off, or far too large")
        delivery = json.loads(unpacked)
    except (zlib.error, ValueError, RecursionError):
        raise UnreadableError("no JSON in its gzip") from None
    if not isinstance(delivery, dict):
        raise UnreadableError("its JSON is no object")
    return delivery


def _parse(event: Any) -> dict[str, str]:
    """time, message, request and detail of a log event, whoever wrote it."""
    raw = str(event.get("message") or "") if isinstance(event, Mapping) else str(event)
    stamp = event.get("timestamp") if isinstance(event, Mapping) else None
    line = _json_object(raw)
    record = line.get("record") if isinstance(line.get("record"), dict) else line
    assert isinstance(record, dict)
    kind, said = record.get("errorType"), record.get("errorMessage")
    error = ": ".join(str(part) for part in (kind, said) if part)
    message = str(record.get("message") or "") or error or _platform_message(line) or raw.strip()
    trace = record.get("stackTrace")
    detail = "\n".join(map(str, trace)) if isinstance(trace, list) else str(trace or "")
    return {
        "time": str(line.get("timestamp") or line.get("time") or _time(stamp)),
        "message": message.splitlines()[0] if message else "an error without a message",
        "error": error if error != message else "",
        "request": str(record.get("requestId") or record.get("AWSRequestId") or ""),
        "detail": (detail or ("" if line else raw.strip()))[:_LONGEST_EVENT],
    }


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


def _time(milliseconds: object) -> str:
    if isinstance(milliseconds, bool) or not isinstance(milliseconds, int):
        return "unknown"
    try:
        return logs.iso_utc(milliseconds / 1000)
    except (ValueError, OverflowError, OSError):
        return "unknown"


def _text(function: str, delivery: Mapping[str, Any], events: Sequence[dict[str, str]]) -> str:
    environment = os.environ.get("ENVIRONMENT") or "unknown"
    head = [
        f"{len(events)} error{'s' if len(events) > 1 else ''} in {function}",
        f"Environment: {environment}",
        f"Log group:   {delivery.get('logGroup')}",
        f"Log stream:  {delivery.get('logStream')}",
        f"Look:        cryptoctl logs {function} --env {environment}",
    ]
    blocks = [_block(number, event) for number, event in enumerate(events, start=1)]
    return "\n".join([*head, "", *blocks])


def _block(number: int, event: dict[str, str]) -> str:
    lines = [f"{number}. {event['time']}  {event['message']}"]
    lines += [event["error"]] if event["error"] else []
    lines += [f"Request id: {event['request']}"] if event["request"] else []
    lines += [event["detail"]] if event["detail"] else []
    return "\n   ".join("\n".join(lines).splitlines()) + "\n"


def _publish(subject: str, message: str) -> None:
    environment = os.environ.get("ENVIRONMENT") or "unknown"
    topic_client().publish(
        TopicArn=setting("ALERTS_TOPIC_ARN"),
        Subject=_subject(f"[{environment}] {subject}"),
        Message=_shortened(message),
        MessageAttributes={"environment": {"DataType": "String", "StringValue": environment}},
    )


def _subject(text: str) -> str:
    """Printable ASCII, one line, at most 100 characters, as SNS wants it."""
    printable = "".join(c if " " <= c <= "~" else " " if c.isspace() else "?" for c in text)
    joined = " ".join(printable.split())
    return joined if len(joined) <= _LONGEST_SUBJECT else joined[: _LONGEST_SUBJECT - 3] + "..."


def _shortened(text: str) -> str:
    encoded = text.encode(errors="replace")
    if len(encoded) <= _LONGEST_MESSAGE:
        return encoded.decode()
    return encoded[:_LONGEST_MESSAGE].decode(errors="ignore") + "\n… cut off here; the log has the rest"
