"""From a sender's request to prices, and to what is set aside where they cannot be stored."""

import base64
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptoctl.core import json_text
from cryptoctl.core.fields import FieldMapping
from cryptoctl.core.numbers import plain
from cryptoctl.core.occurrences import with_occurrences
from cryptoctl.core.prices import (
    MAX_BYTES,
    MAX_KEPT_BYTES,
    MAX_PRICE_BYTES,
    MILLISECONDS_FROM,
    ParsedRequest,
    Price,
    Rejected,
    TimeLimits,
    parse_request,
)
from cryptoctl.core.redaction import holds, redacted_body
from cryptoctl.core.senders import AllowedSender
from cryptoctl.core.webhook_messages import Arrival, short_id
from cryptoctl.core.webhook_requests import UnsupportedType, WebhookRequest

RESERVED_MEMBERS = ("timestamp", "id", "occurrence", "prices")  # a price may have them, or a list of prices
MAX_DEAD_LETTER_BYTES = 900_000  # of the event's text, so that SQS takes it with its attributes


def prices_in_request(
    request: WebhookRequest, sender: AllowedSender, secrets: Sequence[str], limits: TimeLimits
) -> ParsedRequest:
    """The prices that a sender's request brings, without its secrets. Raises Rejected."""
    parsed = _prices(request, sender, limits)
    message_id = request.header(sender.message_id_header)
    prices = (_without(secrets, price) if isinstance(price, Price) else price for price in parsed.prices)
    return replace(parsed, prices=tuple(_with_ids(message_id, prices) if message_id else prices))


def at_first_arrival(request: ParsedRequest, first_ms: int) -> ParsedRequest:
    """The same prices, those without a time at that of their message's first arrival, as if they had it."""
    prices = (
        replace(price, timestamp_ms=first_ms, timed_by_arrival=False)
        if isinstance(price, Price) and price.timed_by_arrival
        else price
        for price in request.prices
    )
    return replace(request, prices=tuple(prices))


def _prices(request: WebhookRequest, sender: AllowedSender, limits: TimeLimits) -> ParsedRequest:
    if sender.mapping is None and sender.token_member is None and not request.is_form():
        return parse_request(request.text(), limits)
    document = request.document()
    if sender.token_member is not None and isinstance(document, dict):
        document.pop(sender.token_member, None)
    if sender.mapping is None and not request.is_form():
        # The body was short enough; written anew it may be half as long again.
        return parse_request(json_text.dumps(document), limits, MAX_KEPT_BYTES)
    return (sender.mapping or FieldMapping()).request(document, limits)


def _with_ids(message_id: str, prices: Any) -> Any:
    """A price without an id takes the message's, so that the message sent again is the same prices."""
    for index, price in enumerate(prices):
        lacks_id = isinstance(price, Price) and price.id is None
        yield replace(price, id=f"{short_id(message_id)}.{index}", occurrence=None) if lacks_id else price


def _without(secrets: Sequence[str], price: Price) -> Price | Rejected:
    for name in ("symbol", "exchange", "id"):  # a symbol is stored in upper case
        if holds(getattr(price, name) or "", secrets):
            return Rejected(name, "contains the sender's secret, which is not stored")
    raw = redacted_body(price.raw, secrets)
    return price if raw == price.raw else replace(price, raw=raw)


def dead_letters_of(request: ParsedRequest, arrival: Arrival) -> list[dict[str, Any]]:
    """The events to keep where accepted prices could not be stored, as if they had come as we write them.

    They say of each price its time and its id, so that a replay and the sender's own retry are one price;
    where a price brought no time and its message has an id, they say that instead, because an earlier or a
    later attempt may be the message's first. They hold neither headers nor path nor secret, and each is as
    small as a request has to be.
    """
    accepted = with_occurrences(price for price in request.prices if isinstance(price, Price))
    unknown = bool(arrival.message_id) and any(price.timed_by_arrival for price in accepted)
    request_context = (arrival if unknown else Arrival(ms=arrival.ms)).document()
    records = [_record(price, with_time=not (unknown and price.timed_by_arrival)) for price in accepted]
    texts = [f"[{', '.join(part)}]" for part in _parts(records)] if request.is_list else records
    return [{"body": text, "requestContext": request_context} for text in texts]


def unread_event(request: WebhookRequest, secrets: Sequence[str], arrival: Arrival) -> dict[str, Any]:
    """The event to keep of a request that could not be read for a reason of ours: its body, no secret."""
    try:
        form = request.is_form()
    except UnsupportedType:
        form = False
    text = redacted_body(request.body.decode(errors="surrogateescape"), secrets, form=form)
    request_context = replace(arrival, content_type=request.header("content-type")).document()
    if len(json.dumps(text)) <= MAX_DEAD_LETTER_BYTES:
        return {"body": text, "requestContext": request_context}
    encoded = base64.b64encode(text.encode(errors="surrogateescape")).decode()  # a third longer at most
    return {"body": encoded, "isBase64Encoded": True, "requestContext": request_context}


def rebuild_request(body: str, arrival: Arrival, sender: AllowedSender) -> WebhookRequest:
    """The request that `unread_event` has kept, as far as its prices depend on it."""
    headers = {"content-type": arrival.content_type or ""}
    if sender.message_id_header is not None:
        headers[sender.message_id_header] = arrival.message_id
    return WebhookRequest(headers=headers, body=body.encode(errors="surrogatepass"))


def _parts(records: Iterable[str]) -> Iterator[list[str]]:
    """The records, divided so that each part may be a request's body and SQS takes it."""
    part: list[str] = []
    size, escaped = 0, 0
    for record in records:
        length, escaped_length = len(record.encode()) + 2, len(json.dumps(record))
        if part and (size + length > MAX_BYTES or escaped + escaped_length > MAX_DEAD_LETTER_BYTES):
            yield part
            part, size, escaped = [], 0, 0
        part.append(record)
        size, escaped = size + length, escaped + escaped_length
    yield part


def _record(price: Price, *, with_time: bool) -> str:
    """The text of what was received, with our members over it, where that is the same price again."""
    members = _members(price)
    if not with_time:
        del members["timestamp"]
    try:
        received = json_text.Document(price.raw).value
    except json_text.JsonError:
        return json_text.dumps(members)
    if not isinstance(received, dict):
        return json_text.dumps(members)
    # A replay would read these as ours, and the sender has another meaning of them or none.
    others = {name: value for name, value in received.items() if name not in RESERVED_MEMBERS}
    text = json_text.dumps({**others, **members})
    return text if _is_accepted(text) else json_text.dumps(members)


def _is_accepted(text: str) -> bool:
    """Whether a price's text is taken in a list of such: neither too long nor too deep."""
    try:
        json_text.Document(f"[{text}]")
    except json_text.JsonError:
        return False
    return len(text.encode()) <= MAX_PRICE_BYTES


def _members(price: Price) -> dict[str, Any]:
    members: dict[str, Any] = {
        "symbol": price.symbol,
        "price": plain(price.price),
        "exchange": price.exchange,
        "volume": plain(price.volume),
        "timestamp": _time(price.timestamp_ms),
    }
    if price.id is not None:
        members["id"] = price.id
    elif price.occurrence is not None:
        members["occurrence"] = price.occurrence
    return members


def _time(timestamp_ms: int) -> int | str:
    """Milliseconds, or ISO 8601 where the number would be read as seconds."""
    if timestamp_ms >= MILLISECONDS_FROM:
        return timestamp_ms
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=timestamp_ms)).isoformat()
