"""The whole feed against two exchanges on loopback: the table is the exchange's tape, whatever fails."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence

import pytest

from cryptoctl.errors import ExitCode, Failure
from feed.exchange_server import ExchangeServer, Faults, WireTrade
from feed.harness import MemoryTable, Run, real_trades, texts

pytest.importorskip("ccxt")
pytestmark = pytest.mark.process
KRAKEN, BINANCE = "XETHZUSD", "ETHUSDT"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ExchangeServer]:
    with ExchangeServer() as server:
        server.configure(monkeypatch)
        yield server


class Market:
    """Makes trades of a tape, some before and the others while they are followed."""

    def __init__(self, server: ExchangeServer, pair: str, tape: Sequence[WireTrade], before: int) -> None:
        self.server, self.pair, self.tape = server, pair, tape
        self._made = before
        server.tapes[pair] = list(tape[:before])

    def trade(self, count: int) -> bool:
        """Makes the next ones; whether all are made."""
        new = self.tape[self._made : self._made + count]
        if new:
            self.server.happen(self.pair, new)
            self._made += len(new)
        return self._made >= len(self.tape)


def all_stored(*markets: tuple[Market, str, str], trades_each: int = 3) -> Callable[[Run], bool]:
    """Goes on trading until everything is stored."""

    def meanwhile(run: Run) -> bool:
        over = [market.trade(trades_each) for market, _, _ in markets]
        return all(over) and all(
            len(run.table.texts(exchange, symbol)) == len(market.tape) for market, exchange, symbol in markets
        )

    return meanwhile


@pytest.mark.parametrize("fault", ["503", "drop", "garbage"])
def test_an_exchange_that_does_not_give_its_symbols_holds_up_no_other(
    server: ExchangeServer, fault: str
) -> None:
    tape, failed = real_trades(20), list[str]()
    binance, kraken = Market(server, BINANCE, tape, 10), Market(server, KRAKEN, tape, 10)
    binance_stored = all_stored((binance, "binance", "ETH/USDT"))
    both_stored = all_stored((binance, "binance", "ETH/USDT"), (kraken, "kraken", "ETH/USD"))

    def faulty(path: str) -> str | None:
        failed.append(path)
        return fault if "AssetPairs" in path else None

    def meanwhile(run: Run) -> bool:
        if binance_stored(run) and sum("AssetPairs" in path for path in failed) > 1:
            server.faults.rest = lambda _: None
        return both_stored(run)

    server.faults.rest = faulty
    Run(["kraken", "ETH/USD", "binance:ETH/USDT"], since_ms=tape[0].ms).until(meanwhile)


def test_where_no_exchange_gives_its_symbols_the_feed_is_refused(server: ExchangeServer) -> None:
    server.faults.rest = lambda _: "503"
    with pytest.raises(Failure, match=r"The symbols of (binance|kraken) cannot"):
        Run(["kraken", "ETH/USD", "binance:ETH/USDT"]).until(lambda _: False)


def test_two_exchanges_their_past_and_what_happens_now(server: ExchangeServer) -> None:
    tape = real_trades(300)
    server.page = 60
    binance, kraken = Market(server, BINANCE, tape, 250), Market(server, KRAKEN, tape[:200], 150)
    run = Run(["binance", "ETH/USDT", "kraken:ETH/USD"], since_ms=tape[0].ms)
    feed = run.until(all_stored((binance, "binance", "ETH/USDT"), (kraken, "kraken", "ETH/USD")))
    assert run.table.texts("binance", "ETH/USDT") == texts(tape, "binance", "ETH/USDT")
    assert run.table.texts("kraken", "ETH/USD") == texts(tape[:200], "kraken", "ETH/USD")
    assert [(line.stored, line.duplicate, line.refused) for line in feed.lines] == [(300, 0, 0), (200, 0, 0)]
    assert [line.tape.counts.missing for line in feed.lines] == [0, 0]
    assert max(run.table.requests) <= 200


@pytest.mark.parametrize("words", [["binance", "ETH/USDT"], ["kraken", "ETH/USD"]])
def test_after_a_start_the_websocket_is_followed_and_no_page_is_asked_for(
    server: ExchangeServer, words: list[str]
) -> None:
    pair = BINANCE if words[0] == "binance" else KRAKEN
    market = Market(server, pair, real_trades(160), 100)
    counts: list[int] = []

    def meanwhile(run: Run) -> bool:
        over = market.trade(1) if server.subscribed else False
        if run.line.tape.joined:
            counts.append(len(server.requests))
        return over and len(run.table.items) == 160

    Run(words, since_ms=market.tape[0].ms, times=1.0).until(meanwhile)
    assert len(counts) > 20
    assert counts[-1] == counts[5]  # one may be under way as the two are joined


@pytest.mark.parametrize("words", [["binance", "ETH/USDT"], ["kraken", "ETH/USD"]])
def test_a_websocket_that_breaks_at_every_message(server: ExchangeServer, words: list[str]) -> None:
    pair, symbol = (BINANCE if words[0] == "binance" else KRAKEN), words[1]
    market = Market(server, pair, real_trades(120), 40)
    server.faults.socket = lambda: "close"
    run = Run(words, since_ms=market.tape[0].ms)
    run.until(all_stored((market, words[0], symbol), trades_each=1))
    assert server.connections > 3
    assert run.table.texts(words[0], symbol) == texts(market.tape, words[0], symbol)


@pytest.mark.parametrize("words", [["binance", "ETH/USDT"], ["kraken", "ETH/USD"]])
def test_a_message_that_cannot_be_read_ends_the_connection_and_not_only_its_reading(
    server: ExchangeServer, words: list[str]
) -> None:
    pair, symbol = (BINANCE if words[0] == "binance" else KRAKEN), words[1]
    market, faults = Market(server, pair, real_trades(60), 40), iter(["garbage"])
    server.faults.socket = lambda: next(faults, None)
    stored = all_stored((market, words[0], symbol), trades_each=1)
    run = Run(words, since_ms=market.tape[0].ms, times=1.0)
    run.until(lambda run: bool(server.subscribed) and stored(run) and server.connections > 1)
    assert run.table.texts(words[0], symbol) == texts(market.tape, words[0], symbol)


@pytest.mark.parametrize("seed", range(2))
def test_whatever_fails_the_table_is_the_tape(server: ExchangeServer, seed: int) -> None:
    check(server, seed, real_trades(200), 80)


@pytest.mark.torture
@pytest.mark.parametrize("seed", range(10))
def test_hours_of_faults(server: ExchangeServer, seed: int) -> None:
    """Tapes of 1000 trades, on a clock that runs 20 times as fast: each some twenty minutes of a feed."""
    check(server, 1000 + seed, real_trades(1000), 100, within_s=600.0)


def check(
    server: ExchangeServer, seed: int, tape: Sequence[WireTrade], before: int, within_s: float = 60.0
) -> None:
    dice = random.Random(seed)
    server.page = 40
    faults = ["429", "418", "500", "drop", "garbage", "empty"]
    socket = ["close", "lose", "repeat", "swap", "garbage"]
    server.faults = Faults(
        rest=lambda path: dice.choice(faults) if "rades" in path and dice.random() < 0.3 else None,
        socket=lambda: dice.choice(socket) if dice.random() < 0.2 else None,
        retry_after="2",
    )
    binance, kraken = Market(server, BINANCE, tape, before), Market(server, KRAKEN, tape, before)
    failing = iter(lambda: dice.random() < 0.1, None)
    table = MemoryTable(fails=lambda: _throttle() if next(failing) else None)
    run = Run(["binance", "ETH/USDT", "kraken:ETH/USD"], table=table, since_ms=tape[0].ms, within_s=within_s)
    feed = run.until(
        all_stored((binance, "binance", "ETH/USDT"), (kraken, "kraken", "ETH/USD"), trades_each=1)
    )
    assert table.texts("binance", "ETH/USDT") == texts(tape, "binance", "ETH/USDT")
    assert table.texts("kraken", "ETH/USD") == texts(tape, "kraken", "ETH/USD")
    assert [line.tape.counts.missing for line in feed.lines] == [0, 0]


def _throttle() -> None:
    from cryptoctl.aws_errors import AwsError

    raise AwsError(
        service="lambda", operation="Invoke", code="TooManyRequestsException", message="Slow down."
    )


def test_every_digit_of_the_wire_is_stored_and_both_ways_agree_about_the_time(server: ExchangeServer) -> None:
    """Kraken's websocket has numbers, not texts; a float moves 0.8269999 s to the next millisecond."""
    tape = [
        WireTrade(
            number=n,
            at=f"16886695{n}.{(n * 7) % 1000:03}{9999 if n % 2 else n:04}",
            price=f"1234567.{n}0000000000000{n}9",
            volume=f"0.0000000012345678901234567{n}",
        )
        for n in range(10, 80)
    ]
    for before in (len(tape), 2):
        market, table = Market(server, KRAKEN, tape, before), MemoryTable()
        Run(["kraken", "ETH/USD"], table=table, since_ms=tape[0].ms).until(
            all_stored((market, "kraken", "ETH/USD"), trades_each=1)
        )
        assert table.texts("kraken", "ETH/USD") == texts(tape, "kraken", "ETH/USD")


