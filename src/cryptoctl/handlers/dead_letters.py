"""Messages that a handler itself sends to its dead-letter queue."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from cryptoctl.handlers.clients import client, setting

_MAX_ATTRIBUTE_LENGTH = 1024
_MAX_AT_ONCE = 8  # as many as the client has connections
# All but #x9, #xA, #xD, #x20 to #xD7FF, #xE000 to #xFFFD and #x10000 to #x10FFFF, which SQS takes. As
# "none of those" it takes 4 ms to compile, at each cold start.
_REFUSED = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def send(body: object, attributes: Mapping[str, tuple[str, str]]) -> None:
    """Puts `body` on the queue as JSON, whole; `attributes` are name → (type, value), empty ones left out."""
    client("sqs").send_message(
        QueueUrl=setting("DLQ_URL"),
        MessageBody=_body(body),
        MessageAttributes={
            name: {"DataType": data_type, "StringValue": printable(value)[:_MAX_ATTRIBUTE_LENGTH]}
            for name, (data_type, value) in attributes.items()
            if value
        },
    )


def send_all(events: Sequence[Any], attributes: Mapping[str, tuple[str, str]]) -> list[Exception]:
    """Puts each event on the queue; gives what went wrong, an error for each that is not there now."""
    from cryptoctl.handlers import parallel  # only the webhook processor needs threads

    def error_of(event: Any) -> Exception | None:
        try:
            send(event, attributes)
        except Exception as error:
            return error
        return None

    try:
        client("sqs")  # making one is not safe in several threads at once, using it is
    except Exception as error:
        return [error] * len(events)
    return [error for error in parallel.map_in_threads(error_of, events, _MAX_AT_ONCE) if error is not None]


def _body(body: object) -> str:
    """The JSON text, unescaped where SQS allows it, so that a long body stays as long as it came."""
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return json.dumps(body, separators=(",", ":")) if _REFUSED.search(text) else text


def printable(text: str) -> str:
    """The text with "?" in the place of what SQS refuses in an attribute, and with it the whole message."""
    return _REFUSED.sub("?", text)


def event_attributes(request_id: str, error: BaseException) -> dict[str, tuple[str, str]]:
    """The attributes that Lambda itself gives an event on a dead-letter queue."""
    return {
        "RequestID": ("String", request_id),
        "ErrorCode": ("Number", "503"),
        "ErrorMessage": ("String", f"{type(error).__name__}: {error}"),
    }
