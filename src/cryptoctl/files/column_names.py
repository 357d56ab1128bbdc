"""What a column's name says it holds, so that nothing that looks like a field is left unused in silence."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

# In the order in which they are suggested: the first is the likeliest.
_WORDS: Mapping[str, str] = {
    "timestamp": "timestamp timestampms timestampns microtimestamp ts mts unix epoch unixtime time"
    " transacttime tradetime datetime date closetime opentime moment utc created updated at day when"
    " nanos nanoseconds",
    "volume": "volume vol qty quantity size sz amount amt lots contracts units volumefrom",
    "id": "id tid txid tradeid aggtradeid execid trdmatchid uid uuid guid seq sequence coinmetricsid",
    "symbol": "symbol sym pair ticker instrument inst instid market product coin contract asset",
    "exchange": "exchange venue exch",
    "price": "price px last rate close value",
}
_LETTERS: Mapping[str, Sequence[str]] = {
    "timestamp": ("t", "T", "E"),
    "volume": ("v", "q"),
    "symbol": (),
    "price": ("p", "c"),
    "id": ("i", "a"),
    "exchange": (),
}
# These say it only where they are the whole name: a base_volume is none.
_WHOLE_SYMBOLS = frozenset(
    ("base", "basecurrency", "baseasset", "token", "crypto", "cryptocurrency", "fsym", "underlying")
)
# Beside a column that names the coin, these are its long name, or the currency of the price.
_FALLBACK_SYMBOLS = ("code", "slug", "name", "currency")
# Whose id it is says that it is not the trade's: several trades fill one order.
_ID_OWNERS = frozenset(
    (
        *("order", "orderid", "exchange", "account", "user", "client", "customer", "maker", "taker"),
        "publisher",
    )
)
_FINER = re.compile(r"[mun]s(ec)?|(milli|micro|nano)s(econds)?")
_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\d_a-zA-Z]+")
# A count of something, or of the other currency, is still a quantity; a flag, a side or a ratio is not.
_NOT_A_FIELD = re.compile(r"^(is|has)[A-Z_]|^[Mm]arket[_ ]?[Cc]ap|.*(?i:ratio)$")
_NO_NAME = frozenset(("price", "rate", "value", "fee", "fees", "commission", "quote", "order"))
# A name with one of these is not that field: a rate of funding is no price, and neither is a price's change
# or the currency that it is in; an exchange_rate is no exchange, and a fee_asset no coin that is traded, nor
# is an instrument's type.
_EXCLUDED: Mapping[str, frozenset[str]] = {
    "price": frozenset(("funding", "interest", "fee", "currency", "change", "percent")),
    "symbol": _NO_NAME | {"type"},
    "exchange": _NO_NAME,
}
# These come last: a quantity of money, not of what is traded; a price at which nothing was traded, or not
# last, or that was wanted; the time of a candle's beginning, because its close is what counts, of what is yet
# to come, or that another clock than the exchange's has told.
_UNLIKELY: Mapping[str, frozenset[str]] = {
    "volume": frozenset(("quote", "currency", "cost", "usd", "usdt", "usdc", "eur", "gbp", "jpy", "krw")),
    "price": frozenset(
        (
            *("open", "opening", "high", "low", "prev", "previous", "bid", "ask", "mark", "index", "mid"),
            *("avg", "average", "weighted", "vwap", "limit", "stop", "trigger", "strike"),
            *("settle", "settlement", "estimated"),
        )
    ),
    "timestamp": frozenset(
        (
            *("open", "ath", "atl", "added", "listing", "launch", "genesis", "next", "funding"),
            *("expiry", "expiration", "delivery", "settlement", "maturity"),
            *("local", "received", "recv", "receipt", "inserted", "ingested"),
        )
    ),
}
_FILLED = frozenset(("fill", "filled", "executed"))  # an order's average price is that at which it was
_CANDLE = frozenset(("open", "high", "low", "close"))


def columns_like(field: str, names: Sequence[str], numbers: Collection[str] = ()) -> list[str]:
    """The columns that look like the field by their names, the likeliest first.

    `numbers` are those whose values are numbers: `s` is then a size, and else a symbol; `t`, where it is no
    time, an id.
    """
    ranked = [(rank, name) for name in names if (rank := _rank(field, name, numbers)) is not None]
    columns = [name for _, name in sorted(ranked, key=lambda pair: pair[0])]
    if field == "id" and "b" in names:
        columns = [name for name in columns if name != "a"]  # bid and ask, or who bought and who sold
    if field in ("price", "volume"):
        columns.sort(key=lambda name: name not in numbers)
    if field == "price" and {_whole(name) for name in names} >= _CANDLE:
        columns.sort(key=lambda name: _whole(name) != "close")  # of a candle the close counts, and no average
    return columns


def is_fallback_symbol(name: str) -> bool:
    """Whether a column of this name holds the symbol only where no other one does."""
    return _whole(name) in _FALLBACK_SYMBOLS


def is_finer(name: str, other: str) -> bool:
    """Whether a time's name says that it is another one in a finer unit: `time_ms` and `time`."""
    unit = _whole(name).removeprefix(_whole(other))
    return unit != _whole(name) and bool(_FINER.fullmatch(unit))


def _parts(name: str) -> list[str]:
    return [part.lower() for part in _PART.findall(name)]


def _whole(name: str) -> str:
    return "".join(_parts(name))


def _rank(field: str, name: str, numbers: Collection[str]) -> int | None:
    if name in _LETTERS[field] or (name == "s" and field == ("volume" if name in numbers else "symbol")):
        return 0
    if _NOT_A_FIELD.match(name):
        return None
    words = _WORDS[field].split()
    if field == "id" and (name == "#" or (name == "t" and name in numbers)):
        return len(words)
    parts, whole = _parts(name), _whole(name)
    anothers = "trade" not in parts and not _ID_OWNERS.isdisjoint(parts)
    if field == "id" and (anothers or _rank("symbol", name, numbers) is not None):
        return None
    if field != "id" and ({"trade", "id"} <= set(parts) or whole in _WORDS["id"].split()):
        return None  # whoever else its name names
    if not _EXCLUDED.get(field, frozenset()).isdisjoint(parts):
        return None
    if field == "timestamp" and "price" in parts:  # the price at something
        words.remove("at")
    if field == "symbol" and whole in _WHOLE_SYMBOLS and name not in numbers:
        return 0
    if field == "symbol" and whole in _FALLBACK_SYMBOLS and name not in numbers:
        return 2 * len(words) + _FALLBACK_SYMBOLS.index(whole)
    places = [words.index(word) for word in (whole, *parts) if word in words]
    # An order's time, price and amount are what was wanted, not what was traded.
    unlikely = not _UNLIKELY.get(field, frozenset()).isdisjoint(parts) and _FILLED.isdisjoint(parts)
    late = "order" in parts or unlikely
    # A base_qty stands beside one in contracts; a taker_buy_base_qty is only a part of it.
    early = field == "volume" and "base" in parts and len(parts) == 2
    return min(places) + len(parts) + (late - early) * len(words) if places else None
