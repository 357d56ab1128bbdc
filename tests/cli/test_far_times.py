"""Times and lengths of time that are far away: a sentence or an empty answer, never an error of AWS."""

from __future__ import annotations

import pytest

from cli.conftest import Cli
from cryptoctl.errors import ExitCode
from live import Live

END_OF_TIME = "9999-12-31T23:59:59Z"


@pytest.fixture
def env_cli(without_functions: Live, cli: Cli) -> Cli:
    """cryptoctl on an environment."""
    return Cli("--local", "--env", without_functions.session.environment)


@pytest.mark.parametrize("command", ["prices", "candles", "chart"])
def test_no_price_is_of_a_time_behind_the_last_key(env_cli: Cli, command: str) -> None:
    result = env_cli(command, "FAR", "--since", END_OF_TIME)
    assert (result.code, result.out.strip().count("\n")) == (0, 0)
    assert "No prices of FAR" in result.err and "since 9999-12-31" in result.err


def test_a_price_of_a_time_behind_the_last_key_cannot_be_traced(env_cli: Cli) -> None:
    result = env_cli("trace", "FAR", "--at", END_OF_TIME)
    assert result.code == ExitCode.FAILED
    assert "No price of FAR at 9999-12-31" in result.err and "there is none of FAR" in result.err


@pytest.mark.parametrize(
    "line",
    [
        "logs --since 1700-01-01",
        "logs --until 0001-01-01",
        "prices FAR --since 1700-01-01",
        "trace FAR --at 1700-01-01",
        "dlq list --newer-than 1700-01-01",
    ],
)
def test_a_time_before_1970_is_refused(cli: Cli, line: str) -> None:
    result = cli(*line.split())
    assert result.code == ExitCode.USAGE
    assert "is before 1970" in result.err


@pytest.mark.parametrize(
    "line", ["webhook rotate desk --grace 99999999999d", "feed binance ETH/USDT --for 99999999999d"]
)
def test_a_length_of_time_that_no_clock_can_count_is_refused(cli: Cli, line: str) -> None:
    result = cli(*line.split())
    assert result.code == ExitCode.USAGE
    assert "'99999999999d' is longer than 100 years." in result.err
