"""The webhook's answers, as a function URL takes them."""

import json
from collections.abc import Mapping
from typing import Any

from cryptoctl.core.prices import Rejected, TooLarge
from cryptoctl.core.webhook_requests import UnsupportedType

UrlResponse = dict[str, Any]
RETRY_AFTER_S = 30


def http_response(
    status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None
) -> UrlResponse:
    """{"statusCode", "headers", "body"}, the body as JSON text."""
    return {
        "statusCode": status,
        "headers": {"Content-Type": "application/json", **(headers or {})},
        "body": json.dumps(body),
    }


def refusal(rejected: Rejected) -> UrlResponse:
    """The answer to a request, or to its only price, that is refused."""
    status, error = 400, "invalid_request"
    if isinstance(rejected, TooLarge):
        status, error = 413, "too_large"
    elif isinstance(rejected, UnsupportedType):
        status, error = 415, "unsupported_type"
    body = {"error": error, "message": str(rejected), "field": rejected.field, "reason": rejected.reason}
    return http_response(status, body)


def unavailable(message: str) -> UrlResponse:
    """The answer to a request that may succeed when it is sent again."""
    return http_response(
        503, {"error": "unavailable", "message": message}, {"Retry-After": str(RETRY_AFTER_S)}
    )
