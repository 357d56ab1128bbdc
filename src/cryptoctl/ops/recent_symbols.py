"""The symbols of which prices came lately, found in what the webhook processor has logged."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal, InvalidOperation
from typing import Any

from cryptoctl.ops.logs import Line

# Every line about a request's prices has this field, whatever became of them, and no other line has it.
# To the letter, as the functions write their lines; other text has its quotes escaped.
PATTERN = r'"\"symbols\":["'
# The prices that are in the table since then or before; `symbols` itself names no more than twenty.
STORED = ("keys", "repeated")
OLDEST = Decimal("-Infinity")


def stored_symbols(lines: Iterable[Line]) -> list[str]:
    """The symbols of which a line says that a price is stored, the one with the newest price first."""
    newest: dict[str, Decimal] = {}
    for line in lines:
        fields = line.fields
        for symbol, keys in (pair for name in STORED for pair in _symbol_keys(fields.get(name))):
            newest[symbol] = max([newest.get(symbol, OLDEST), *_numbers(keys)])
    return sorted(newest, key=lambda symbol: (newest[symbol].copy_negate(), symbol))


def _symbol_keys(field_value: Any) -> Iterable[tuple[str, Any]]:
    return field_value.items() if isinstance(field_value, dict) else ()


def _numbers(sort_keys: Any) -> Iterator[Decimal]:
    """The keys as they are ordered; of what is none, nothing."""
    for sort_key in sort_keys if isinstance(sort_keys, list) else ():
        try:
            key = Decimal(sort_key)
        except (InvalidOperation, TypeError, ValueError):
            continue
        if key.is_finite():
            yield key
