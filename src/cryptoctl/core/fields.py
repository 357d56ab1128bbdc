"""Prices in records of another shape: where each field stands, and what is always the same.

A record is a parsed JSON object, the members of a form, or a row of a file. Whatever brings the records
brings the expressions as well, compiled, so that nothing here depends on a library.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Protocol

from cryptoctl.core import json_text
from cryptoctl.core.keys import MAX_MILLISECOND
from cryptoctl.core.numbers import JsonNumber
from cryptoctl.core.prices import (
    MAX_PRICE_BYTES,
    ParsedRequest,
    Price,
    Rejected,
    TimeLimits,
    check_count,
    parse_price,
    price_list_in,
)


class Expression(Protocol):
    """A compiled expression, such as JMESPath's."""

    def search(self, value: Any) -> Any:
        """What the expression finds in the value; None where it finds nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FieldMapping:
    """How records become prices.

    `fields` says where each field of a price stands; None means by the fields' own names. `constants` are
    fields that no record brings. `prices` finds the list of records in a document.
    """

    fields: Mapping[str, Expression] | None = None
    constants: Mapping[str, str] = field(default_factory=dict)
    prices: Expression | None = None

    def request(self, document: Any, limits: TimeLimits) -> ParsedRequest:
        """The prices in a document that was parsed with `exact_number`.

        Raises Rejected (TooLarge) where the document as a whole is refused; a refused record among several
        stands in the answer.
        """
        records = self._records(document)
        if records is None:
            return ParsedRequest(prices=(self._price_or_refusal(document, limits),), is_list=False)
        check_count(records)
        prices = tuple(self._price_or_refusal(record, limits) for record in records)
        return ParsedRequest(prices=prices, is_list=True)

    def price(self, record: Any, limits: TimeLimits, raw: str | None = None) -> Price:
        """The price in a record; `raw` is its text, or it is written anew. Raises Rejected.

        Of a record whose text is longer than a price's may be, only what was found in it is written.
        """
        if not isinstance(record, dict):
            raise Rejected("price", "must be a JSON object")
        values = self.values(record)
        if raw is None:
            raw = json_text.dumps(record)
            raw = raw if len(raw.encode()) <= MAX_PRICE_BYTES else json_text.dumps(values)
        return parse_price(values, raw, limits)

    def values(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """The fields of a price with their values as found, numbers as their text.

        What is missing, null or empty is left out. Raises Rejected where an expression cannot be evaluated.
        """
        if self.fields is None:
            values = dict(record)
        else:
            values = {name: _evaluate(name, expression, record) for name, expression in self.fields.items()}
        present = {
            name: _as_text(value) for name, value in values.items() if value is not None and value != ""
        }
        return {**present, **self.constants}

    def _records(self, document: Any) -> Sequence[Any] | None:
        """The list of records; None where the document is one record."""
        if self.prices is not None:
            records = _evaluate("prices", self.prices, document)
            if not isinstance(records, list):
                raise Rejected("prices", "no list was found where it should be")
            return records
        if self.fields is None:
            return price_list_in(document)[0]
        return document if isinstance(document, list) else None

    def _price_or_refusal(self, record: Any, limits: TimeLimits) -> Price | Rejected:
        try:
            return self.price(record, limits)
        except Rejected as rejected:
            return rejected


def check_constants(constants: Mapping[str, str]) -> None:
    """Raises Rejected for constants with which no record can ever be a price; it names the field."""
    whenever = TimeLimits(now_ms=MAX_MILLISECOND, arrival_ms=0, max_behind=timedelta.max)
    parse_price({"symbol": "A", "price": "1", "exchange": "a", **constants}, "", whenever)


def exact_number(text: str) -> Decimal | JsonNumber | None:
    """A JSON number for an expression, with all its digits; None for NaN and Infinity.

    Decimals compare as numbers, which their text would not.
    """
    try:
        number = Decimal(text)
    except InvalidOperation:  # an exponent beyond what Decimal holds
        return JsonNumber(text)
    return number if number.is_finite() else None


def _evaluate(name: str, expression: Expression, value: Any) -> Any:
    try:
        return expression.search(value)
    except Exception:
        # Whatever a library raises for values that an expression is not made for.
        raise Rejected(name, "its expression cannot be evaluated on this record") from None


def _as_text(value: Any) -> Any:
    return JsonNumber(value) if isinstance(value, Decimal) else value
