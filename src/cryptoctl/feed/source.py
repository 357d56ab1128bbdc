"""What to follow, as it is typed: an exchange and its symbols, or EXCHANGE:SYMBOL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cryptoctl.core.names import BadName, stored_exchange, stored_symbol
from cryptoctl.errors import InputError

EXAMPLE = "For example `cryptoctl feed binance BTC/USDT ETH/USDT kraken:ETH/USD`."


@dataclass(frozen=True, kw_only=True, slots=True)
class FeedSource:
    """A symbol at an exchange, both by ccxt's names. They are also the names that are stored."""

    exchange: str
    symbol: str

    def __str__(self) -> str:
        return f"{self.exchange}:{self.symbol}"

    @property
    def stored_symbol(self) -> str:
        """The symbol as it is stored."""
        return stored_symbol(self.symbol)


def parse_sources(words: Sequence[str]) -> list[FeedSource]:
    """The sources of a command line. The first word may be the exchange of the symbols that name none.

    An exchange has no slash in its name and most symbols have one, so `BTC/USDT:USDT` is a symbol.
    Raises Failure (USAGE).
    """
    default_exchange = ""
    if words and not {"/", ":"} & set(words[0]):
        default_exchange, words = words[0], words[1:]
    if not words:
        raise InputError("An exchange and at least one symbol of it are needed.", EXAMPLE)
    sources: list[FeedSource] = []
    for word in words:
        source = _parse_source(word, default_exchange)
        if source in sources:
            raise InputError(f"{source} is given twice.", "Name it once.")
        sources.append(source)
    return sources


def _parse_source(word: str, default_exchange: str) -> FeedSource:
    before, colon, after = word.partition(":")
    named = bool(colon) and "/" not in before
    exchange, symbol = (before, after) if named else (default_exchange, word)
    source = FeedSource(exchange=exchange.strip().lower(), symbol=symbol.strip())
    if not source.exchange:
        raise InputError(f"{word!r} names no exchange.", EXAMPLE)
    try:
        stored_exchange(source.exchange)
        stored_symbol(source.symbol)
    except BadName as error:
        raise InputError(f"{str(source)!r} is no exchange and symbol: {error}.", EXAMPLE) from None
    return source
