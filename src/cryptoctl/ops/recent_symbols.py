"""The symbols of which prices came lately, found in what the webhook processor has logged."""

from __future__ import annotations

from collections.abc import Iterable

from cryptoctl.ops.logs import Line

# Every line about a request's prices has this field, whatever became of them, and no other line has it.
# To the letter, as the functions write their lines; other text has its quotes escaped.
PATTERN = r'"\"symbols\":["'
# The prices that are in the table since then or before; `symbols` itself names no more than twenty.
STORED = ("keys", "repeated")


def named_in(lines: Iterable[Line]) -> list[str]:
    """The symbols of which a line says that a price of them is stored, those of the newest line first."""
    found: dict[str, None] = {}
    for line in sorted(lines, key=lambda line: -line.time_ms):
        fields = line.fields
        for name in STORED:
            named = fields.get(name)
            found |= dict.fromkeys(named if isinstance(named, dict) else ())
    return list(found)
