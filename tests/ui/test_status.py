"""`status` on the engine: the verdict, the exit code, three round trips, and the live screen."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.conftest import Cli
from cryptoctl.aws import AccessKey, Aws, Response
from cryptoctl.errors import ExitCode
from cryptoctl.ops.overview_reader import MAX_SYMBOLS, OverviewReader
from kit.screens import run
from live import Connect, Live


@pytest.fixture(scope="module")
def plain(connect: Connect) -> Iterator[Live]:
    """A finished environment as the defaults have it, which is what the commands expect here."""
    live = connect(f"p{uuid.uuid4().hex[:8]}")
    live.up()
    yield live
    live.down()


@pytest.fixture
def env_cli(plain: Live, cli: Cli) -> Iterator[Cli]:
    """cryptoctl on the standing environment."""
    yield Cli("--local", "--env", plain.session.environment)


def test_a_healthy_environment_is_one_line(plain: Live, env_cli: Cli) -> None:
    env_cli.ok("send-price", "GLANCE", "1.50", "here")
    result = env_cli.ok("status", "--exit-code")
    (line,) = result.out.splitlines()
    assert line.startswith("✓ ")
    count = len(plain.resources)
    assert f"{count} of {count} resources as configured, no dead letters, last price " in line


def test_what_needs_somebody_is_named_and_counted_by_the_exit_code(plain: Live, env_cli: Cli) -> None:
    function = plain.stack.enricher.name
    plain.change_function(function, Timeout=29)
    try:
        result = env_cli("status", "--exit-code")
        assert result.code == ExitCode.DIFFERENCES
        assert f"! function {function}  drifted: Timeout" in result.out
        assert "`cryptoctl plan --env" in result.out
        document = env_cli.ok("status", "-o", "json").json
        assert document["concerns"][0]["subject"] == f"function {function}"
        assert document["verdict"].count(f"{len(plain.resources) - 1} of ") == 1
        everything = env_cli("status", "--all").out
        for part in ("queue webhook-processor-dlq-", "invoke config", " and 0 failed", "engine: http"):
            assert part in everything
    finally:
        plain.change_function(function, Timeout=30)


def test_of_many_symbols_the_newest_are_shown_and_the_others_counted(env_cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "prices.csv"
    rows = [f"MANY{number:02},{number + 1},here" for number in range(MAX_SYMBOLS + 3)]
    file.write_text("\n".join(["symbol,price,exchange", *rows]), encoding="utf-8")
    env_cli.ok("send-price", "--file", str(file), "--now")
    count = len(env_cli.ok("symbols", "-o", "json").json["symbols"])
    document = env_cli.ok("status", "-o", "json").json
    assert len(document["symbols"]) == MAX_SYMBOLS
    assert document["more_symbols"] == count - MAX_SYMBOLS >= 3
    assert f"… and {count - MAX_SYMBOLS} more: `cryptoctl symbols --" in env_cli.ok("status", "--all").out


class InStep(Aws):
    """Holds every request until no other one comes any more, and counts how often that was so."""

    def __init__(self, live: Live) -> None:
        made_up = live.session.engine.credentials(live.session.environment)
        super().__init__(
            region="us-east-1",
            endpoint_url=live.aws.endpoint_url,
            credentials=AccessKey(access_key=made_up.access_key, secret_key=made_up.secret_key),
        )
        self.trips, self._waiting, self._latest_s = 0, 0, time.monotonic()
        self._gate = threading.Condition()

    def call(self, service: str, operation: str, *, once: bool = False, **params: Any) -> Response:
        """Waits for its turn, then sends."""
        self._turn()
        return super().call(service, operation, once=once, **params)

    def paginate(self, service: str, operation: str, key: str, **params: Any) -> Iterator[Any]:
        """The same for the first page."""
        self._turn()
        return super().paginate(service, operation, key, **params)

    def _turn(self) -> None:
        with self._gate:
            trip, self._latest_s = self.trips, time.monotonic()
            while trip == self.trips:
                self._gate.wait(0.1)
                if trip == self.trips and time.monotonic() - self._latest_s > 1.0:
                    self.trips += 1
                    self._gate.notify_all()


def test_an_overview_takes_three_round_trips(plain: Live, env_cli: Cli) -> None:
    env_cli.ok("send-price", "TRIPS", "1", "here")
    in_step = InStep(plain)
    overview = OverviewReader(in_step, plain.stack).overview()
    assert "TRIPS" in {symbol.symbol for symbol in overview.symbols or ()}
    assert in_step.trips <= 3


def test_the_live_screen_fills_the_terminal_and_gives_it_back(plain: Live, elsewhere: Path) -> None:
    arguments = ["-m", "cryptoctl", "status", "--watch", "--local", "--env", plain.session.environment]
    screen = run(arguments, columns=80, rows=24, typed_when=[("[q] quit", "q")])
    assert screen.code == 0, screen.text
    assert "webhook-processor" in screen.raw
    assert screen.raw.count("\x1b[?1049h") == screen.raw.count("\x1b[?1049l") == 1
    assert screen.raw.rindex("\x1b[?25h") > screen.raw.rindex("\x1b[?25l")


def test_a_key_of_the_live_screen_runs_nothing_that_lies_in_the_directory(
    plain: Live, elsewhere: Path
) -> None:
    (elsewhere / "cryptoctl.py").write_text("print('of a stranger')", encoding="utf-8")
    typed = [("[q] quit", "p"), ("[y/N]", "y\n"), ("Press Enter", "\n"), ("[q] quit", "q")]
    arguments = ["-P", "-m", "cryptoctl", "status", "--watch", "--local"]
    screen = run([*arguments, "--env", plain.session.environment], columns=120, rows=24, typed_when=typed)
    assert screen.code == 0, screen.text
    assert "of a stranger" not in screen.raw
    assert "Nothing to do" in screen.raw


def test_without_a_terminal_the_live_screen_is_refused(env_cli: Cli) -> None:
    assert env_cli("status", "--watch").code == ExitCode.USAGE


def test_a_table_that_is_gone_is_named_with_all_else_that_is_wrong(plain: Live, env_cli: Cli) -> None:
    """Also where prices came in the last hour, whose symbols cannot be read any more."""
    env_cli.ok("send-price", "GONE", "1.50", "here")
    table, function = plain.stack.prices.name, plain.stack.enricher.name
    plain.change_function(function, Timeout=29)
    plain.aws.call("dynamodb", "DeleteTable", TableName=table)
    try:
        result = env_cli("status", "--exit-code")
        assert result.code == ExitCode.DIFFERENCES
        assert f"! table {table}  missing" in result.out
        assert f"! function {function}  drifted: Timeout" in result.out
        assert "price" not in result.out.splitlines()[0].partition("dead letters")[2]
        assert env_cli.ok("status", "-o", "json").json["symbols"] == []
    finally:
        plain.up()
        env_cli.ok("send-price", "GONE", "1.50", "here")  # what was logged of it is counted in other tests
