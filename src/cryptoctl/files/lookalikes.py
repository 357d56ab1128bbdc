"""What a column's name says it holds, so that nothing that looks like a field is left unused in silence."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

# In the order in which they are suggested: the first is the likeliest.
_WORDS: Mapping[str, str] = {
    "timestamp": "timestamp timestampms timestampns microtimestamp ts mts unix epoch unixtime time"
    " transacttime tradetime datetime date closetime opentime moment utc created updated at day when",
    "volume": "volume vol qty quantity size sz amount amt lots contracts units",
    "id": "id tid tradeid aggtradeid execid trdmatchid uid uuid seq sequence",
    "symbol": "symbol sym pair ticker instrument inst instid market product coin contract asset",
    "exchange": "exchange venue exch",
    "price": "price px last rate close value",
}
_LETTERS: Mapping[str, Sequence[str]] = {
    "timestamp": ("t", "T", "E"),
    "volume": ("v", "q"),
    "symbol": ("s",),
    "price": ("p", "c"),
    "id": (),
    "exchange": (),
}
_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\d_a-zA-Z]+")
# A count of something, or of the other currency, is still a quantity; a flag or a side is not.
_NOT_A_FIELD = re.compile(r"^(is|has)[A-Z_]")


def lookers(field: str, names: Sequence[str]) -> list[str]:
    """The columns that look like the field by their names, the likeliest first."""
    ranked = [(rank, name) for name in names if (rank := _rank(field, name)) is not None]
    return [name for _, name in sorted(ranked, key=lambda each: each[0])]


def _rank(field: str, name: str) -> int | None:
    if name in _LETTERS[field]:
        return 0
    if _NOT_A_FIELD.match(name):
        return None
    words = _WORDS[field].split()
    parts = [each.lower() for each in _PART.findall(name)]
    whole = "".join(parts)
    if field == "id" and _rank("symbol", name) is not None:
        return None
    found = [words.index(each) for each in (whole, *parts) if each in words]
    return min(found) + len(parts) if found else None
