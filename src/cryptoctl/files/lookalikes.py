"""What a column's name says it holds, so that nothing that looks like a field is left unused in silence."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

# In the order in which they are suggested: the first is the likeliest.
_WORDS: Mapping[str, str] = {
    "timestamp": "timestamp timestampms timestampns microtimestamp ts mts unix epoch unixtime time"
    " transacttime tradetime datetime date closetime opentime moment utc created updated at day when",
    "volume": "volume vol qty quantity size sz amount amt lots contracts units",
    "id": "id tid tradeid aggtradeid execid trdmatchid uid uuid guid seq sequence",
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
_NOT_A_FIELD = re.compile(r"^(is|has)[A-Z_]|^[Mm]arket[_ ]?[Cc]ap")
# A volume is of what is traded: one that is said to be of money comes last.
_MONEY = frozenset(("quote", "currency", "cost", "usd", "usdt", "usdc", "eur", "gbp", "jpy", "krw"))
_CANDLE = frozenset(("open", "high", "low", "close"))


def lookers(field: str, names: Sequence[str]) -> list[str]:
    """The columns that look like the field by their names, the likeliest first."""
    ranked = [(rank, name) for name in names if (rank := _rank(field, name)) is not None]
    found = [name for _, name in sorted(ranked, key=lambda each: each[0])]
    if field == "price" and {_whole(each) for each in names} >= _CANDLE:
        found.sort(key=lambda name: _whole(name) != "close")  # of a candle the close counts, and no average
    return found


def _parts(name: str) -> list[str]:
    return [each.lower() for each in _PART.findall(name)]


def _whole(name: str) -> str:
    return "".join(_parts(name))


def _rank(field: str, name: str) -> int | None:
    if name in _LETTERS[field]:
        return 0
    if _NOT_A_FIELD.match(name):
        return None
    words = _WORDS[field].split()
    parts, whole = _parts(name), _whole(name)
    if field == "id" and _rank("symbol", name) is not None:
        return None
    found = [words.index(each) for each in (whole, *parts) if each in words]
    last = len(words) if field == "volume" and not _MONEY.isdisjoint(parts) else 0
    return min(found) + len(parts) + last if found else None
