"""A misspelt environment: each command says that there is none of this name, and which there are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cli.conftest import Cli, put_price
from cryptoctl.errors import ExitCode
from cryptoctl.ops.times import now_ms
from live import Live

READING = (
    "status",
    "dashboard --no-open",
    "outputs",
    "logs",
    "logs webhook-processor",
    "logs --follow",
    "prices BTC",
    "prices BTC --wait",
    "dlq list",
    "dlq peek",
    "dlq replay --dry-run",
    "dlq repair",
    "dlq repair --symbol BTC",
    "send-price BTC 1 here",
    "send-price BTC 1 here --async",
)


@pytest.mark.parametrize("line", READING)
def test_it_is_said_and_the_others_are_named(without_functions: Live, cli: Cli, line: str) -> None:
    result = cli(*line.split(), "--local", "--env", "nosuch")
    assert result.code == ExitCode.FAILED
    assert result.out == ""
    assert "There is no environment nosuch on this machine (there are: " in result.err
    assert without_functions.session.environment in result.err
    assert "`cryptoctl up --env nosuch --local`" in result.err


def test_the_environments_are_listed_where_the_file_has_none_of_the_name_that_goes_without_saying(
    without_functions: Live, cli: Cli, elsewhere: Path
) -> None:
    (elsewhere / "cryptoctl.toml").write_text("[env.staging]\n", encoding="utf-8")
    assert cli("outputs", "--local").code == ExitCode.USAGE
    assert without_functions.session.environment in cli.ok("envs", "--local").out


def test_taking_down_what_is_not_there_succeeds_and_says_so(without_functions: Live, cli: Cli) -> None:
    result = cli.ok("down", "--yes", "--local", "--env", "nosuch")
    assert "There is no environment nosuch on this machine (there are: " in result.err


def test_data_that_is_not_there_is_not_said_to_be_kept(without_functions: Live, cli: Cli) -> None:
    result = cli.ok("down", "--yes", "--keep-data", "--local", "--env", "nosuch")
    assert "There is no environment nosuch on this machine (there are: " in result.err
    assert "Kept" not in result.err


def test_where_one_resource_is_missing_the_environment_is_incomplete(
    without_functions: Live, cli: Cli
) -> None:
    name, table = without_functions.session.environment, without_functions.stack.prices
    without_functions.aws.call("dynamodb", "DeleteTable", TableName=table.name)
    result = cli("prices", "BTC", "--local", "--env", name)
    without_functions.up([table])
    assert result.code == ExitCode.FAILED
    assert f"{name} is not complete" in result.err


def test_a_window_that_hides_everything_is_named(without_functions: Live, cli: Cli) -> None:
    options = ("--local", "--env", without_functions.session.environment)
    put_price(without_functions, "WIN", 1_767_323_045_000)
    result = cli.ok("prices", "WIN", "--since", "1m", *options)
    assert "; the newest is from 2026-01-02 03:04:05.000 UTC." in result.err
    assert "there are none at all" in cli.ok("prices", "NONE", "--since", "1m", *options).err
    where: dict[str, Any] = {"logGroupName": without_functions.stack.webhook_logs.name, "logStreamName": "s"}
    without_functions.aws.call("logs", "CreateLogStream", **where)
    line = {"timestamp": now_ms(), "message": "a line"}
    without_functions.aws.call("logs", "PutLogEvents", **where, logEvents=[line])
    assert "; the newest line is from 2" in cli.ok("logs", "--since", "2099-01-01", *options).err
