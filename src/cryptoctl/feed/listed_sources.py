"""Which of the symbols that are to be followed their exchange lists."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from cryptoctl.errors import InputError
from cryptoctl.feed.source import FeedSource

Markets = Mapping[str, Any]
"""by its symbol, what ccxt knows of each market of an exchange"""
NOT_LISTED = "its exchange does not list it"


def listed_sources(
    sources: Sequence[FeedSource],
    markets: Markets,
    stored: Collection[FeedSource],
    notify: Callable[[str], None],
    *,
    others: bool = False,
    unlisted: dict[str, str] | None = None,
) -> list[FeedSource]:
    """Those of an exchange's sources that it lists. Raises Failure for all that was probably mistyped.

    Where `unlisted` is given, because others are followed already, it is put there instead, with why.

    One of the `stored`, of which the table has prices, was right once: so that a delisted symbol does not
    keep a service from following the others, it is told and left out, if others are left, here or (`others`)
    at another exchange. Names that ccxt does not give, and other spellings of what is listed, were never
    followed: a file's prices have them.
    """
    listed = [each for each in sources if each.symbol in markets]
    missing = [each for each in sources if each not in listed]
    delisted = [
        each
        for each in missing
        if each in stored and "/" in each.symbol and each.stored_symbol not in map(str.upper, markets)
    ]
    unknown = [each for each in missing if not (listed or others) or each not in delisted]
    if unknown and unlisted is not None:
        for each in unknown:
            meant = _nearest(markets, each.symbol)
            unlisted[str(each)] = NOT_LISTED + (f"; did you mean {meant}?" if meant else "")
    elif unknown:
        near = [found for each in unknown if (found := _nearest(markets, each.symbol))]
        raise InputError(
            f"{'; '.join(f'{each.exchange} has no symbol {each.symbol}' for each in unknown)}.",
            f"Did you mean {', '.join(near)}?"
            if near
            else "Write it as ccxt does, such as BTC/USDT; the exchange's own list of markets has the rest.",
        )
    for each in delisted:
        notify(
            f"{each} is not followed, the others are: {each.exchange} does not list it any more. Leave it "
            "out, or start the feed again once it is listed; the table keeps its prices."
        )
    return listed


def _nearest(markets: Markets, typed: str) -> str | None:
    """The symbol that was probably meant: the same letters, the exchange's own name of it, or a near one."""
    plain = {_letters(symbol): symbol for symbol in reversed(list(markets))}
    own = {_letters(str(each["id"])): symbol for symbol, each in reversed(list(markets.items()))}
    wanted = _letters(typed)
    if wanted in plain or wanted in own:
        return plain.get(wanted) or own[wanted]
    near = get_close_matches(typed.upper(), list(markets), n=1)
    return near[0] if near else None


def _letters(symbol: str) -> str:
    return "".join(each for each in symbol.upper() if each.isalnum())
