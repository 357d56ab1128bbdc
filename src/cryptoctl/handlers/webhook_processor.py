"""Takes prices in: a function URL's request, {"body": "<JSON text>"}, or a bare price; stores each once.

AWS calls: dynamodb:PutItem and dynamodb:Query on the table, sqs:SendMessage on the function's own
dead-letter queue; ssm:GetParameter on the senders' parameters.
Environment: DYNAMODB_TABLE, ENVIRONMENT, DLQ_URL; MAX_AGE_DAYS (how far back a timestamp may lie, 7305);
WEBHOOK_SENDERS (http_requests.py).
"""

import base64
import os
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from cryptoctl.core.prices import (
    MAX_BEHIND,
    MAX_BYTES,
    MAX_KEPT_BYTES,
    ParsedRequest,
    Price,
    Rejected,
    TimeLimits,
    parse_request,
    parse_request_value,
)
from cryptoctl.core.webhook_messages import (
    INVOCATIONS,
    Arrival,
    arrival_in,
    first_ms,
    message_item,
    unwrap_event,
)
from cryptoctl.core.webhook_prices import (
    at_first_arrival,
    dead_letters_of,
    prices_in_request,
    rebuild_request,
    unread_event,
)
from cryptoctl.handlers import clients, dead_letters, http_requests, logs, metrics, table
from cryptoctl.handlers.clients import Deadline
from cryptoctl.handlers.http_requests import AuthenticatedRequest
from cryptoctl.handlers.responses import UrlResponse, http_response, refusal, unavailable
from cryptoctl.handlers.storing import StoreResult, store

_log = logs.logger("webhook_processor")
clients.prepare("dynamodb", *(["ssm"] if os.environ.get("WEBHOOK_SENDERS") else []))

_RESERVE_S = 26.0  # the longest that a write under way and the dead-letter message can take


def handler(event: Any, context: object) -> UrlResponse:
    """The answer to one request: {"statusCode", "headers", "body"}.

    200 accepted, 207 some of several refused, 400 refused, 413 too large. Another failure raises RetryError,
    so that Lambda tries again. A function URL's request is checked first; where its prices cannot be stored,
    they are put on the dead-letter queue and the answer is 503, because many senders never send again.
    """
    logs.begin_request(context)
    if http_requests.is_http(event):
        result = http_requests.authenticate(event)
        return _process_http(result, event, context) if isinstance(result, AuthenticatedRequest) else result
    request: ParsedRequest | None = None
    try:
        request, arrival = _parse(event, context)
        request = _with_first_arrival(request, arrival)
        return _store(request, context)
    except Rejected as rejected:
        return _refuse(rejected)
    except Exception as error:
        if _is_request(event):
            return _set_aside([event], context, error, _key_extra(request))
        _log.warning("request not stored, and will be tried again", exc_info=error, extra=_key_extra(request))
        # Lambda makes it an attribute of the dead letter, which SQS would refuse for one such character.
        raise logs.RetryError(dead_letters.printable(str(error)) or type(error).__name__) from error


def _process_http(authenticated: AuthenticatedRequest, event: Any, context: object) -> UrlResponse:
    """The answer to a request of a known sender."""
    limits = _time_limits(arrival_in(event["requestContext"]))
    sender, arrival = authenticated.sender, authenticated.arrival(limits.arrival_ms)
    try:
        request = prices_in_request(authenticated.request, sender, authenticated.secrets, limits)
    except Rejected as rejected:
        return _refuse(rejected, sender.name)
    except Exception as error:
        dead_letter = unread_event(authenticated.request, authenticated.secrets, arrival)
        return _set_aside([dead_letter], context, error, _sender_extra(sender.name))
    try:
        request = _with_first_arrival(request, arrival)
        return _store(request, context, sender.name)
    except Exception as error:
        extra = {**_key_extra(request), **_sender_extra(sender.name)}
        return _set_aside(dead_letters_of(request, arrival), context, error, extra)


