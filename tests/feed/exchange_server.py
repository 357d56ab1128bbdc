"""Two exchanges on loopback, as ccxt expects them: Binance's and Kraken's public REST and websocket."""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from feed.ccxt_at import point

aiohttp_web = pytest.importorskip("aiohttp.web")

BINANCE_SYMBOLS = {"ETHUSDT": ("ETH", "USDT"), "BTCUSDT": ("BTC", "USDT")}


@dataclass(frozen=True, kw_only=True)
class WireTrade:
    """A trade as the exchange has it; `at` is seconds since 1970 with all digits."""

    number: int
    at: str
    price: str
    volume: str

    @property
    def ms(self) -> int:
        """Whole milliseconds."""
        seconds, _, fraction = self.at.partition(".")
        return int(seconds) * 1000 + int((fraction + "000")[:3])

    @property
    def ns(self) -> int:
        """Nanoseconds."""
        seconds, _, fraction = self.at.partition(".")
        return int(seconds) * 10**9 + int((fraction + "0" * 9)[:9])


@dataclass(kw_only=True)
class Faults:
    """What goes wrong. Each function is asked for every answer or message; None: nothing."""

    rest: Callable[[str], str | None] = lambda _: None
    """of a path: a status such as "429", "drop", "garbage", "empty" """
    socket: Callable[[], str | None] = lambda: None
    """before a message: "close", "lose", "repeat", "swap", "garbage" """
    retry_after: str = "1"


@dataclass(kw_only=True)
class RestRequest:
    """A REST request: when it came, what for, and the status that was answered."""

    at_s: float
    path: str
    status: int


@dataclass
class ExchangeServer:
    """Serves in a thread of its own; `tapes` by Binance's or Kraken's name of the pair."""

    tapes: dict[str, list[WireTrade]] = field(default_factory=dict)
    faults: Faults = field(default_factory=Faults)
    requests: list[RestRequest] = field(default_factory=list)
    connections: int = 0
    page: int = 1000
    port: int = 0
    tls: ssl.SSLContext | None = None

    def __post_init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._sockets: dict[Any, set[str]] = {}
        self._held: dict[Any, list[str]] = {}
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> ExchangeServer:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def happen(self, pair: str, trades: Sequence[WireTrade]) -> None:
        """Trades are made: they stand in the past at once, and go to whoever has subscribed."""
        asyncio.run_coroutine_threadsafe(self._happen(pair, trades), self._loop).result(10)

    @property
    def subscribed(self) -> set[str]:
        """The pairs that somebody follows through a websocket."""
        return {pair for pairs in list(self._sockets.values()) for pair in pairs}

    def configure(self, patch: pytest.MonkeyPatch) -> None:
        """Points ccxt's exchanges here, without their pauses between requests."""
        pytest.importorskip("ccxt.pro")
        point(self.port, patch.setattr, tls=self.tls is not None)

    # Inside the thread.

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._begin())
        self._ready.set()
        self._loop.run_forever()

    async def _begin(self) -> None:
        app = aiohttp_web.Application()
        app.router.add_get("/ws/{stream}", self._binance_socket)
        app.router.add_get("/v2", self._kraken_socket)
        app.router.add_get("/{path:.*}", self._rest)
        self._runner = aiohttp_web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = aiohttp_web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=self.tls)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def _end(self) -> None:
        for socket in list(self._sockets):
            await socket.close()
        await self._runner.cleanup()

    async def _rest(self, request: Any) -> Any:
        path = request.path
        fault = self.faults.rest(path)
        logged = RestRequest(at_s=self._loop.time(), path=path, status=200)
        self.requests.append(logged)
        if fault is not None and fault.isdigit():
            logged.status = int(fault)
            return aiohttp_web.Response(
                status=logged.status, text="{}", headers={"Retry-After": self.faults.retry_after}
            )
        if fault == "drop":
            logged.status = 0
            request.transport.close()
            return aiohttp_web.Response()
        text = "{not json" if fault == "garbage" else self._answer(path, request.query, fault == "empty")
        return aiohttp_web.Response(text=text, content_type="application/json")

    def _answer(self, path: str, query: Any, empty: bool) -> str:
        if path.endswith("/exchangeInfo"):
            return json.dumps({"symbols": _binance_markets() if path.startswith("/api") else []})
        if path.endswith("/aggTrades"):
            trades = [] if empty else self._binance_page(query)
            return "[" + ",".join(_binance_rest(trade) for trade in trades) + "]"
        if path == "/0/public/AssetPairs":
            return json.dumps({"error": [], "result": _kraken_markets()})
        if path == "/0/public/Trades":
            pair, since = query["pair"], int(query.get("since", 0))
            trades = [trade for trade in self.tapes.get(pair, []) if trade.ns > since]
            trades = trades[: self.page] if "since" in query else trades[-self.page :]
            rows = ",".join(_kraken_rest(trade) for trade in ([] if empty else trades))
            last = trades[-1].ns if trades else since
            return f'{{"error": [], "result": {{"{pair}": [{rows}], "last": "{last}"}}}}'
        return json.dumps({"error": [], "result": {}})

    def _binance_page(self, query: Any) -> list[WireTrade]:
        tape, limit = self.tapes.get(query["symbol"], []), min(self.page, int(query.get("limit", 500)))
        if "fromId" in query:
            return [trade for trade in tape if trade.number >= int(query["fromId"])][:limit]
        begin, end = int(query.get("startTime", 0)), int(query.get("endTime", 10**15))
        return [trade for trade in tape if begin <= trade.ms <= end][-limit:]

    async def _binance_socket(self, request: Any) -> Any:
        socket = await self._accepted(request)
        async for message in socket:
            subscription = json.loads(message.data)
            self._sockets[socket].update(stream.split("@")[0].upper() for stream in subscription["params"])
            assert all(stream.endswith("@aggTrade") for stream in subscription["params"])
            await socket.send_str(json.dumps({"result": None, "id": subscription["id"]}))
        return self._close_socket(socket)

    async def _kraken_socket(self, request: Any) -> Any:
        socket = await self._accepted(request)
        await socket.send_str('{"channel":"status","type":"update","data":[{"system":"online"}]}')
        async for message in socket:
            subscription = json.loads(message.data)
            if subscription.get("method") != "subscribe":
                continue
            for symbol in subscription["params"]["symbol"]:
                result = {"channel": "trade", "snapshot": True, "symbol": symbol}
                reply = {
                    "method": "subscribe",
                    "result": result,
                    "success": True,
                    "req_id": subscription["req_id"],
                }
                await socket.send_str(json.dumps(reply))
                pair = _kraken_pair(symbol)
                latest = self.tapes.get(pair, [])[-3:]
                if latest:
                    await socket.send_str(_kraken_message(symbol, latest, "snapshot"))
                self._sockets[socket].add(pair)
        return self._close_socket(socket)

    async def _accepted(self, request: Any) -> Any:
        socket = aiohttp_web.WebSocketResponse()
        await socket.prepare(request)
        self._sockets[socket], self._held[socket] = set(), []
        self.connections += 1
        return socket

    def _close_socket(self, socket: Any) -> Any:
        self._sockets.pop(socket, None)
        self._held.pop(socket, None)
        return socket

    async def _happen(self, pair: str, trades: Sequence[WireTrade]) -> None:
        for trade in trades:
            self.tapes.setdefault(pair, []).append(trade)
            message = (
                _binance_message(pair, trade)
                if pair in BINANCE_SYMBOLS
                else _kraken_message(pair.replace("XETHZUSD", "ETH/USD"), [trade], "update")
            )
            for socket, pairs in list(self._sockets.items()):
                if pair in pairs:
                    await self._send(socket, message)

    async def _send(self, socket: Any, message: str) -> None:
        fault, held_back = self.faults.socket(), self._held.get(socket, [])
        if fault == "close":
            self._close_socket(socket)
            await socket.close()
            return
        if fault == "lose":
            return
        if fault == "swap" and not held_back:
            held_back.append(message)
            return
        outgoing = [message, *held_back] + ([message] if fault == "repeat" else [])
        held_back.clear()
        if fault == "garbage":
            outgoing.insert(0, "{not json")
        for text in outgoing:
            try:
                await socket.send_str(text)
            except (ConnectionError, RuntimeError):
                self._close_socket(socket)


