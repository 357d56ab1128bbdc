"""Deliveries as CloudWatch Logs makes them for the error notifier, and the alert that comes of one."""

import base64
import gzip
import json
import re
from typing import Any

from cryptoctl.handlers import error_notifier
from handlers.events import Context
from handlers.fake_aws import FakeAws

MS = 1_675_329_600_138


def delivery(*messages: Any, **more: Any) -> dict[str, Any]:
    """A delivery as CloudWatch Logs packs it."""
    content = {
        "messageType": "DATA_MESSAGE",
        "owner": "123456789012",
        "logGroup": "/aws/lambda/webhook-processor-prod",
        "logStream": "2026/11/22/[$LATEST]abc",
        "subscriptionFilters": ["webhook-error-filter-prod"],
        "logEvents": [{"id": str(n), "timestamp": MS, "message": text} for n, text in enumerate(messages)],
        **more,
    }
    return packed(json.dumps(content).encode())


def packed(content: bytes) -> dict[str, Any]:
    return {"awslogs": {"data": base64.b64encode(gzip.compress(content)).decode()}}


class Minutes:
    """The clock that the cap looks at."""

    def __init__(self) -> None:
        self.minute = 100

    def time(self) -> float:
        return self.minute * 60 + 59.0


def alert(aws: FakeAws, event: Any) -> dict[str, Any]:
    error_notifier.handler(event, Context())
    (message,) = aws.announced
    assert len(message["Subject"]) <= 100
    assert re.fullmatch("[ -~]+", message["Subject"])
    assert len(message["Message"].encode()) <= 262_144
    return message


def line(message: str, at_ms: int = MS, **more: Any) -> dict[str, Any]:
    return {"timestamp": at_ms, "message": json.dumps({"level": "ERROR", "message": message, **more})}


def report(status: str, request: str = "r", **more: str) -> dict[str, Any]:
    record = {"requestId": request, "status": status, **more}
    return {"timestamp": MS, "message": json.dumps({"type": "platform.report", "record": record})}
