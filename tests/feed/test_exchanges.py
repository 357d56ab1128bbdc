"""What ccxt's websocket gives: nothing that has come waits for the next message."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from cryptoctl.errors import ExitCode, Failure
from cryptoctl.feed.exact import UnreadableMessage
from cryptoctl.feed.exchanges import Exchanges
from cryptoctl.feed.followed_symbol import TradeSourceError
from cryptoctl.feed.market import Market
from cryptoctl.feed.source import FeedSource
from cryptoctl.feed.trade import Fetch
from feed.harness import FastClock

# To import ccxt takes longer than most tests.
pytestmark = pytest.mark.thorough
SYMBOL = "A/B"


class Exchange:
    """As ccxt's: a message wakes whoever waits, and what comes while nobody does is kept."""

    def __init__(self) -> None:
        cache = pytest.importorskip("ccxt.async_support.base.ws.cache")
        self.trades: dict[str, Any] = {SYMBOL: cache.ArrayCache(100)}
        self.waiting: asyncio.Future[None] | None = None
        self.on_connection_lost: Callable[[frozenset[str]], None] | None = None
        self.watch_calls = 0

    def message(self, *numbers: int) -> None:
        for number in numbers:
            trade = {"id": str(number), "timestamp": number, "price": "1", "amount": "1", "info": {}}
            self.trades[SYMBOL].append({**trade, "symbol": SYMBOL})
        if self.waiting is not None:
            self.waiting.set_result(None)
            self.waiting = None

    async def watch_trades(self, symbol: str, since: None, limit: None, params: dict[str, Any]) -> list[Any]:
        self.watch_calls += 1
        self.waiting = asyncio.get_running_loop().create_future()
        await self.waiting
        cache = self.trades[symbol]
        new = cache.getLimit(symbol, None)
        return [cache[place] for place in range(len(cache) - new, len(cache))]


def test_a_trade_that_comes_while_nobody_waits_is_given_at_once() -> None:
    ccxt = pytest.importorskip("ccxt.pro")

    async def watched_ids() -> list[list[str]]:
        exchange, ids = Exchange(), list[list[str]]()
        market = Market(FeedSource(exchange="binance", symbol=SYMBOL), exchange, ccxt)

        async def watch() -> None:
            async with asyncio.timeout(5):
                ids.append([trade.id for trade in await market.watch() or ()])

        waiting = asyncio.ensure_future(watch())
        await asyncio.sleep(0)
        exchange.message(1, 2)
        await waiting
        exchange.message(3)  # before `watch` is called again
        exchange.message(4)
        await watch()
        waiting = asyncio.ensure_future(watch())
        await asyncio.sleep(0)
        exchange.message(5)
        await waiting
        return ids

    assert asyncio.run(watched_ids()) == [["1", "2"], ["3", "4"], ["5"]]


def test_where_ccxt_has_dropped_what_nobody_had_read_yet_some_may_be_lost() -> None:
    ccxt, exchange = pytest.importorskip("ccxt.pro"), Exchange()
    market = Market(FeedSource(exchange="bybit", symbol=SYMBOL), exchange, ccxt)

    async def receive(number: int) -> list[str] | None:
        async with asyncio.timeout(5):
            waiting = asyncio.ensure_future(market.watch())
            await asyncio.sleep(0)
            exchange.message(number)
            trades = await waiting
            return None if trades is None else [trade.id for trade in trades]

    async def received() -> list[list[str] | None]:
        first = await receive(1)
        exchange.message(2)
        exchange.trades = Exchange().trades
        exchange.message(3)
        async with asyncio.timeout(5):
            assert await market.watch() is None
        return [first, await receive(4)]

    assert asyncio.run(received()) == [["1"], ["4"]]


def test_what_a_lost_connection_told_last_is_not_given_as_the_next_ones() -> None:
    ccxt, exchange = pytest.importorskip("ccxt.pro"), Exchange()
    market = Market(FeedSource(exchange="bybit", symbol=SYMBOL), exchange, ccxt)
    market.on_lost(lambda: None)

    ids: list[list[str]] = []

    async def receive(number: int) -> None:
        async with asyncio.timeout(5):
            waiting = asyncio.ensure_future(market.watch())
            await asyncio.sleep(0)
            exchange.message(number)
            ids.append([trade.id for trade in await waiting or ()])

    async def connect_again() -> None:
        await receive(1)
        exchange.message(2)  # nobody waits
        assert exchange.on_connection_lost is not None
        exchange.on_connection_lost(frozenset({f"trade:{SYMBOL}"}))
        await receive(3)

    asyncio.run(connect_again())
    assert ids == [["1"], ["3"]]
    assert exchange.watch_calls == 2  # 2 is not given in place of another connection


@pytest.mark.parametrize(
    ("subscription", "ends"),
    [(f"trade:{SYMBOL}", True), ("market.ab.trade.detail", True), ("trade:C/D", False)],
)
def test_a_silent_websocket_is_ended_also_where_its_subscriptions_name_no_symbol(
    subscription: str, ends: bool
) -> None:
    ccxt, errors = pytest.importorskip("ccxt.pro"), list[Exception]()
    exchange = SimpleNamespace(
        clients={"wss://": SimpleNamespace(subscriptions={subscription: True}, on_error=errors.append)}
    )
    Market(FeedSource(exchange="htx", symbol=SYMBOL), exchange, ccxt).restart()
    assert bool(errors) is ends


