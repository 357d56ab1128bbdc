"""A price on its way: checked by the rules of the webhook processor, written as the text that is sent."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from cryptoctl.core.numbers import plain
from cryptoctl.core.prices import Price, TimeLimits, parse_price

FIELDS = ("symbol", "price", "exchange", "volume", "timestamp", "id")


@dataclass(frozen=True, kw_only=True, slots=True)
class OutgoingPrice:
    """One price on its way: the line of the file it came from (0 on the command line) and its JSON text."""

    line: int
    text: str
    price: Price
    file: str = ""
    occurrence: int = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class BadLine:
    """A line that is no price, and why."""

    line: int
    reason: str
    file: str = ""


def outgoing(fields: Mapping[str, Any], *, now_ms: int) -> OutgoingPrice:
    """A price checked as the webhook processor will check it, with a timestamp. Raises Rejected."""
    values = {name: value for name, value in fields.items() if name in FIELDS and value is not None}
    price = parse_price(values, "{}", TimeLimits(now_ms=now_ms, arrival_ms=now_ms))
    return OutgoingPrice(line=0, text=text_of(price), price=price)


def text_of(price: Price, occurrence: int = 1) -> str:
    """The price as JSON, the same for the same price wherever it came from."""
    # Written by hand: json.dumps knows no Decimal, and a float on the way would change the digits.
    text = (
        f'{{"symbol": {_json(price.symbol)}, "price": {plain(price.price)}, '
        f'"exchange": {_json(price.exchange)}, "volume": {plain(price.volume)}, '
        f'"timestamp": {price.timestamp_ms}'
    )
    if price.id is not None:
        return f'{text}, "id": {json.dumps(price.id)}}}'
    return f'{text}, "occurrence": {occurrence}}}' if occurrence > 1 else f"{text}}}"


@lru_cache(maxsize=1024)
def _json(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
