"""Messages to a function's dead-letter queue, by the handler's own hand."""

import json
from collections.abc import Mapping
from typing import Any

from cryptoctl.handlers.clients import client, setting

_LONGEST_ATTRIBUTE = 1024


def send(body: object, attributes: Mapping[str, tuple[str, str]]) -> None:
    """Puts `body` on the queue as JSON, whole; `attributes` are name → (type, value), empty ones left out."""
    client("sqs").send_message(
        QueueUrl=setting("DLQ_URL"),
        MessageBody=json.dumps(body, separators=(",", ":")),
        MessageAttributes={
            name: {"DataType": kind, "StringValue": _printable(value)[:_LONGEST_ATTRIBUTE]}
            for name, (kind, value) in attributes.items()
            if value
        },
    )


def _printable(text: str) -> str:
    """Without what SQS refuses in an attribute."""
    return "".join(c if c.isprintable() or c in "\t\n\r" else "?" for c in text)


def event_attributes(request_id: str, error: BaseException) -> dict[str, tuple[str, str]]:
    """The attributes that Lambda itself gives an event on a dead-letter queue."""
    message: Any = f"{type(error).__name__}: {error}"
    return {
        "RequestID": ("String", request_id),
        "ErrorCode": ("Number", "503"),
        "ErrorMessage": ("String", message),
    }
