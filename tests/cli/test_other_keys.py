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


@pytest.fixture(scope="module")
def named(connect: Connect) -> Iterator[str]:
    """An environment of which there is such a table alone, with an item in it."""
    live = connect(f"k{uuid.uuid4().hex[:6]}")
    table, key = live.stack.prices.name, "id"
    live.aws.call(
        "dynamodb",
        "CreateTable",
        TableName=table,
        KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    live.aws.call("dynamodb", "PutItem", TableName=table, Item={key: {"S": "BTC"}})
    yield live.session.environment
    live.aws.call("dynamodb", "DeleteTable", TableName=table)


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_that_reads_it_says_so_and_what_to_do(named: str, line: str) -> None:
    said = Cli("--local", "--env", named)(*line.split())
    assert f"Table crypto-prices-{named} has other keys than symbol and timestamp" in said.err
    assert f"`cryptoctl plan --adopt --env {named} --local` shows" in said.err
    assert (said.code, said.out) == (ExitCode.REFUSED, "")
