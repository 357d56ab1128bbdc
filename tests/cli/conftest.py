"""Running the commands as a person does, in this process."""

from __future__ import annotations

import socket
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cryptoctl.local.engine import Engine
from cryptoctl.provisioners.function import Function
from cryptoctl.reconcile.plan import Goal
from cryptoctl.reconcile.provisioner import Provisioner
from cryptoctl.stack import Stack
from kit.commands import Cli as Cli
from live import Connect, Live

# One alarm stands for all of them, where nothing is said of alarms.
LAG_ALARM = """
[env.{name}.alarms]
dead_letters = "off"
errors = "off"
throttles = "off"
"""


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state_directory: Path) -> Path:
    """An empty working directory without any configuration above it."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def cli(elsewhere: Path) -> Cli:
    """cryptoctl without any option given, in an empty directory, with no credentials anywhere."""
    nothing = str(elsewhere / "none")
    return Cli(
        env={
            "AWS_CONFIG_FILE": nothing,
            "AWS_SHARED_CREDENTIALS_FILE": nothing,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ACCESS_KEY_ID": None,
            "AWS_SECRET_ACCESS_KEY": None,
        }
    )


@pytest.fixture
def local_cli(engine: Engine, elsewhere: Path) -> Callable[[str], Cli]:
    """cryptoctl for an environment on the engine, by name; without a configuration it gets one."""
    file = elsewhere / "cryptoctl.toml"

    def of(environment: str) -> Cli:
        if not file.exists():
            file.write_text(LAG_ALARM.format(name=environment), encoding="utf-8")
        return Cli("--local", "--env", environment)

    return of


@pytest.fixture(scope="module")
def day_name() -> str:
    """The name of the environment that a module shares."""
    return f"day{uuid.uuid4().hex[:6]}"


@pytest.fixture(scope="module")
def day(engine: Engine, day_name: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cli]:
    """cryptoctl for an environment that is up, shared by a module; batches are not waited for."""
    with pytest.MonkeyPatch.context() as patch:
        directory = tmp_path_factory.mktemp("work")
        patch.chdir(directory)
        text = f"[env.{day_name}.stream]\nwindow_s = 0\n" + LAG_ALARM.format(name=day_name)
        (directory / "cryptoctl.toml").write_text(text, encoding="utf-8")
        cli = Cli("--local", "--env", day_name)
        cli.ok("up")
        yield cli
        cli.ok("down", "--yes")


@pytest.fixture(scope="module")
def without_functions(connect: Connect) -> Iterator[Live]:
    """An environment of table, dead letter queues and log groups, shared by a module."""
    yield from _made_of(connect, _what_is_read)


@pytest.fixture(scope="module")
def without_enricher(connect: Connect) -> Iterator[Live]:
    """The same with the function that stores prices."""
    yield from _made_of(connect, lambda stack: [*_what_is_read(stack), *_needed_by(stack.webhook)])


def _what_is_read(stack: Stack) -> list[Provisioner]:
    queues = [stack.webhook_dead_letters, stack.enricher_dead_letters]
    return [stack.prices, *queues, stack.webhook_logs, stack.enricher_logs, stack.notifier_logs]


def _needed_by(function: Function) -> list[Provisioner]:
    return [function.key, function.role, function.other_role, function]


def _made_of(connect: Connect, parts: Callable[[Stack], list[Provisioner]]) -> Iterator[Live]:
    live = connect(f"r{uuid.uuid4().hex[:8]}")
    made = parts(live.stack)
    assert live.up(made).done
    yield live
    live.run(live.plan(Goal.ABSENT, made))


def put_price(live: Live, symbol: str, timestamp_ms: int, price: str = "1", volume: str = "0") -> None:
    """Writes a price into the table, past the functions; it is not enriched."""
    item = {
        "symbol": {"S": symbol},
        "timestamp": {"N": str(timestamp_ms)},
        "price": {"N": price},
        "exchange": {"S": "here"},
        "volume": {"N": volume},
        "processed": {"BOOL": False},
    }
    live.aws.call("dynamodb", "PutItem", TableName=live.stack.prices.name, Item=item)


def unused_port() -> int:
    """A port of this machine on which nobody listens at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
