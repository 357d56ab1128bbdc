"""A misspelt environment: each command says that there is none of this name, and which there are."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.conftest import Cli
from cryptoctl.errors import ExitCode
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
def test_it_is_said_and_the_others_are_named(standing: Live, cli: Cli, line: str) -> None:
    result = cli(*line.split(), "--local", "--env", "nosuch")
    assert result.code == ExitCode.FAILED
    assert result.out == ""
    assert "There is no environment nosuch on this machine (there are: " in result.err
    assert standing.session.environment in result.err
    assert "`cryptoctl up --env nosuch --local`" in result.err


def test_the_environments_are_listed_where_the_file_has_none_of_the_name_that_goes_without_saying(
    standing: Live, cli: Cli, elsewhere: Path
) -> None:
    (elsewhere / "cryptoctl.toml").write_text("[env.staging]\n", encoding="utf-8")
    assert cli("outputs", "--local").code == ExitCode.USAGE
    assert standing.session.environment in cli.ok("envs", "--local").out


def test_taking_down_what_is_not_there_succeeds_and_says_so(standing: Live, cli: Cli) -> None:
    result = cli.ok("down", "--yes", "--local", "--env", "nosuch")
    assert "There is no environment nosuch on this machine (there are: " in result.err


def test_data_that_is_not_there_is_not_said_to_be_kept(standing: Live, cli: Cli) -> None:
    result = cli.ok("down", "--yes", "--keep-data", "--local", "--env", "nosuch")
    assert "There is no environment nosuch on this machine (there are: " in result.err
    assert "Kept" not in result.err


def test_where_one_resource_is_missing_the_environment_is_incomplete(standing: Live, cli: Cli) -> None:
    standing.aws.call("dynamodb", "DeleteTable", TableName=standing.stack.prices.name)
    result = cli("prices", "BTC", "--local", "--env", standing.session.environment)
    standing.up()
    assert result.code == ExitCode.FAILED
    assert f"{standing.session.environment} is not complete" in result.err


def test_a_window_that_hides_everything_is_named(standing: Live, cli: Cli) -> None:
    options = ("--local", "--env", standing.session.environment)
    cli.ok("send-price", "WIN", "1", "here", "--timestamp", "2026-01-02T03:04:05Z", *options)
    result = cli.ok("prices", "WIN", "--since", "1m", *options)
    assert "; the newest is from 2026-01-02 03:04:05.000 UTC." in result.err
    assert "there are none at all" in cli.ok("prices", "NONE", "--since", "1m", *options).err
    assert "; the newest line is from 2" in cli.ok("logs", "--since", "2099-01-01", *options).err