def _with_first_arrival(request: ParsedRequest, arrival: Arrival) -> ParsedRequest:
    """The prices with the times that they had when they came first, if the same may have come before."""
    timeless = any(isinstance(price, Price) and price.timed_by_arrival for price in request.prices)
    if not arrival.message_id or not timeless:
        return request
    earlier = table.put_if_new(message_item(arrival))
    return at_first_arrival(request, arrival.ms if earlier is None else first_ms(earlier))


def _store(request: ParsedRequest, context: object, sender: str | None = None) -> UrlResponse:
    deadline = Deadline(context, _RESERVE_S)
    accepted = [(index, price) for index, price in enumerate(request.prices) if isinstance(price, Price)]
    stored: dict[int, StoreResult] = {}
    if accepted:
        stored = store(accepted, logs.iso_utc(time.time()), deadline)
    return _response(request, stored, sender)


def _parse(event: Any, context: object) -> tuple[ParsedRequest, Arrival]:
    """The prices of an event that did not come over HTTP, and when it came first."""
    unwrapped = unwrap_event(event)
    inner, arrival = unwrapped or (event, arrival_in(event["requestContext"]) if _is_request(event) else None)
    limits = _time_limits(arrival)
    if arrival is None:
        arrival = Arrival(ms=limits.arrival_ms, sender=INVOCATIONS, message_id=_request_id(context))
    if unwrapped is None:
        return _prices(inner, arrival, limits, MAX_BYTES), arrival
    return _prices(inner, arrival, _limits_on_arrival(limits), MAX_KEPT_BYTES), arrival


def _prices(event: Any, arrival: Arrival, limits: TimeLimits, max_bytes: int) -> ParsedRequest:
    if not isinstance(event, dict) or "body" not in event:
        if _is_request(event):
            raise Rejected("body", "is missing")
        return parse_request_value(event, limits)
    body = event["body"]
    if not isinstance(body, str):
        raise Rejected("body", "must be JSON text")
    if event.get("isBase64Encoded") is True:
        body = _decode(body)
    if arrival.content_type is None:
        return parse_request(body, limits, max_bytes)
    sender = http_requests.known_senders().get(arrival.sender)
    if sender is None:
        raise Rejected("sender", "is not configured any more, so nothing says how it writes prices")
    return prices_in_request(rebuild_request(body, arrival, sender), sender, (), limits)


def _decode(body: str) -> str:
    try:
        return base64.b64decode(body, validate=True).decode()
    except ValueError:
        raise Rejected("body", "is no base64 of UTF-8 text") from None


def _is_request(event: Any) -> bool:
    """Whether it is what became of an HTTP request: one that was set aside, or brought by other means."""
    return isinstance(event, dict) and "requestContext" in event


def _time_limits(arrival: Arrival | None) -> TimeLimits:
    now_ms = time.time_ns() // 1_000_000
    arrival_ms = now_ms if arrival is None else arrival.ms
    return TimeLimits(now_ms=now_ms, arrival_ms=arrival_ms, max_behind=_max_behind())


def _limits_on_arrival(limits: TimeLimits) -> TimeLimits:
    """What was accepted is not too old because it had to wait."""
    waited = timedelta(milliseconds=max(0, limits.now_ms - limits.arrival_ms))
    return replace(limits, max_behind=limits.max_behind + min(waited, timedelta.max - limits.max_behind))


def _max_behind() -> timedelta:
    """How far back a timestamp may lie. A limit that is none loses no price: the default counts."""
    text = os.environ.get("MAX_AGE_DAYS")
    try:
        days = float(text) if text else MAX_BEHIND.days
    except ValueError:
        days = 0
    if 0 < days < timedelta.max.days:
        return timedelta(days=days)
    _log.error("MAX_AGE_DAYS is no number of days: the default counts", extra={"value": text})
    return MAX_BEHIND


