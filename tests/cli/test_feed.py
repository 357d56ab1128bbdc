"""`cryptoctl feed` as a person runs it: exchanges on loopback, an environment on the embedded engine."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.conftest import Cli
from cryptoctl.ops.prices import Query, prices
from cryptoctl.reconcile.retry import RealClock
from cryptoctl.ui.documents import MODELS
from feed.ccxt_at import point
from feed.exchange_server import ExchangeServer, Faults
from feed.harness import real_trades
from live import Live

pytest.importorskip("ccxt")
pytestmark = pytest.mark.engine
PAIR = "ETHUSDT"
WITHIN_S = 60.0


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ExchangeServer]:
    with ExchangeServer() as server:
        server.configure(monkeypatch)
        yield server


def interrupt_once(condition: Callable[[], bool]) -> threading.Thread:
    """Presses Ctrl-C when something is so; the thread is started."""

    def wait() -> None:
        clock = RealClock()
        end_s = clock.now_s() + WITHIN_S
        while not condition() and clock.now_s() < end_s:
            clock.sleep(0.1)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    return thread


def has_failed_twice(server: ExchangeServer) -> bool:
    """The feed has seen the first failure, or it would not ask again."""
    return [request.status for request in server.requests].count(503) > 1


@pytest.fixture
def env_cli(without_enricher: Live, elsewhere: Path) -> Cli:
    """cryptoctl on an environment that stores prices."""
    return Cli("--local", "--env", without_enricher.session.environment)


@pytest.fixture
def ids(without_enricher: Live) -> Callable[[], list[str]]:
    """The ids in the table, in its order; may be called by any thread, which a command may not."""
    aws, table, query = (
        without_enricher.aws,
        without_enricher.stack.prices,
        Query(symbol="ETH/USDT", last=1000),
    )
    return lambda: [str(price.id) for price in prices(aws, table, query)]


def test_a_feed_is_interrupted_goes_on_where_the_table_ends_and_a_file_of_it_is_the_same(
    env_cli: Cli, server: ExchangeServer, ids: Callable[[], list[str]], tmp_path: Path
) -> None:
    tape = real_trades(100)
    numbers = [str(trade.number) for trade in tape]
    server.tapes[PAIR] = tape[:40]

    def made() -> bool:
        if not server.subscribed:
            return False
        if len(server.tapes[PAIR]) < 70:
            server.happen(PAIR, tape[40:70])
        return ids()[-1:] == numbers[69:70]

    interrupt = interrupt_once(made)
    first = env_cli.ok("feed", "binance", "ETH/USDT", "--since", str(tape[0].ms))
    interrupt.join(10)
    assert ids() == numbers[:70]
    assert "begins at 2023-02-02T09:20:00.138Z" in first.err
    assert ["binance", "ETH/USDT", "70", "0", "0"] in [line.split()[:5] for line in first.out.splitlines()]

    server.happen(PAIR, tape[70:])  # while nobody follows
    interrupt = interrupt_once(lambda: len(ids()) == 100)
    second = env_cli.ok("feed", "binance:ETH/USDT", "-o", "json")
    interrupt.join(10)
    assert ids() == numbers
    document = json.loads(second.out.splitlines()[-1])
    assert MODELS["feed"].model_validate(document).outcome == "success"
    [line] = document["lines"]
    assert (line["stored"], line["duplicate"], line["missing"]) == (30, 0, 0)
    assert (line["price"], line["id"]) == (tape[-1].price, numbers[-1])

    file = tmp_path / "trades.jsonl"
    file.write_text("".join(json.dumps(as_ccxt(trade)) + "\n" for trade in tape), encoding="utf-8")
    counts = env_cli.ok("send-price", "--file", str(file), "--exchange", "binance", "-o", "json").json["file"]
    assert (counts["stored"], counts["duplicate"]) == (0, 100)


def as_ccxt(trade: Any) -> dict[str, Any]:
    """A trade as ccxt writes one."""
    return {
        "id": str(trade.number),
        "timestamp": trade.ms,
        "symbol": "ETH/USDT",
        "price": float(trade.price),
        "amount": float(trade.volume),
        "side": "buy",
        "info": {},
    }


def test_it_ends_when_its_time_is_over(env_cli: Cli, server: ExchangeServer) -> None:
    server.tapes["BTCUSDT"] = real_trades(3)
    result = env_cli.ok("feed", "binance", "BTC/USDT", "--for", "5s")
    assert "begins now: the table has no price of it" in result.err
    assert ["binance", "BTC/USDT", "1", "0", "0"] in [line.split()[:5] for line in result.out.splitlines()]


def test_it_ends_when_its_time_is_over_also_while_an_exchange_asks_to_wait(
    env_cli: Cli, server: ExchangeServer
) -> None:
    server.faults = Faults(rest=lambda _: "418", retry_after="600")
    result = env_cli("feed", "binance", "BTC/USDT", "--for", "2s")
    assert result.code == 1
    assert "binance was not followed: it is asked too often, and answers 418" in result.err
    assert "Stopped before the feed began." in result.err
    assert "error: Not followed: binance." in result.err


def test_an_exchange_that_fails_is_told_and_the_others_are_followed(
    env_cli: Cli, server: ExchangeServer
) -> None:
    server.faults = Faults(rest=lambda path: "503" if "AssetPairs" in path else None)
    interrupt = interrupt_once(lambda: "BTCUSDT" in server.subscribed and has_failed_twice(server))
    result = env_cli("feed", "kraken", "ETH/USD", "binance:BTC/USDT")
    interrupt.join(10)
    assert result.code == 1
    assert "error: Not followed: kraken." in result.err
    assert [line.split()[:2] for line in result.out.splitlines()[1:]] == [["binance", "BTC/USDT"]]
    assert "kraken was not followed: its symbols cannot be read: ExchangeNotAvailable" in result.err


def test_the_document_names_the_exchange_that_was_not_followed(env_cli: Cli, server: ExchangeServer) -> None:
    server.faults = Faults(rest=lambda path: "503" if "AssetPairs" in path else None)
    interrupt = interrupt_once(lambda: "BTCUSDT" in server.subscribed and has_failed_twice(server))
    result = env_cli("feed", "kraken", "ETH/USD", "binance:BTC/USDT", "-o", "json")
    interrupt.join(10)
    document = json.loads(result.out.splitlines()[-1])
    assert [line["exchange"] for line in document["lines"]] == ["binance"]
    [unfollowed] = MODELS["feed"].model_validate(document).model_dump()["not_followed"]
    assert document["failure"]["message"] == "Not followed: kraken."
    assert (unfollowed["exchange"], unfollowed["symbol"]) == ("kraken", None)
    assert unfollowed["problem"].startswith("its symbols cannot be read: ExchangeNotAvailable")


def test_a_symbol_of_the_table_that_is_delisted_is_left_out(env_cli: Cli, server: ExchangeServer) -> None:
    env_cli.ok("send-price", "OLD/USDT", "1.5", "binance", "--id", "1")
    interrupt = interrupt_once(lambda: "BTCUSDT" in server.subscribed)
    result = env_cli.ok("feed", "binance", "BTC/USDT", "OLD/USDT")
    interrupt.join(10)
    assert "binance:OLD/USDT is not followed" in result.err
    assert [line.split()[:2] for line in result.out.splitlines()[1:]] == [["binance", "BTC/USDT"]]


def test_a_signal_before_an_exchange_has_answered_ends_it_as_later(
    env_cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        point(silent.getsockname()[1], monkeypatch.setattr)
        interrupt = interrupt_once(lambda: bool(select.select([silent], [], [], 0)[0]))
        result = env_cli("feed", "binance", "BTC/USDT", "-o", "json")
        interrupt.join(10)
    assert result.code == 0, result.err
    assert "Stopped before the feed began." in result.err and "error" not in result.err
    document = json.loads(result.out)
    assert (document["outcome"], document["lines"]) == ("success", [])
    assert [exchange["problem"] for exchange in document["not_followed"]] == ["its symbols have not come yet"]


def test_a_signal_while_an_exchange_refuses_says_so(env_cli: Cli, server: ExchangeServer) -> None:
    server.faults = Faults(rest=lambda _: "418", retry_after="1")
    interrupt = interrupt_once(lambda: len(server.requests) > 1)
    result = env_cli("feed", "binance", "BTC/USDT")
    interrupt.join(10)
    assert result.code == 1
    assert "binance was not followed: it is asked too often, and answers 418" in result.err


def test_it_fails_where_its_time_is_over_before_an_exchange_has_answered(
    env_cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        point(silent.getsockname()[1], monkeypatch.setattr)
        result = env_cli("feed", "binance", "BTC/USDT", "--for", "1s")
    assert result.code == 1 and "error: Not followed: binance." in result.err


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("binnance BTC/USDT", "There is no exchange binnance.\nhint:  Did you mean binance?"),
        ("binance BTCUSDT", "binance has no symbol BTCUSDT.\nhint:  Did you mean BTC/USDT?"),
        ("binance btc/usdt", "binance has no symbol btc/usdt.\nhint:  Did you mean BTC/USDT?"),
        ("kraken ETH/EUR", "kraken has no symbol ETH/EUR.\nhint:  Did you mean ETH/USD?"),
        ("binance BTC/USDT --since 2999-01-01", "--since 2999-01-01 lies in the future."),
        ("binance BTC/USDT --for tomorrow", "'tomorrow' is not a length of time."),
        ("binance", "An exchange and at least one symbol of it are needed."),
        ("binance BTC/USDT -o csv", "`feed` has no output as csv."),
    ],
)
def test_what_cannot_work_is_refused_with_what_to_type(
    env_cli: Cli, server: ExchangeServer, typed: str, message: str
) -> None:
    refused = env_cli("feed", *typed.split())
    assert refused.code == 2
    assert message in refused.err


def test_without_the_library_it_says_what_to_install(env_cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ccxt.pro", None)
    refused = env_cli("feed", "binance", "BTC/USDT")
    assert refused.code == 2
    assert re.search(r"-m pip install '?ccxt", refused.err)


def test_an_exchange_that_does_not_answer_is_a_sentence(env_cli: Cli, server: ExchangeServer) -> None:
    server.faults.rest = lambda _: "500"
    refused = env_cli("feed", "binance", "BTC/USDT")
    assert refused.code == 1
    assert "The symbols of binance cannot be read: ExchangeNotAvailable" in refused.err


def test_an_environment_that_is_not_there_is_noticed_first(
    local_cli: Callable[[str], Cli], server: ExchangeServer
) -> None:
    refused = local_cli("nowhere")("feed", "binance", "BTC/USDT")
    assert refused.code != 0
    assert "nowhere" in refused.err
    assert server.requests == []
