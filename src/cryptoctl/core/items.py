"""A price as an item of the table, in DynamoDB's own attribute values: {"N": "1.5"}, {"S": "BTC"}."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from cryptoctl.core import keys
from cryptoctl.core.indicators import INDICATORS, NO_INDICATORS, Indicators
from cryptoctl.core.numbers import NumberError, decimal_from, plain
from cryptoctl.core.prices import Price

_MAX_TEXT_LENGTH = 2048  # what is longer would not fit into an announcement

AttributeValue = Mapping[str, Any]
Item = Mapping[str, AttributeValue]


class UnusableError(ValueError):
    """An item that is no price and never will be; the message says why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredPrice:
    """A price as read from the table. `exchange` is empty where an item written by hand has none.

    `enriched_at` is None also where it is no text; `revision` is the attribute `rev`, whatever its type.
    `occurrence` is None where the item does not say which of prices that are alike it is. `unreadable` names
    the indicators that are stored and are no numbers.
    """

    symbol: str
    key: Decimal
    price: Decimal
    volume: Decimal
    exchange: str
    id: str | None = None
    occurrence: int | None = None
    processed: bool = False
    enriched_at: str | None = None
    revision: AttributeValue | None = None
    indicators: Indicators = NO_INDICATORS
    unreadable: frozenset[str] = frozenset()

    @property
    def sort_key(self) -> str:
        """The exact key as text."""
        return plain(self.key)

    @property
    def timestamp_ms(self) -> int:
        """The whole milliseconds of the key."""
        return keys.millisecond_of_key(self.key)


def new_item(price: Price, sort_key: str, created_at: str, occurrence: int = 1) -> dict[str, dict[str, Any]]:
    """The item that a price becomes; `created_at` is ISO 8601 with an offset.

    `occurrence` is which of prices without an id that are alike it is; of the first, the item says nothing.
    """
    item: dict[str, dict[str, Any]] = {
        "symbol": {"S": price.symbol},
        "timestamp": {"N": sort_key},
        "price": {"N": plain(price.price)},
        "exchange": {"S": price.exchange},
        "volume": {"N": plain(price.volume)},
        "raw_data": {"S": price.raw},
        "processed": {"BOOL": False},
        "created_at": {"S": created_at},
    }
    if price.id is not None:
        item["id"] = {"S": price.id}
    elif occurrence > 1:
        item["occurrence"] = {"N": str(occurrence)}
    return item


def stored_price(item: Item) -> StoredPrice:
    """The price that an item holds, whoever wrote it. Raises UnusableError where there is none in it."""
    price = _number(item, "price")
    if price is None:
        raise UnusableError("it has no price")
    if price <= 0:
        raise UnusableError("its price is not greater than 0")
    volume = _number(item, "volume")
    indicators = {name: _indicator(item, name) for name in INDICATORS}
    return StoredPrice(
        symbol=_text(item, "symbol") or "",
        key=key_of(item),
        price=price,
        volume=Decimal(0) if volume is None else volume,
        exchange=_text(item, "exchange") or "",
        id=item["id"].get("S") or item["id"].get("N") if "id" in item else None,
        occurrence=_integer(item, "occurrence"),
        processed=item.get("processed", {}).get("BOOL") is True,
        enriched_at=item.get("enriched_at", {}).get("S"),
        revision=item.get("rev"),
        indicators=Indicators(**indicators),
        unreadable=frozenset(name for name, value in indicators.items() if value is None and name in item),
    )


def key_of(item: Item) -> Decimal:
    """The range key of an item, bounded: at most 38 digits between 1E-130 and 9.99E+125.

    Raises UnusableError where it has none.
    """
    key = _number(item, "timestamp")
    if key is None or "symbol" not in item:
        raise UnusableError("it has no symbol or no timestamp")
    return key


def same_id(stored: StoredPrice, price: Price) -> bool:
    """Whether `price`, which has an id, has come before as `stored`."""
    return (stored.exchange, stored.id, stored.timestamp_ms) == (price.exchange, price.id, price.timestamp_ms)


def _number(item: Item, name: str) -> Decimal | None:
    value = item.get(name)
    if value is None:
        return None
    if "N" not in value:
        raise UnusableError(f"its {name} is no number")
    try:
        return decimal_from(value["N"])
    except NumberError as error:
        raise UnusableError(f"its {name} cannot be read: {error}") from None


def _integer(item: Item, name: str) -> int | None:
    """A count that we wrote; what somebody else wrote there says nothing."""
    text = item.get(name, {}).get("N", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None


def _text(item: Item, name: str) -> str | None:
    if name not in item:
        return None
    value = item[name].get("S")
    if not isinstance(value, str) or not value.strip():
        raise UnusableError(f"its {name} is no text")
    if len(value) > _MAX_TEXT_LENGTH:
        raise UnusableError(f"its {name} is longer than {_MAX_TEXT_LENGTH} characters")
    return value


def _indicator(item: Item, name: str) -> Decimal | None:
    """What is stored; what cannot be read counts as absent, and is then written anew."""
    try:
        return _number(item, name)
    except UnusableError:
        return None
