"""From a sender's request to prices, and to what is set aside where they cannot be stored."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from cryptoctl.core import json_text
from cryptoctl.core.fields import FieldMapping
from cryptoctl.core.numbers import plain
from cryptoctl.core.prices import MOST_PRICE_BYTES, Price, Rejected, Request, TimeLimits, parse_request
from cryptoctl.core.senders import AllowedSender
from cryptoctl.core.webhook_messages import short_id
from cryptoctl.core.webhook_requests import WebhookRequest

SHORTEST_REDACTED = 16  # a shorter text may stand in a price by chance
REDACTED = "(secret)"
OUR_OWN_MEMBERS = ("id", "occurrence", "prices")  # what a price may have, and what holds a list of them
MOST_DEAD_LETTER_BYTES = 900_000  # of the event's text, so that SQS takes it with its attributes


def prices_in_request(
    request: WebhookRequest, sender: AllowedSender, secrets: Sequence[str], limits: TimeLimits
) -> Request:
    """The prices that a sender's request brings, without its secrets. Raises Rejected."""
    found = _prices(request, sender, limits)
    message_id = request.header(sender.message_id_header)
    prices = (_without(secrets, each) if isinstance(each, Price) else each for each in found.prices)
    return replace(found, prices=tuple(_with_ids(message_id, prices) if message_id else prices))


def at_first_arrival(request: Request, first_ms: int) -> Request:
    """The same prices, those that brought no time at that of their message's first arrival."""
    prices = (
        replace(price, timestamp_ms=first_ms) if isinstance(price, Price) and price.arrived else price
        for price in request.prices
    )
    return replace(request, prices=tuple(prices))


def _prices(request: WebhookRequest, sender: AllowedSender, limits: TimeLimits) -> Request:
    if sender.mapping is None and sender.token_member is None and not request.is_form():
        return parse_request(request.text(), limits)
    document = request.document()
    if sender.token_member is not None and isinstance(document, dict):
        document.pop(sender.token_member, None)
    return (sender.mapping or FieldMapping()).request(document, limits)


def _with_ids(message_id: str, prices: Any) -> Any:
    """A price without an id takes the message's, so that the message sent again is the same prices."""
    for index, price in enumerate(prices):
        lacks_id = isinstance(price, Price) and price.id is None
        yield replace(price, id=f"{short_id(message_id)}.{index}", occurrence=None) if lacks_id else price


def _without(secrets: Sequence[str], price: Price) -> Price | Rejected:
    for name in ("symbol", "exchange", "id"):
        value = (getattr(price, name) or "").casefold()
        if any(each.casefold() in value for each in secrets if len(each) >= SHORTEST_REDACTED):
            return Rejected(name, "contains the sender's secret, which is not stored")
    raw = _redacted(price.raw, secrets)
    return price if raw == price.raw else replace(price, raw=raw)


def _redacted(text: str, secrets: Sequence[str]) -> str:
    for secret in secrets:
        if len(secret) >= SHORTEST_REDACTED:
            text = text.replace(secret, REDACTED)
    return text


def dead_letter(request: Request, arrival_ms: int) -> dict[str, Any]:
    """The event to keep where accepted prices could not be stored: as if they had been sent as we write them.

    It says of each price its time and its id, so that a replay and the sender's own retry are one price. It
    holds neither headers nor path nor secret.
    """
    accepted = [price for price in request.prices if isinstance(price, Price)]
    text = _text([_record(price) for price in accepted], request.several)
    if len(json.dumps(text)) > MOST_DEAD_LETTER_BYTES:
        text = _text([_members(price) for price in accepted], request.several)
    return {"body": text, "requestContext": {"timeEpoch": arrival_ms}}


def unread(request: WebhookRequest, secrets: Sequence[str], arrival_ms: int) -> dict[str, Any]:
    """The event to keep of a request that could not be read for a reason of ours: its body, no secret."""
    text = _redacted(request.body.decode(errors="replace"), secrets)
    return {"body": text, "requestContext": {"timeEpoch": arrival_ms}}


def _text(records: list[dict[str, Any]], several: bool) -> str:
    return json_text.dumps(records if several else records[0])


def _record(price: Price) -> dict[str, Any]:
    """What was received, with our members over it."""
    members = _members(price)
    try:
        received = json_text.Document(price.raw).value
    except json_text.JsonError:
        return members
    if not isinstance(received, dict):
        return members
    # A replay would read these as ours, and the sender has another meaning of them or none.
    others = {name: value for name, value in received.items() if name not in OUR_OWN_MEMBERS}
    whole = {**others, **members}
    return whole if len(json_text.dumps(whole).encode(errors="replace")) <= MOST_PRICE_BYTES else members


def _members(price: Price) -> dict[str, Any]:
    members: dict[str, Any] = {
        "symbol": price.symbol,
        "price": plain(price.price),
        "exchange": price.exchange,
        "volume": plain(price.volume),
        "timestamp": price.timestamp_ms,
    }
    if price.id is not None:
        members["id"] = price.id
    elif price.occurrence is not None:
        members["occurrence"] = price.occurrence
    return members