def _binance_markets() -> list[dict[str, Any]]:
    return [
        {
            "symbol": name,
            "status": "TRADING",
            "baseAsset": base,
            "quoteAsset": quote,
            "baseAssetPrecision": 8,
            "quotePrecision": 8,
            "orderTypes": ["LIMIT", "MARKET"],
            "isSpotTradingAllowed": True,
            "filters": [],
            "permissions": ["SPOT"],
        }
        for name, (base, quote) in BINANCE_SYMBOLS.items()
    ]


def _binance_rest(trade: WireTrade) -> str:
    return (
        f'{{"a":{trade.number},"p":"{trade.price}","q":"{trade.volume}","f":{trade.number},'
        f'"l":{trade.number},"T":{trade.ms},"m":true,"M":true}}'
    )


def _binance_message(pair: str, trade: WireTrade) -> str:
    return (
        f'{{"e":"aggTrade","E":{trade.ms + 3},"s":"{pair}","a":{trade.number},"p":"{trade.price}",'
        f'"q":"{trade.volume}","f":{trade.number},"l":{trade.number},"T":{trade.ms},"m":true,"M":true}}'
    )


def _kraken_markets() -> dict[str, Any]:
    return {
        "XETHZUSD": {
            "altname": "ETHUSD",
            "wsname": "ETH/USD",
            "base": "XETH",
            "quote": "ZUSD",
            "pair_decimals": 2,
            "lot_decimals": 8,
            "fees": [[0, 0.4]],
            "fees_maker": [[0, 0.25]],
            "ordermin": "0.01",
            "status": "online",
            "tick_size": "0.01",
            "leverage_buy": [],
        }
    }


def _kraken_pair(symbol: str) -> str:
    return {"ETH/USD": "XETHZUSD"}[symbol]


def _kraken_rest(trade: WireTrade) -> str:
    return f'["{trade.price}","{trade.volume}",{trade.at},"b","l","",{trade.number}]'


def _kraken_message(symbol: str, trades: Sequence[WireTrade], kind: str) -> str:
    rows = ",".join(
        f'{{"symbol":"{symbol}","side":"buy","price":{trade.price},"qty":{trade.volume},"ord_type":"limit",'
        f'"trade_id":{trade.number},"timestamp":"{_iso(trade)}"}}'
        for trade in trades
    )
    return f'{{"channel":"trade","type":"{kind}","data":[{rows}]}}'


def _iso(trade: WireTrade) -> str:
    from datetime import UTC, datetime

    seconds, _, fraction = trade.at.partition(".")
    moment = datetime.fromtimestamp(int(seconds), tz=UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{moment}.{(fraction + '000000')[:6]}Z"
