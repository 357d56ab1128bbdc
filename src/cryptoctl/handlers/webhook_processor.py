"""Takes prices in: an HTTP event, {"body": "<JSON text>"}, or a bare price; stores each exactly once.

AWS calls: dynamodb:PutItem and dynamodb:Query on the table, sqs:SendMessage on the function's own
dead-letter queue.
Environment: DYNAMODB_TABLE, ENVIRONMENT, DLQ_URL; MAX_AGE_DAYS (how far back a timestamp may lie, 7305).
"""

import base64
import binascii
import json
import os
import time
from collections import Counter
from datetime import timedelta
from typing import Any

from cryptoctl.core.prices import (
    MOST_BEHIND,
    Price,
    Rejected,
    Request,
    TimeLimits,
    TooLarge,
    parse_parsed,
    parse_request,
)
from cryptoctl.handlers import dead_letters, logs, metrics
from cryptoctl.handlers.clients import Deadline
from cryptoctl.handlers.storing import Stored, store

_log = logs.logger("webhook_processor")
_RESERVE_S = 26.0  # the longest that a write under way and the dead-letter message can take

Answer = dict[str, Any]


def handler(event: Any, context: object) -> Answer:
    """The answer to one request: {"statusCode", "headers", "body"}.

    200 accepted, 207 some of several refused, 400 refused, 413 too large. Another failure raises RetryError,
    so that Lambda tries again; for an HTTP event, whose sender may not, it puts the event on the dead-letter
    queue and answers 503.
    """
    logs.begin_request(context)
    try:
        return _process(event, context)
    except Exception as error:
        if _is_http(event):
            return _set_aside(event, context, error)
        _log.warning("request not stored, and will be tried again", exc_info=error)
        raise logs.RetryError(str(error) or type(error).__name__) from error


def _process(event: Any, context: object) -> Answer:
    deadline = Deadline(context, _RESERVE_S)
    try:
        request = _parse(event)
    except Rejected as rejected:
        return _refuse(rejected)
    accepted = [(index, price) for index, price in enumerate(request.prices) if isinstance(price, Price)]
    stored: dict[int, Stored] = {}
    if accepted:
        stored = store(accepted, logs.iso_utc(time.time()), deadline)
    return _answer(request, stored)


def _parse(event: Any) -> Request:
    limits = _time_limits(event)
    if not isinstance(event, dict) or "body" not in event:
        if _is_http(event):
            raise Rejected("body", "is missing")
        return parse_parsed(event, limits)
    body = event["body"]
    if not isinstance(body, str):
        raise Rejected("body", "must be JSON text")
    if event.get("isBase64Encoded") is True:
        body = _decode(body)
    return parse_request(body, limits)


def _decode(body: str) -> str:
    try:
        return base64.b64decode(body, validate=True).decode()
    except (binascii.Error, ValueError):
        raise Rejected("body", "is no base64 of UTF-8 text") from None


def _is_http(event: Any) -> bool:
    return isinstance(event, dict) and "requestContext" in event


def _time_limits(event: Any) -> TimeLimits:
    now_ms = time.time_ns() // 1_000_000
    arrival = event["requestContext"] if _is_http(event) else None
    arrival_ms = arrival.get("timeEpoch") if isinstance(arrival, dict) else None
    if not isinstance(arrival_ms, int) or isinstance(arrival_ms, bool) or arrival_ms <= 0:
        arrival_ms = now_ms
    return TimeLimits(now_ms=now_ms, arrival_ms=arrival_ms, most_behind=_most_behind())


def _most_behind() -> timedelta:
    days = os.environ.get("MAX_AGE_DAYS")
    return timedelta(days=float(days)) if days else MOST_BEHIND


def _answer(request: Request, stored: dict[int, Stored]) -> Answer:
    results = [_result(index, price, stored) for index, price in enumerate(request.prices)]
    counts = Counter(str(result["status"]) for result in results)
    _report(request, counts)
    if not request.several:
        return _answer_to_one(request.prices[0], results[0])
    message = ", ".join(
        f"{counts[name]} {name}" for name in ("stored", "duplicate", "rejected") if counts[name]
    )
    refused = counts["rejected"]
    status = 200 if not refused else 207 if refused < len(results) else 400
    body: dict[str, Any] = {"message": message, "results": results}
    if status == 400:
        body = {"error": "invalid_prices", **body}
    return _http(status, body)


def _answer_to_one(price: Price | Rejected, result: dict[str, Any]) -> Answer:
    if isinstance(price, Rejected):
        return _http(413 if isinstance(price, TooLarge) else 400, _error_body(price))
    result.pop("index")
    return _http(200, {"message": f"price {result['status']}", **result})


def _result(index: int, price: Price | Rejected, stored: dict[int, Stored]) -> dict[str, Any]:
    if isinstance(price, Rejected):
        return {"index": index, "status": "rejected", "field": price.field, "reason": price.reason}
    outcome = stored[index]
    return {
        "index": index,
        "status": "duplicate" if outcome.duplicate else "stored",
        "symbol": price.symbol,
        "timestamp": price.timestamp_ms,
        "sort_key": outcome.sort_key,
    }


def _report(request: Request, counts: Counter[str]) -> None:
    """One line, with what a person looks for; nothing of the sender's text but the names of fields."""
    rejected = Counter(price.field for price in request.prices if isinstance(price, Rejected))
    symbols = sorted({price.symbol for price in request.prices if isinstance(price, Price)})
    extra = {"received": len(request.prices), **counts, "symbols": symbols[:20]}
    if rejected:
        reasons = sorted({str(price) for price in request.prices if isinstance(price, Rejected)})
        _log.warning("prices refused", extra={**extra, "reasons": reasons[:20]})
    else:
        _log.info("prices taken in", extra=extra)
    metrics.emit(
        {
            "Received": len(request.prices),
            "Stored": counts["stored"],
            "Duplicate": counts["duplicate"],
            "Rejected": counts["rejected"],
        }
    )
    for field, number in rejected.items():
        metrics.emit({"Rejected": number}, {"Reason": field})


def _refuse(rejected: Rejected) -> Answer:
    _log.warning("request refused", extra={"reasons": [str(rejected)]})
    metrics.emit({"Rejected": 1})
    metrics.emit({"Rejected": 1}, {"Reason": rejected.field})
    return _http(413 if isinstance(rejected, TooLarge) else 400, _error_body(rejected))


def _error_body(rejected: Rejected) -> dict[str, Any]:
    error = "too_large" if isinstance(rejected, TooLarge) else "invalid_request"
    return {"error": error, "message": str(rejected), "field": rejected.field, "reason": rejected.reason}


def _set_aside(event: Any, context: object, error: Exception) -> Answer:
    _log.error("request not stored", exc_info=error)
    request_id = str(getattr(context, "aws_request_id", "") or "")
    try:
        dead_letters.send(event, dead_letters.event_attributes(request_id, error))
    except Exception:
        _log.exception("request neither stored nor put on the dead-letter queue")
        return _http(503, {"error": "unavailable", "message": "not stored and not kept: send it again"})
    metrics.emit({"DeadLettered": 1})
    message = "not stored yet, but kept on the dead-letter queue, from which it can be stored later"
    return _http(503, {"error": "unavailable", "message": message})


def _http(status: int, body: dict[str, Any]) -> Answer:
    return {"statusCode": status, "headers": {"Content-Type": "application/json"}, "body": json.dumps(body)}
