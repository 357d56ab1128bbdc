"""A symbol at an open exchange, by ccxt: pages of its trades, and the websocket."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from types import ModuleType
from typing import Any

from cryptoctl.aws_errors import one_line, without_password
from cryptoctl.core.numbers import plain
from cryptoctl.feed.exact import UnreadableMessage
from cryptoctl.feed.followed_symbol import TradeSourceError
from cryptoctl.feed.profiles import profile
from cryptoctl.feed.source import FeedSource
from cryptoctl.feed.trade import Fetch, TapeRules, Trade

# ccxt keeps so many trades for whoever reads the websocket; more at once count as a gap.
MAX_CACHED_TRADES = 20_000
# So ccxt says, without asking, that an exchange tells it to its customers alone.
_NO_KEY = '" credential'


class Market:
    """A symbol at an open exchange."""

    def __init__(self, source: FeedSource, exchange: Any, ccxt: ModuleType) -> None:
        self.source, self._exchange, self._ccxt = source, exchange, ccxt
        self._profile = profile(source.exchange)
        self._has_ids = False  # once one had, another without is a fault that may pass
        self._read: object = None  # the last of the trades that ccxt has kept and `watch` has given

    @property
    def rules(self) -> TapeRules:
        """What its trades keep to."""
        return self._profile.rules

    @property
    def can_watch(self) -> bool:
        """Whether it can be followed through a websocket."""
        return self._profile.can_watch and bool(self._exchange.has.get("watchTrades"))

    @property
    def volume_unit(self) -> str:
        """What its volumes count, such as "contracts of 100 USD"; empty where that is what is traded."""
        market = self._exchange.markets[self.source.symbol]
        size, inverse = Decimal(str(market.get("contractSize") or 0)), market.get("inverse")
        if not market.get("contract") or (size == 1 and not inverse):
            return ""
        unit = market.get("quote" if inverse else "base")
        return f"contracts of {plain(size)} {unit}" if size else "contracts"

    def on_lost(self, callback: Callable[[], None]) -> None:
        """Has `callback` called whenever a connection ends that the symbol's trades may have come through."""
        before = self._exchange.on_connection_lost

        def lost(subscriptions: frozenset[str]) -> None:
            if before is not None:
                before(subscriptions)
            if self._may_be_mine(subscriptions):
                self._mark_read()  # what it told last does not belong to the next one
                callback()

        self._exchange.on_connection_lost = lost

    async def page(self, fetch: Fetch) -> list[Trade]:
        """Trades through REST, paced by ccxt. Raises TradeSourceError."""
        since_ms, parameters = self._profile.request(fetch)
        try:
            records = await self._exchange.fetch_trades(
                self.source.symbol, since_ms, self._profile.limit, parameters
            )
        except Exception as error:
            raise self._source_error(error) from error
        return self._trades(records)

    async def watch(self) -> list[Trade] | None:
        """The next trades of the websocket; None where some may be lost. Raises TradeSourceError."""
        # A message that came while nobody waited wakes nobody: ccxt would give it with the next one only.
        records = self._unread()
        if records is not None and not records:
            try:
                records = await self._exchange.watch_trades(
                    self.source.symbol, None, None, dict(self._profile.watch_parameters)
                )
            except Exception as error:
                raise self._source_error(error, watching=True) from error
            # It counts what `_unread` gave before as new, also where an earlier connection told it.
            records = self._unread() if self._cached_trades() else records
        self._mark_read()
        if records is None or len(records) >= MAX_CACHED_TRADES:
            return None
        return self._trades(records)

    def _cached_trades(self) -> Sequence[Any]:
        return (self._exchange.trades or {}).get(self.source.symbol) or ()

    def _mark_read(self) -> None:
        trades = self._cached_trades()
        self._read = trades[-1] if trades else None

    def _unread(self) -> Sequence[Any] | None:
        """The trades that ccxt has kept since `watch` last gave any; None where it may have dropped some."""
        trades, count = self._cached_trades(), 0
        while count < len(trades) and trades[-1 - count] is not self._read:
            count += 1
        if trades and count == len(trades) and self._read is not None:
            return None
        return [trades[index] for index in range(len(trades) - count, len(trades))]

    def restart(self) -> None:
        """Ends the websocket that the symbol's trades come through: the next `watch` opens another."""
        for client in list((self._exchange.clients or {}).values()):
            if self._may_be_mine(map(str, client.subscriptions)):
                client.on_error(self._ccxt.RequestTimeout("the websocket has gone silent"))

    def _may_be_mine(self, subscriptions: Iterable[str]) -> bool:
        """Whether a connection with these may be the symbol's."""
        # Which symbol a subscription is for is the exchange's own; where none says so, it is any.
        names = list(subscriptions)
        return not any("/" in name for name in names) or any(self.source.symbol in name for name in names)

    def _source_error(self, error: Exception, *, watching: bool = False) -> TradeSourceError:
        if isinstance(error, UnreadableMessage):
            # Some of ccxt's parsers call a message that they do not know not supported: the next may be.
            return TradeSourceError(f"an answer that cannot be read ({type(error.reading_error).__name__})")
        if isinstance(error, OSError):
            # ccxt lets it pass where it writes to a connection that is being closed.
            return TradeSourceError(f"the connection is lost: {one_line(str(error))}")
        if not isinstance(error, self._ccxt.BaseError):
            # Whatever its parsers raise for an answer of another shape, a proxy's page, say.
            return TradeSourceError(f"an answer that cannot be read ({type(error).__name__})")
        # These are ccxt's own. What an exchange answers, a firewall's 401 or an unknown symbol during
        # maintenance, may be otherwise next time, and the other symbols go on.
        lasting = isinstance(error, (self._ccxt.NotSupported, self._ccxt.ArgumentsRequired))
        lasting = lasting or (_NO_KEY in str(error) and not watching)
        pause_s = self._exchange.take_retry_after_s()
        return TradeSourceError(describe_error(self.source.exchange, error), pause_s=pause_s, lasting=lasting)

    def _trades(self, records: Iterable[Mapping[str, Any]]) -> list[Trade]:
        return [self._trade(record) for record in records]

    def _trade(self, record: Mapping[str, Any]) -> Trade:
        identity, moment = record.get("id"), record.get("timestamp")
        price, volume = record.get("price"), record.get("amount")
        if not isinstance(record.get("info"), (dict, list)):
            raise TradeSourceError("an answer that cannot be read")  # ccxt gives text, a character a trade
        if identity is None:
            raise TradeSourceError(
                "a trade without an id, so a repeat could not be told from a second trade",
                lasting=not self._has_ids,
            )
        if moment is None or price is None or volume is None:
            raise TradeSourceError("a trade without a time, a price or a volume that can be read")
        trade = Trade(
            id=str(identity),
            timestamp_ms=int(moment) - int(moment) % self._profile.unit_ms,
            price=str(price),
            volume=str(volume),
        )
        if self.rules.consecutive and trade.number is None:
            raise TradeSourceError("a trade whose id is not a number, where all are")
        self._has_ids = True
        return trade


def describe_error(exchange: str, error: Exception) -> str:
    """What ccxt says, and why it says so: of a name, a proxy or a certificate its own words have nothing."""
    message = f"{type(error).__name__}: {one_line(str(error)).removeprefix(f'{exchange} ')}"
    cause = "" if error.__cause__ is None else one_line(str(error.__cause__))
    return without_password(f"{message}: {cause}" if cause else message)
