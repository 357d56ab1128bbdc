"""Which price is meant, and whether an item or a dead letter is about it. Pure."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from cryptoctl.core.items import StoredPrice
from cryptoctl.core.numbers import plain
from cryptoctl.core.prices import Price, Rejected, TimeLimits, parse_request, parse_request_value
from cryptoctl.ops.dead_letters.messages import DeadLetter, Shape, event_text
from cryptoctl.ops.dead_letters.payloads import arrival_of
from cryptoctl.ops.dead_letters.planning import key_of_record


@dataclass(frozen=True, kw_only=True)
class PriceSelector:
    """A price of a symbol: by its exact key, by its id, by a range of milliseconds since 1970."""

    symbol: str
    sort_key: str | None = None
    id: str | None = None
    between_ms: tuple[int, int] | None = None

    def __str__(self) -> str:
        keys = {"sort key": self.sort_key, "id": self.id}
        return ", ".join([self.symbol, *(f"{name} {value}" for name, value in keys.items() if value)])

    def is_price(self, price: Price) -> bool:
        """Whether a price that was sent is the one that is meant, as far as is known without its item."""
        return (
            price.symbol == self.symbol
            and self.id in (None, price.id)
            and self.sort_key in (None, price.sort_key())
            and (self.between_ms is None or self.between_ms[0] <= price.timestamp_ms <= self.between_ms[1])
        )


@dataclass(frozen=True, kw_only=True)
class KnownPrice:
    """The price whose item this is."""

    item: StoredPrice

    def is_price(self, price: Price) -> bool:
        """Whether a price that was sent is this one, or a repeat of it."""
        stored = self.item
        same = (price.symbol, price.exchange, price.timestamp_ms) == (
            stored.symbol,
            stored.exchange,
            stored.timestamp_ms,
        )
        return same and price.id == stored.id and (stored.id is not None or price.price == stored.price)


def is_about(
    letter: DeadLetter,
    selector: PriceSelector | KnownPrice,
    key: tuple[str, Decimal] | None,
    requests: Collection[str],
) -> bool:
    """Whether a dead letter is about the price: it holds it, or is of a request that is known to.

    A pointer into the stream holds nothing, so only its request tells.
    """
    if letter.request_id and letter.request_id in requests:
        return True
    if key is not None and key in _record_keys(letter):
        return True
    return letter.shape is Shape.EVENT and any(map(selector.is_price, _prices(letter)))


def keys_in(letters: Iterable[DeadLetter], selector: PriceSelector) -> set[str]:
    """The keys that the price would have: a dead letter knows what is in no table yet."""
    events = (letter for letter in letters if letter.shape is Shape.EVENT)
    return {price.sort_key() for letter in events for price in _prices(letter) if selector.is_price(price)}


def _record_keys(letter: DeadLetter) -> Iterator[tuple[str, Decimal]]:
    for record in letter.records:
        with suppress(ValueError):
            yield key_of_record(record)


def _prices(letter: DeadLetter) -> Iterator[Price]:
    """The prices of an event, as the webhook processor reads them."""
    event: Any = letter.content
    sent_ms = letter.message.sent_ms
    arrival = arrival_of(event)
    limits = TimeLimits(now_ms=sent_ms, arrival_ms=sent_ms if arrival is None else arrival.ms)
    text = event_text(event) if isinstance(event, dict) and "body" in event else None
    try:
        parsed = parse_request(text, limits) if text is not None else parse_request_value(event, limits)
    except (Rejected, ValueError, RecursionError):
        return
    yield from (price for price in parsed.prices if isinstance(price, Price))


def item_members(item: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """An item as it is stored, attribute by attribute; numbers are text, with all their digits."""
    return {name: _shown(value) for name, value in sorted(item.items(), key=lambda pair: _order(pair[0]))}


FIRST = ("symbol", "timestamp", "price", "exchange", "volume", "id", "occurrence", "created_at", "processed")
LATER = ("enriched_at", "rev", "ma_5", "ma_20", "volatility", "raw_data")


def _order(name: str) -> tuple[int, str]:
    names = (*FIRST, *LATER)
    return (names.index(name) if name in names else len(names), name)


def _shown(value: Mapping[str, Any]) -> Any:
    if "N" in value:
        return plain(Decimal(value["N"]))
    for kind in ("S", "BOOL"):
        if kind in value:
            return value[kind]
    return json.dumps(value, default=str)