def _response(request: ParsedRequest, stored: dict[int, StoreResult], sender: str | None) -> UrlResponse:
    results = [_result(index, price, stored) for index, price in enumerate(request.prices)]
    counts = Counter(str(result["status"]) for result in results)
    counts["differing"] = sum("differs" in result for result in results)
    _report(request, +counts, _keys(results), sender)
    if not request.is_list:
        return _response_to_one(request.prices[0], results[0])
    message = ", ".join(
        f"{counts[name]} {name}" for name in ("stored", "duplicate", "rejected") if counts[name]
    )
    refused = counts["rejected"]
    status = 200 if not refused else 207 if refused < len(results) else 400
    body: dict[str, Any] = {"message": message, "results": results}
    if status == 400:
        body = {"error": "invalid_prices", **body}
    return http_response(status, body)


def _response_to_one(price: Price | Rejected, result: dict[str, Any]) -> UrlResponse:
    if isinstance(price, Rejected):
        return refusal(price)
    result.pop("index")
    return http_response(200, {"message": f"price {result['status']}", **result})


def _result(index: int, price: Price | Rejected, stored: dict[int, StoreResult]) -> dict[str, Any]:
    if isinstance(price, Rejected):
        return {"index": index, "status": "rejected", "field": price.field, "reason": price.reason}
    outcome = stored[index]
    return {
        "index": index,
        "status": "duplicate" if outcome.duplicate else "stored",
        "symbol": price.symbol,
        "timestamp": price.timestamp_ms,
        "sort_key": outcome.sort_key,
        **({"differs": True} if outcome.differs else {}),
    }


def _keys(results: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, list[str]]]:
    """By symbol, the keys of what was stored (`keys`) and of what had been before (`repeated`)."""
    keys: dict[str, dict[str, list[str]]] = {}
    for status, name in (("stored", "keys"), ("duplicate", "repeated")):
        of_status = [
            (result["symbol"], result["sort_key"]) for result in results if result["status"] == status
        ]
        if of_status:
            keys[name] = logs.by_symbol(of_status)
    return keys


def _key_extra(request: ParsedRequest | None) -> dict[str, Any]:
    """The keys that the prices of a request would have; one without an id may have gone to a later place."""
    prices = request.prices if request is not None else ()
    keys = logs.by_symbol((price.symbol, price.sort_key()) for price in prices if isinstance(price, Price))
    return {"keys": keys} if keys else {}


def _report(request: ParsedRequest, counts: Counter[str], keys: dict[str, Any], sender: str | None) -> None:
    """One line, with what a person looks for; nothing of the sender's text but the names of fields."""
    rejected = Counter(price.field for price in request.prices if isinstance(price, Rejected))
    symbols = sorted({price.symbol for price in request.prices if isinstance(price, Price)})
    extra = {"received": len(request.prices), **counts, "symbols": symbols[:20], **keys}
    extra |= _sender_extra(sender)
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
    for field, count in rejected.items():
        metrics.emit({"Rejected": count}, {"Reason": field})


def _sender_extra(sender: str | None) -> dict[str, str]:
    return {"sender": sender} if sender is not None else {}


def _refuse(rejected: Rejected, sender: str | None = None) -> UrlResponse:
    _log.warning("request refused", extra={"reasons": [str(rejected)], **_sender_extra(sender)})
    metrics.emit({"Rejected": 1})
    metrics.emit({"Rejected": 1}, {"Reason": rejected.field})
    return refusal(rejected)


def _set_aside(events: list[Any], context: object, error: Exception, extra: Mapping[str, Any]) -> UrlResponse:
    _log.error("request not stored", exc_info=error, extra=extra)
    attributes = dead_letters.event_attributes(_request_id(context), error)
    failures = dead_letters.send_all(events, attributes)
    kept_count = len(events) - len(failures)
    if kept_count:
        metrics.emit({"DeadLettered": kept_count})
    if failures:
        _log.error("request neither stored nor put on the dead-letter queue", exc_info=failures[0])
        part = ", or only in part" if kept_count else ""
        return unavailable(f"not stored and not kept{part}: send it again")
    return unavailable("not stored yet, but kept on the dead-letter queue, from which it can be stored later")


def _request_id(context: object) -> str:
    """Lambda's id of the invocation, which stays when Lambda tries it again."""
    return str(getattr(context, "aws_request_id", "") or "")
