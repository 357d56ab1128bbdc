"""A feed whose requests to the webhook processor fail, or hang, when it is told to stop."""

from __future__ import annotations

import signal
from collections.abc import Callable

import pytest

from feed.exchange_server import ExchangeServer
from feed.harness import real_trades
from hostile.clients import Running
from hostile.lengths import Window
from hostile.proxy import Gate
from hostile.wire import Answer, Request, refusal
from hostile.world import World
from kit.waiting import eventually

pytestmark = pytest.mark.engine


class InvokeRefused(Window):
    """Lambda takes no invocation."""

    def __init__(self, code: str, message: str, status: int) -> None:
        self.code, self.message, self.status = code, message, status

    def refuse(self, request: Request) -> Answer | None:
        """As the service writes it."""
        if str(request) != "lambda:Invoke":
            return None
        return refusal(request, self.code, self.message, self.status)


THROTTLED = InvokeRefused("TooManyRequestsException", "Rate exceeded", 429)
EXPIRED = InvokeRefused("ExpiredTokenException", "The security token in the request is expired", 403)


def started(world: World, exchange: ExchangeServer, environment: str) -> Running:
    variables = {"EXCHANGES_PORT": str(exchange.port), "NO_PROXY": "127.0.0.1", "QUICK_RETRIES": "1"}
    words = ("feed", "binance", "BTC/USDT", "--env", environment, "--aws")
    return world.clients.start(*words, variables=variables)


# Without it the next feed would begin at the newest trade: the table has none yet.
GO_ON = "Run the same command again with `--since 2023-02-02T09:20:00.138Z`: it begins there"


def stopped_twice(running: Running) -> None:
    """SIGTERM, and again once the first one is answered."""
    running.interrupt(signal.SIGTERM)
    eventually(lambda: "Press Ctrl-C again to stop at once" in running.stderr(), "the answer to the first")
    assert not running.over.is_set()
    running.interrupt(signal.SIGTERM)
    result = running.wait(60)
    assert result.code == 130, result.err
    assert "Stopping: 1 price received before now will be sent first, for 30 s at most." in result.err
    assert "Whether the request under way was stored is not known." in result.err
    assert f"{GO_ON}, and nothing is stored twice." in result.err
    assert "Traceback" not in result.err + result.out
    assert "BTC/USDT" in result.out  # the summary


def test_it_ends_where_sending_is_refused_and_by_two_signals_where_it_fails_or_hangs(
    world: World, deployed: str, prices_of: Callable[[str, str], list[str]]
) -> None:
    tape = real_trades(1)
    with ExchangeServer({"BTCUSDT": tape}) as exchange:
        world.proxy.behave(more=(EXPIRED,))
        result = started(world, exchange, deployed).wait(60)
        assert result.code == 4, result.err
        assert f"1 price received is not sent. {GO_ON}.\nerror: AWS does not accept the creden" in result.err

        world.proxy.behave(more=(THROTTLED,))
        running = started(world, exchange, deployed)
        eventually(lambda: "Sending failed and is repeated" in running.stderr(), "the failure to be told")
        stopped_twice(running)

        gate = Gate(matches=lambda request: str(request) == "lambda:Invoke")
        world.proxy.behave(gate=gate)
        running = started(world, exchange, deployed)
        assert gate.reached.wait(60)
        stopped_twice(running)  # while the request is held
        gate.opened.set()
        eventually(lambda: prices_of(deployed, "BTC/USDT") == [str(tape[0].number)], "the request to arrive")

        world.proxy.behave()
        running = started(world, exchange, deployed)
        eventually(lambda: "BTC/USDT begins at 2023-02-02" in running.stderr(), "the feed to go on")
        running.interrupt(signal.SIGTERM)
        assert running.wait(60).code == 0
    assert prices_of(deployed, "BTC/USDT") == [str(tape[0].number)]


@pytest.fixture
def prices_of(world: World) -> Callable[[str, str], list[str]]:
    """The ids that an environment's table has of a symbol."""

    def stored_ids(environment: str, symbol: str) -> list[str]:
        answer = world.account["dynamodb"].query(
            TableName=f"crypto-prices-{environment}",
            KeyConditionExpression="symbol = :symbol",
            ExpressionAttributeValues={":symbol": {"S": symbol}},
            ConsistentRead=True,
        )
        return [item["id"]["S"] for item in answer["Items"]]

    return stored_ids