@pytest.mark.parametrize("word", ["binance:ETH/USDT", "kraken:ETH/USD"])
def test_an_answer_without_symbols_is_the_exchanges_failure_and_not_a_wrong_symbol(
    server: ExchangeServer, word: str
) -> None:
    server.faults.rest = lambda _: "garbage"  # as a page of a proxy during maintenance
    with pytest.raises(Failure, match="cannot be read: it answered without any") as raised:
        Run([word]).until(lambda _: False)
    assert raised.value.exit_code is ExitCode.FAILED


@pytest.mark.parametrize("status", ["418", "503"])  # ccxt calls them by different names
def test_an_exchange_that_bans_is_left_alone_for_as_long_as_it_says(
    server: ExchangeServer, status: str
) -> None:
    market, banned = Market(server, BINANCE, real_trades(20), 20), iter([status])
    server.faults = Faults(
        rest=lambda path: next(banned, None) if "aggTrades" in path else None, retry_after="20"
    )
    run = Run(["binance", "ETH/USDT"], since_ms=market.tape[0].ms)
    run.until(all_stored((market, "binance", "ETH/USDT")))
    first, second = [request for request in server.requests if "aggTrades" in request.path][:2]
    assert first.status == int(status)
    assert second.at_s - first.at_s >= 20 / run.times