@pytest.mark.parametrize("name", ["gate", "whitebit"])
def test_a_page_that_ccxt_stumbles_over_in_place_of_the_symbols_is_the_exchanges_failure(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    async def maintenance(*_: object, **__: object) -> str:
        return "<html>Back soon</html>"

    monkeypatch.setattr(getattr(pytest.importorskip("ccxt.pro"), name), "fetch", maintenance)

    async def opened() -> None:
        async with Exchanges(
            [FeedSource(exchange=name, symbol=SYMBOL)], clock=FastClock(1), notify=lambda _: None
        ) as exchanges:
            await exchanges.markets(name)

    with pytest.raises(Failure, match=f"The symbols of {name} cannot be read: an answer of") as raised:
        asyncio.run(opened())
    assert raised.value.exit_code is ExitCode.FAILED


def test_an_exchange_that_is_slower_than_another_is_waited_for_and_has_no_trouble(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slow = pytest.importorskip("ccxt.pro").kraken

    async def never(*_: object, **__: object) -> None:
        await asyncio.Event().wait()

    async def load_one_market(exchange: object, **_: object) -> None:
        exchange.markets = {SYMBOL: {"id": "AB"}}  # type: ignore[attr-defined]

    monkeypatch.setattr(slow, "load_markets", never)
    monkeypatch.setattr(pytest.importorskip("ccxt.pro").binance, "load_markets", load_one_market)
    sources = [FeedSource(exchange=name, symbol=SYMBOL) for name in ("kraken", "binance")]

    async def followed() -> tuple[list[FeedSource], dict[str, str]]:
        async with Exchanges(sources, clock=FastClock(1), notify=pytest.fail) as exchanges:
            waiting = asyncio.ensure_future(exchanges.markets("kraken"))
            markets = await exchanges.markets("binance")
            waiting.cancel()
            return [market.source for market in markets], exchanges.not_followed

    assert asyncio.run(followed()) == (sources[1:], {"kraken": ""})


def test_an_exchange_that_does_not_list_what_was_typed_is_not_waited_for_any_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def load_one_market(exchange: object, **_: object) -> None:
        exchange.markets = {"C/D": {"id": "CD"}}  # type: ignore[attr-defined]

    monkeypatch.setattr(pytest.importorskip("ccxt.pro").kraken, "load_markets", load_one_market)
    sources = [FeedSource(exchange=name, symbol=SYMBOL) for name in ("kraken", "binance")]

    async def refused() -> dict[str, str]:
        async with Exchanges(sources, clock=FastClock(1), notify=pytest.fail) as exchanges:
            with pytest.raises(Failure, match=f"kraken has no symbol {SYMBOL}"):
                await exchanges.markets("kraken")
            return exchanges.not_followed

    assert asyncio.run(refused()) == {"binance": ""}


def test_what_was_mistyped_at_an_exchange_that_answers_late_keeps_no_other_from_being_followed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def load_one_market(exchange: object, **_: object) -> None:
        exchange.markets = {SYMBOL: {"id": "AB"}}  # type: ignore[attr-defined]

    names = ("binance", "kraken")
    for name in names:
        monkeypatch.setattr(getattr(pytest.importorskip("ccxt.pro"), name), "load_markets", load_one_market)
    sources = [FeedSource(exchange=name, symbol=SYMBOL) for name in names]
    mistyped = FeedSource(exchange="kraken", symbol="AB")

    async def followed() -> tuple[list[FeedSource], dict[str, str]]:
        async with Exchanges([*sources, mistyped], clock=FastClock(1), notify=pytest.fail) as exchanges:
            followed_sources = [market.source for name in names for market in await exchanges.markets(name)]
            return followed_sources, exchanges.not_followed

    unlisted = {"kraken:AB": f"its exchange does not list it; did you mean {SYMBOL}?"}
    assert asyncio.run(followed()) == (sources, unlisted)


def test_what_needs_a_key_ends_the_feed_only_where_its_pages_do() -> None:
    ccxt = pytest.importorskip("ccxt.pro")

    async def refuses(*_: object) -> None:
        raise ccxt.AuthenticationError('here requires "apiKey" credential')

    exchange = SimpleNamespace(
        fetch_trades=refuses, watch_trades=refuses, trades=None, take_retry_after_s=lambda: 0.0
    )
    market = Market(FeedSource(exchange="here", symbol=SYMBOL), exchange, ccxt)
    for request, lasting in ((market.page(Fetch()), True), (market.watch(), False)):
        with pytest.raises(TradeSourceError, match="apiKey") as raised:
            asyncio.run(request)
        assert raised.value.lasting is lasting


def test_a_message_that_ccxt_does_not_support_does_not_end_the_feed() -> None:
    ccxt = pytest.importorskip("ccxt.pro")

    async def ends(*_: object) -> None:
        raise UnreadableMessage(ccxt.NotSupported("deribit no handler found for self message"))

    market = Market(
        FeedSource(exchange="deribit", symbol=SYMBOL),
        SimpleNamespace(watch_trades=ends, trades=None),
        ccxt,
    )
    with pytest.raises(TradeSourceError, match=r"cannot be read \(NotSupported\)") as raised:
        asyncio.run(market.watch())
    assert not raised.value.lasting


@pytest.mark.parametrize("fault", [OSError, AttributeError])
def test_a_connection_that_cannot_be_closed_is_no_failure_and_keeps_no_other_open(
    fault: type[Exception],
) -> None:
    pytest.importorskip("ccxt.pro")
    closed = []

    async def fails() -> None:
        raise fault

    async def closes() -> None:
        closed.append(True)

    exchanges = Exchanges([], clock=FastClock(1), notify=lambda _: None)
    exchanges._open = {"a": SimpleNamespace(close=fails), "b": SimpleNamespace(close=closes)}
    asyncio.run(exchanges.__aexit__())
    assert closed
