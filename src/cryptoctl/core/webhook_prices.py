"""From a sender's request to prices, and to what is set aside where they cannot be stored."""

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from cryptoctl.core import json_text
from cryptoctl.core.fields import FieldMapping
from cryptoctl.core.numbers import plain
from cryptoctl.core.prices import MOST_PRICE_BYTES, Price, Request, TimeLimits, parse_request
from cryptoctl.core.senders import AllowedSender
from cryptoctl.core.signatures import HmacScheme
from cryptoctl.core.webhook_requests import WebhookRequest

SHORTEST_REDACTED = 16  # a shorter text may stand in a price by chance
REDACTED = "(secret)"
MOST_DEAD_LETTER_BYTES = 900_000  # of the event's text, so that SQS takes it with its attributes

_MESSAGE_ID = re.compile(r"[!-~]{1,100}", re.ASCII)


def prices_in_request(
    request: WebhookRequest, sender: AllowedSender, secrets: Sequence[str], limits: TimeLimits
) -> Request:
    """The prices that a sender's request brings, without its secrets. Raises Rejected.

    A price without a time takes the one that was signed with the message's id, so that the message sent
    again, by its sender or by somebody who has overheard it, is the same prices.
    """
    found = _prices(request, sender, _as_signed(request, sender, limits))
    message_id = request.header(sender.message_id_header)
    prices = (_without(secrets, each) if isinstance(each, Price) else each for each in found.prices)
    return replace(found, prices=tuple(_with_ids(message_id, prices) if message_id else prices))


def _as_signed(request: WebhookRequest, sender: AllowedSender, limits: TimeLimits) -> TimeLimits:
    sent_ms = sender.scheme.sent_ms(request) if isinstance(sender.scheme, HmacScheme) else None
    return limits if sent_ms is None else replace(limits, arrival_ms=sent_ms)


def _prices(request: WebhookRequest, sender: AllowedSender, limits: TimeLimits) -> Request:
    if sender.mapping is None and sender.token_member is None and not request.is_form():
        return parse_request(request.text(), limits)
    document = request.document()
    if sender.token_member is not None and isinstance(document, dict):
        document.pop(sender.token_member, None)
    return (sender.mapping or FieldMapping()).request(document, limits)


def _with_ids(message_id: str, prices: Any) -> Any:
    """A price without an id takes the message's, so that the message sent again is the same prices."""
    if not _MESSAGE_ID.fullmatch(message_id):
        message_id = hashlib.sha256(message_id.encode(errors="surrogatepass")).hexdigest()
    for index, price in enumerate(prices):
        lacks_id = isinstance(price, Price) and price.id is None
        yield replace(price, id=f"{message_id}.{index}", occurrence=None) if lacks_id else price


def _without(secrets: Sequence[str], price: Price) -> Price:
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
    whole = {**received, **members} if isinstance(received, dict) else members
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
