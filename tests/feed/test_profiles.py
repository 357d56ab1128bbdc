"""What is known of single exchanges: what they are asked, and how their trades are read."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from cryptoctl.feed.exact import ExactNumbers
from cryptoctl.feed.followed_symbol import TradeSourceError
from cryptoctl.feed.market import Market
from cryptoctl.feed.source import FeedSource
from cryptoctl.feed.trade import Fetch, Trade

# To import ccxt takes longer than most tests.
pytestmark = pytest.mark.thorough


def test_ccxt_asks_coinbase_for_the_page_that_is_wanted() -> None:
    ccxt = pytest.importorskip("ccxt.pro")
    requests: list[dict[str, Any]] = []

    async def ticker(request: dict[str, Any]) -> dict[str, Any]:
        requests.append(request)
        row = {"trade_id": "7", "product_id": "BTC-USD", "price": "1.50", "size": "2", "side": "BUY"}
        return {"trades": [{**row, "time": "2023-01-11T00:52:37.557001Z"}]}

    async def page(fetch: Fetch) -> list[str]:
        exchange = ccxt.coinbase()
        raw_market = {"id": "BTC-USD", "symbol": "BTC/USD", "base": "BTC", "quote": "USD", "spot": True}
        exchange.set_markets([exchange.safe_market_structure(raw_market)])
        exchange.v3PublicGetBrokerageMarketProductsProductIdTicker = ticker
        market = Market(FeedSource(exchange="coinbase", symbol="BTC/USD"), exchange, ccxt)
        try:
            return [trade.id for trade in await market.page(fetch)]
        finally:
            await exchange.close()

    assert asyncio.run(page(Fetch(since_ms=1_673_398_000_000))) == ["7"]
    assert asyncio.run(page(Fetch())) == ["7"]
    assert requests == [{"product_id": "BTC-USD", "limit": 1000}] * 2


@pytest.mark.parametrize(
    ("exchange", "followed"), [("okx", False), ("deribit", False), ("upbit", False), ("bybit", True)]
)
def test_a_websocket_that_does_not_tell_every_trade_as_its_pages_is_not_followed(
    exchange: str, followed: bool
) -> None:
    ccxt = pytest.importorskip("ccxt.pro")
    source = FeedSource(exchange=exchange, symbol="BTC/USDT")
    assert Market(source, getattr(ccxt, exchange)(), ccxt).can_watch is followed


def test_a_trade_of_bitstamp_has_one_time_by_rest_and_by_the_websocket() -> None:
    ccxt = pytest.importorskip("ccxt.pro")
    exchange = ccxt.bitstamp()
    names = {"base": "BTC", "quote": "USD", "baseId": "BTC", "quoteId": "USD"}
    raw_market = {"id": "btcusd", "symbol": "BTC/USD", **names, "spot": True}
    exchange.set_markets([exchange.safe_market_structure(raw_market)])
    market = Market(FeedSource(exchange="bitstamp", symbol="BTC/USD"), exchange, ccxt)
    digits = {"price": "0.03532850", "amount": "0.85945907"}
    row = {"date": "1551814435", "tid": "83581898", "type": "1", **digits}
    trade = {"id": 83581898, "microtimestamp": "1551814435934000", "type": 1, **digits}

    async def trades_both_ways() -> list[Trade]:
        async def transactions(_: dict[str, Any]) -> list[dict[str, Any]]:
            return [row]

        async def watch(*_: object) -> list[dict[str, Any]]:
            return [exchange.parse_ws_trade(trade, exchange.market("BTC/USD"))]

        exchange.publicGetTransactionsPair, exchange.watch_trades = transactions, watch
        try:
            return [*await market.page(Fetch()), *(await market.watch() or ())]
        finally:
            await exchange.close()

    by_rest, by_websocket = asyncio.run(trades_both_ways())
    assert by_rest == by_websocket


COIN_M = {
    "symbol": "BTCUSD_PERP",
    "pair": "BTCUSD",
    "contractType": "PERPETUAL",
    "contractSize": 100,
    "contractStatus": "TRADING",
    "baseAsset": "BTC",
    "quoteAsset": "USD",
    "marginAsset": "BTC",
    "pricePrecision": 1,
    "quantityPrecision": 0,
    "filters": [],
}
USD_M = {
    **{name: value for name, value in COIN_M.items() if name not in ("contractSize", "contractStatus")},
    "symbol": "BTCUSDT",
    "quoteAsset": "USDT",
    "marginAsset": "USDT",
    "status": "TRADING",
}


@pytest.mark.parametrize(
    ("exchange", "symbol", "row", "unit"),
    [
        ("binancecoinm", "BTC/USD:BTC", COIN_M, "contracts of 100 USD"),
        ("binanceusdm", "BTC/USDT:USDT", USD_M, ""),
    ],
)
def test_volumes_that_are_numbers_of_contracts_are_known(
    exchange: str, symbol: str, row: dict[str, Any], unit: str
) -> None:
    ccxt = pytest.importorskip("ccxt.pro")
    opened = getattr(ccxt, exchange)()
    opened.set_markets([opened.parse_market(row)])
    assert Market(FeedSource(exchange=exchange, symbol=symbol), opened, ccxt).volume_unit == unit


@pytest.mark.parametrize(
    ("contract", "unit"),
    [
        ({"contract": True, "contractSize": 0.01, "inverse": False}, "contracts of 0.01 BTC"),
        ({"contract": True, "contractSize": 1.0, "inverse": True}, "contracts of 1 USD"),
        ({"contract": True, "contractSize": 1e7, "inverse": False}, "contracts of 10000000 BTC"),
        ({"contract": True, "contractSize": 1e-5, "inverse": False}, "contracts of 0.00001 BTC"),
        ({"contract": True, "contractSize": None}, "contracts"),
        ({"spot": True, "contractSize": None}, ""),
    ],
)
def test_contracts_are_of_the_base_or_inverse_of_the_quote(contract: dict[str, Any], unit: str) -> None:
    markets = {"BTC/USD": {"base": "BTC", "quote": "USD", **contract}}
    source = FeedSource(exchange="here", symbol="BTC/USD")
    assert Market(source, SimpleNamespace(markets=markets), None).volume_unit == unit  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("exchange", "identities", "lasting"),
    [("here", [None], True), ("here", ["7", None], False), ("binance", ["x"], False)],
)
def test_one_trade_with_an_id_that_is_none_ends_no_feed_whose_trades_have_ids(
    exchange: str, identities: list[str | None], lasting: bool
) -> None:
    trade = {"timestamp": 1_673_398_357_557, "price": "1.50", "amount": "2", "info": {}}

    async def fetch_trades(*_: object) -> list[dict[str, Any]]:
        return [{**trade, "id": identity} for identity in identities]

    opened = SimpleNamespace(fetch_trades=fetch_trades)
    market = Market(FeedSource(exchange=exchange, symbol="A/B"), opened, None)  # type: ignore[arg-type]
    with pytest.raises(TradeSourceError, match="a trade w") as raised:
        asyncio.run(market.page(Fetch()))
    assert raised.value.lasting is lasting


@pytest.mark.parametrize("lacking", ["timestamp", "price", "amount"])
def test_a_trade_of_which_something_cannot_be_read_is_not_stored_without_it(lacking: str) -> None:
    trade = {"id": "7", "timestamp": 1_673_398_357_557, "price": "1.50", "amount": "0", "info": {}}

    async def fetch_trades(*_: object) -> list[dict[str, Any]]:
        return [{**trade, lacking: None}]

    opened = SimpleNamespace(fetch_trades=fetch_trades)
    market = Market(FeedSource(exchange="here", symbol="A/B"), opened, None)  # type: ignore[arg-type]
    with pytest.raises(TradeSourceError, match="a trade without a time, a price or a volume") as raised:
        asyncio.run(market.page(Fetch()))
    assert not raised.value.lasting


def test_trades_without_ids_get_none_of_their_members() -> None:
    """Two trades that are alike in all of them would be one."""
    ccxt = pytest.importorskip("ccxt.pro")
    row = {"a": None, "p": "40798.94", "q": "0.5", "T": 1647546934374, "m": True, "M": True}

    async def page() -> list[Trade]:
        exchange = type("mexc", (ExactNumbers, ccxt.mexc), {})()
        raw_market = {"id": "BTCUSDT", "symbol": "BTC/USDT", "base": "BTC", "quote": "USDT", "spot": True}
        exchange.set_markets([exchange.safe_market_structure(raw_market)])

        async def trades(_: dict[str, Any]) -> list[dict[str, Any]]:
            return [row, row]

        exchange.spotPublicGetAggTrades = exchange.spotPublicGetTrades = trades
        try:
            return await Market(FeedSource(exchange="mexc", symbol="BTC/USDT"), exchange, ccxt).page(Fetch())
        finally:
            await exchange.close()

    with pytest.raises(TradeSourceError, match="a trade without an id") as raised:
        asyncio.run(page())
    assert raised.value.lasting
