"""The webhook's answers, as a function URL takes them."""

import json
from collections.abc import Mapping
from typing import Any

Answer = dict[str, Any]


def http_answer(status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Answer:
    """{"statusCode", "headers", "body"}, the body as JSON text."""
    return {
        "statusCode": status,
        "headers": {"Content-Type": "application/json", **(headers or {})},
        "body": json.dumps(body),
    }