def test_an_exchange_that_refuses_for_a_moment_ends_no_feed(server: ExchangeServer) -> None:
    """ccxt has four names for these; the last is answered three times in a row."""
    tape, refusals = real_trades(40), ["401", "403", "418", "429", "503", "503", "503"]
    market, refused = Market(server, BINANCE, tape, 20), iter(refusals)
    server.faults.rest = lambda path: next(refused, None) if "aggTrades" in path else None
    run = Run(["binance", "ETH/USDT"], since_ms=tape[0].ms, times=100.0)
    run.until(all_stored((market, "binance", "ETH/USDT")))
    assert run.table.texts("binance", "ETH/USDT") == texts(tape, "binance", "ETH/USDT")
    statuses = [request.status for request in server.requests if "aggTrades" in request.path]
    assert statuses[: len(refusals) + 1] == [*map(int, refusals), 200]


def test_symbols_are_read_when_an_exchange_that_bans_has_said_how_long(server: ExchangeServer) -> None:
    market, banned = Market(server, BINANCE, real_trades(20), 20), iter(["418"])
    server.faults = Faults(
        rest=lambda path: next(banned, None) if "/api/v3/exch" in path else None, retry_after="20"
    )
    run = Run(["binance", "ETH/USDT"], since_ms=market.tape[0].ms)
    run.until(all_stored((market, "binance", "ETH/USDT")))
    first, second = [request for request in server.requests if "/api/v3/exch" in request.path][:2]
    assert (first.status, second.status) == (418, 200)
    assert second.at_s - first.at_s >= 20 / run.times
    [message] = run.notices
    assert message.startswith(
        "binance: it is asked too often, and answers 418; its symbols are read again after 20 s"
    )


def test_an_exchange_that_bans_before_the_start_and_says_no_time_to_come_ends_no_feed(
    server: ExchangeServer,
) -> None:
    market, banned = Market(server, BINANCE, real_trades(20), 20), iter(["429", "418"])
    server.faults = Faults(
        rest=lambda path: next(banned, None) if "/api/v3/exch" in path else None, retry_after="soon"
    )
    run = Run(["binance", "ETH/USDT"], since_ms=market.tape[0].ms)
    run.until(all_stored((market, "binance", "ETH/USDT")))
    assert [message.split(", at ")[0] for message in run.notices] == [
        "binance: it is asked too often, and answers 429; its symbols are read again after 1 s",
        "binance: it is asked too often, and answers 418; its symbols are read again after 2 s",
    ]


@pytest.mark.parametrize("off_ms", [-86_400_000, 86_400_000])
def test_a_wrong_clock_of_this_machine_changes_nothing(server: ExchangeServer, off_ms: int) -> None:
    tape = real_trades(90)
    market = Market(server, BINANCE, tape, 60)
    run = Run(["binance", "ETH/USDT"], since_ms=tape[0].ms, now_ms=lambda: tape[-1].ms + off_ms)
    run.until(all_stored((market, "binance", "ETH/USDT")))
    assert run.table.texts("binance", "ETH/USDT") == texts(tape, "binance", "ETH/USDT")


def test_a_stop_sends_what_was_received_and_the_next_feed_goes_on_there(server: ExchangeServer) -> None:
    tape = real_trades(300)
    market, table = Market(server, BINANCE, tape, 100), MemoryTable()
    # At this pace the half minute in which a feed ends is long enough on a busy machine too.
    first = Run(["binance", "ETH/USDT"], table=table, since_ms=tape[0].ms, times=4.0)
    feed = first.until(lambda run: market.trade(5) or len(table.items) > 150)
    assert feed.unsent == []
    stored = table.texts("binance", "ETH/USDT")
    assert stored == texts(tape[: len(stored)], "binance", "ETH/USDT")
    assert len(stored) == feed.lines[0].tape.counts.settled < 300
    market.trade(20)  # nobody follows
    ids = [str(trade.number) for trade in tape[: len(stored)]]
    second = Run(["binance", "ETH/USDT"], table=table, since_ms=tape[0].ms, known=ids)
    feed = second.until(all_stored((market, "binance", "ETH/USDT")))
    assert table.texts("binance", "ETH/USDT") == texts(tape, "binance", "ETH/USDT")
    assert feed.lines[0].duplicate == 0
