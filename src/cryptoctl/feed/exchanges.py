"""The only place that uses ccxt: exchanges, opened each for itself, and their symbols."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from difflib import get_close_matches
from types import ModuleType
from typing import Any

from cryptoctl.errors import ExitCode, Failure, InputError
from cryptoctl.extras import install_extra
from cryptoctl.feed.exact import ExactNumbers
from cryptoctl.feed.followed_symbol import FIRST_PAUSE_S, MAX_PAUSE_S
from cryptoctl.feed.listed_sources import listed_sources
from cryptoctl.feed.market import MAX_CACHED_TRADES, Market, describe_error
from cryptoctl.feed.source import FeedSource
from cryptoctl.ops.times import duration_text, iso_of_ms, now_ms
from cryptoctl.reconcile.async_retry import AsyncClock, doubling

TIMEOUT_MS = 20_000
RATE_LIMIT_STATUSES = (418, 429)


class _SymbolsUnreadable(Exception):
    def __init__(self, reason: str, hint: str) -> None:
        super().__init__(reason)
        self.reason, self.hint = reason, hint


class Exchanges:
    """The exchanges of some sources, for the length of a block; none waits for another.

    A source that is not listed is refused, but left out once others are followed; so is one of the `stored`,
    whose prices are in the table.
    """

    def __init__(
        self,
        sources: Sequence[FeedSource],
        *,
        clock: AsyncClock,
        notify: Callable[[str], None],
        stored: Collection[FeedSource] = (),
    ) -> None:
        self._sources, self._clock, self._notify, self._stored = sources, clock, notify, stored
        self._ccxt = _ccxt()
        self._open: dict[str, Any] = {}
        self._failed: set[str] = set()
        self._followed = 0
        self.not_followed: dict[str, str] = dict.fromkeys((source.exchange for source in sources), "")
        """why not, of the exchanges whose symbols are not known yet (empty while nothing has failed), and of
        the sources that were left out since they are not listed"""

    async def __aenter__(self) -> Exchanges:
        for name in self.not_followed:
            _check_exchange(self._ccxt, name)
        return self

    async def __aexit__(self, *_: object) -> None:
        for exchange in self._open.values():
            exchange.on_connection_lost = None
            with suppress(Exception):  # Python 3.11.2, of Debian 12, fails where a TLS connection is gone
                await exchange.close()

    async def markets(self, name: str) -> Sequence[Market]:
        """What is followed at one of the exchanges, once it has given its symbols. Raises Failure."""
        exchange = await self._load_with_retries(name)
        sources = [source for source in self._sources if source.exchange == name]
        del self.not_followed[name]
        others = self._followed > 0 or bool(self.not_followed)
        listed = listed_sources(
            sources,
            exchange.markets,
            self._stored,
            self._notify,
            others_followed=others,
            unlisted=self.not_followed if self._followed else None,
        )
        self._followed += len(listed)
        return [Market(source, exchange, self._ccxt) for source in listed]

    async def _load_with_retries(self, name: str) -> Any:
        """The exchange with its symbols. It is asked again and again, unless no exchange has given any."""
        for pause_s in doubling(FIRST_PAUSE_S, MAX_PAUSE_S):
            try:
                return await self._load(name)
            except _SymbolsUnreadable as error:
                self._failed.add(name)
                if not self._followed and self._failed >= self.not_followed.keys():
                    raise Failure(
                        ExitCode.FAILED, f"The symbols of {name} cannot be read: {error.reason}", error.hint
                    ) from error
                self.not_followed[name] = f"its symbols cannot be read: {error.reason}"
            await self._clock.sleep(pause_s, asyncio.Event())
        raise AssertionError  # the pauses have no end

    async def _load(self, name: str) -> Any:
        if name not in self._open:
            self._open[name] = _class(self._ccxt, name)(
                {
                    "enableRateLimit": True,
                    "newUpdates": True,
                    "timeout": TIMEOUT_MS,
                    "aiohttp_trust_env": True,
                    "options": {"tradesLimit": MAX_CACHED_TRADES, "include_OS_certificates": True},
                }
            )
        exchange = self._open[name]
        try:
            await self._load_markets(name, exchange)
        except Exception as error:
            reason = f"{describe_error(name, error)}."
            if not isinstance(error, (self._ccxt.BaseError, OSError)):
                reason = f"an answer of another shape ({type(error).__name__})."  # whatever its parsers raise
            raise _SymbolsUnreadable(
                reason, "Try again later, or see whether the exchange can be reached from here."
            ) from error
        if not exchange.markets:
            raise _SymbolsUnreadable(
                "it answered without any.",
                "Try again later: exchanges and proxies answer so during maintenance.",
            )
        # From here on numbers stay text; what ccxt computes about markets needs numbers.
        exchange.number = str
        return exchange

    async def _load_markets(self, name: str, exchange: Any) -> None:
        for least_s in doubling(FIRST_PAUSE_S, MAX_PAUSE_S):
            exchange.refusal_status = 0
            try:
                await exchange.load_markets(reload=True)
                return
            except self._ccxt.BaseError:
                # Who asks on, a service that is started again, say, is banned for longer.
                if exchange.refusal_status not in RATE_LIMIT_STATUSES:
                    raise
            pause_s = max(exchange.take_retry_after_s(), least_s)
            pause_ms = round(pause_s * 1000)
            self.not_followed[name] = (
                f"it is asked too often, and answers {exchange.refusal_status}; its symbols are read "
                f"again after {duration_text(pause_ms)}, at {iso_of_ms(now_ms() + pause_ms)}."
            )
            await self._clock.sleep(pause_s, asyncio.Event())


def _class(ccxt: ModuleType, name: str) -> type:
    module = ccxt.pro if name in ccxt.pro.exchanges else ccxt.async_support
    return type(name, (ExactNumbers, getattr(module, name)), {})


def _ccxt() -> ModuleType:
    try:
        import ccxt.pro  # with all of it: the REST side, and the errors
    except ImportError:
        raise InputError(
            "`feed` needs the library ccxt, which is not installed.",
            f"Install it: `{install_extra('feed')}`.",
        ) from None
    module: ModuleType = ccxt
    return module


def _check_exchange(ccxt: ModuleType, name: str) -> None:
    if name not in ccxt.exchanges:
        matches = get_close_matches(name, ccxt.exchanges, n=1)
        hint = (
            f"Did you mean {matches[0]}?"
            if matches
            else "ccxt's documentation lists the exchanges that it knows."
        )
        raise InputError(f"There is no exchange {name}.", hint)
    if not getattr(ccxt, name)().has.get("fetchTrades"):
        raise InputError(
            f"{name} gives its trades to nobody through REST, so gaps could not be filled.",
            "Follow another exchange, or send a download with `cryptoctl send-price --file FILE`.",
        )
