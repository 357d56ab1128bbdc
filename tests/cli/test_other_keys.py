"""A table that somebody has made under the table's name, with other keys, is told as that."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from cryptoctl.errors import ExitCode
from kit.commands import Cli
from live import Connect

COMMANDS = (
    "prices BTC",
    "candles BTC",
    "symbols",
    "trace BTC --id 7",
    "dlq repair",
    "dlq repair --verify",
    "dlq repair --symbol BTC",
)


def made(connect: Connect, item: dict[str, dict[str, str]], **keys: str) -> Iterator[str]:
    """An environment of which there is such a table alone, with an item in it."""
    live = connect(f"k{uuid.uuid4().hex[:6]}")
    table = live.stack.prices.name
    live.aws.call(
        "dynamodb",
        "CreateTable",
        TableName=table,
        KeySchema=[{"AttributeName": name, "KeyType": kind} for kind, name in keys.items()],
        AttributeDefinitions=[
            {"AttributeName": name, "AttributeType": next(iter(item[name]))} for name in keys.values()
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    live.aws.call("dynamodb", "PutItem", TableName=table, Item=item)
    yield live.session.environment
    live.aws.call("dynamodb", "DeleteTable", TableName=table)


@pytest.fixture(scope="module")
def environment_name(connect: Connect) -> Iterator[str]:
    yield from made(connect, {"id": {"S": "BTC"}}, HASH="id")


@pytest.fixture(scope="module")
def with_another_sort_key(connect: Connect) -> Iterator[str]:
    """Its items have what our keys are made of."""
    item = {"symbol": {"S": "BTC"}, "day": {"N": "1"}, "timestamp": {"N": "1700000000000"}}
    yield from made(connect, item, HASH="symbol", RANGE="day")


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_that_reads_it_says_so_and_what_to_do(environment_name: str, line: str) -> None:
    result = Cli("--local", "--env", environment_name)(*line.split())
    assert f"Table crypto-prices-{environment_name} has other keys than symbol and timestamp" in result.err
    assert f"`cryptoctl plan --adopt --env {environment_name} --local` shows" in result.err
    assert (result.code, result.out) == (ExitCode.REFUSED, "")


@pytest.mark.parametrize("line", ["symbols", "trace BTC --id 7", *COMMANDS[-3:]])
def test_so_it_does_where_only_the_sort_key_is_another(with_another_sort_key: str, line: str) -> None:
    result = Cli("--local", "--env", with_another_sort_key)(*line.split())
    assert f"Table crypto-prices-{with_another_sort_key} has other keys than symbol" in result.err
    assert (result.code, result.out) == (ExitCode.REFUSED, "")
