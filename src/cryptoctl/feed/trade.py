"""A trade as an exchange told it, and the pages of its past trades that it is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation


@dataclass(frozen=True, kw_only=True, slots=True)
class Trade:
    """One trade: milliseconds since 1970-01-01 UTC; price and volume are the wire's text."""

    id: str
    timestamp_ms: int
    price: str
    volume: str

    @property
    def number(self) -> int | None:
        """The id as a whole number; None where it is none."""
        return int(self.id) if self.id.isascii() and self.id.isdigit() and len(self.id) <= 20 else None

    @property
    def order(self) -> tuple[int, int, str]:
        """What trades of exchanges without consecutive ids are sorted by."""
        number = self.number
        return (self.timestamp_ms, -1 if number is None else number, "" if number is not None else self.id)

    def is_told_alike(self, other: Trade) -> bool:
        """Whether the other says the same of this trade: a number may have more zeros there."""
        mine, theirs = (tuple(map(_value, (trade.price, trade.volume))) for trade in (self, other))
        return self.timestamp_ms == other.timestamp_ms and mine == theirs


def _value(text: str) -> Decimal | str:
    try:
        return Decimal(text)
    except InvalidOperation:
        return text


def number_of(trade: Trade) -> int:
    """The id of a trade whose exchange counts its trades."""
    number = trade.number
    assert number is not None  # whoever says that ids are consecutive has checked them
    return number


@dataclass(frozen=True, kw_only=True, slots=True)
class TapeRules:
    """What an exchange keeps to."""

    consecutive: bool = False
    """ids are whole numbers, each one more than the trade before"""
    from_id: bool = False
    """a page can be asked for from an id on; goes with `consecutive`"""
    reaches_back: bool = False
    """a page since some time begins at that time, however long ago it is"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fetch:
    """The page to ask for: from an id on, since a time, or, with neither, the newest trades."""

    from_id: int | None = None
    since_ms: int | None = None
