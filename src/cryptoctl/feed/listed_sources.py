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
    others_followed: bool = False,
    unlisted: dict[str, str] | None = None,
) -> list[FeedSource]:
    """Those of an exchange's sources that it lists. Raises Failure for all that was probably mistyped.

    Where `unlisted` is given, because others are followed already, it is put there instead, with why.

    One of the `stored`, of which the table has prices, was right once: so that a delisted symbol does not
    keep a service from following the others, it is told and left out, if others are left, here or
    (`others_followed`) at another exchange. Names that ccxt does not give, and other spellings of what is
    listed, were never followed: a file's prices have them.
    """
    listed = [source for source in sources if source.symbol in markets]
    missing = [source for source in sources if source not in listed]
    delisted = [
        source
        for source in missing
        if source in stored and "/" in source.symbol and source.stored_symbol not in map(str.upper, markets)
    ]
    unknown = [source for source in missing if not (listed or others_followed) or source not in delisted]
    if unknown and unlisted is not None:
        for source in unknown:
            suggestion = _nearest(markets, source.symbol)
            unlisted[str(source)] = NOT_LISTED + (f"; did you mean {suggestion}?" if suggestion else "")
    elif unknown:
        suggestions = [closest for source in unknown if (closest := _nearest(markets, source.symbol))]
        raise InputError(
            f"{'; '.join(f'{source.exchange} has no symbol {source.symbol}' for source in unknown)}.",
            f"Did you mean {', '.join(suggestions)}?"
            if suggestions
            else "Write it as ccxt does, such as BTC/USDT; the exchange's own list of markets has the rest.",
        )
    for source in delisted:
        notify(
            f"{source} is not followed, the others are: {source.exchange} does not list it any more. Leave "
            "it out, or start the feed again once it is listed; the table keeps its prices."
        )
    return listed


def _nearest(markets: Markets, typed: str) -> str | None:
    """The symbol that was probably meant: the same letters, the exchange's own name of it, or a near one."""
    by_letters = {_letters(symbol): symbol for symbol in reversed(list(markets))}
    by_id = {_letters(str(market["id"])): symbol for symbol, market in reversed(list(markets.items()))}
    letters = _letters(typed)
    if letters in by_letters or letters in by_id:
        return by_letters.get(letters) or by_id[letters]
    matches = get_close_matches(typed.upper(), list(markets), n=1)
    return matches[0] if matches else None


def _letters(symbol: str) -> str:
    return "".join(character for character in symbol.upper() if character.isalnum())
