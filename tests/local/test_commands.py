"""The commands about the engine, as a person gives them."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cryptoctl.cli.app import app
from cryptoctl.errors import ExitCode
from cryptoctl.local.data_directory import DataDirectory
from cryptoctl.local.engine import Engine
from local.clients import client

pytestmark = pytest.mark.process


def cryptoctl(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A machine with nothing on it but a configuration that names only prod; what runs may stay running."""
    directory = tmp_path_factory.mktemp("machine")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(directory)
        patch.setenv("CRYPTOCTL_STATE_DIR", str(directory / "state"))
        for name in ("CRYPTOCTL_ENV", "CRYPTOCTL_CONFIG"):
            patch.delenv(name, raising=False)
        Path("cryptoctl.toml").write_text(
            f"[env.prod]\n[engine]\nsave_every_s = 0.5\nport = {_free_port()}\n"
        )
        engine = Engine(directory / "state" / "engine")
        yield engine
        engine.stop()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def elsewhere(machine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where nothing runs; the engine's directory there."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CRYPTOCTL_STATE_DIR", str(tmp_path))
    return tmp_path / "engine"


def test_the_engine_needs_no_environment(machine: Engine) -> None:
    for command in ("start", "status", "logs", "outbox", "stop", "stop", "status"):
        done = cryptoctl("local", command)
        assert done.exit_code == 0, (command, done.stderr)
    assert "The engine is not running." in done.stdout


def test_status_shows_an_access_key_that_works(machine: Engine) -> None:
    cryptoctl("local", "start")
    status = json.loads(cryptoctl("local", "status", "-o", "json").stdout)["engine"]
    assert status["running"] is True
    pair = machine.credentials("other-tools")
    assert (status["access_key"], status["secret_key"]) == (pair.access_key, pair.secret_key)
    cryptoctl("local", "stop")
    assert json.loads(cryptoctl("local", "status", "-o", "json").stdout)["engine"]["secret_key"] is None


def test_status_says_how_the_engine_is_where_no_access_key_can_be_made(machine: Engine) -> None:
    cryptoctl("local", "start")
    keys = machine.status().home / "access-keys.json"
    kept = keys.read_text()
    keys.write_text("{")
    result, as_json = cryptoctl("local", "status"), cryptoctl("local", "status", "-o", "json")
    keys.write_text(kept)
    assert result.exit_code == ExitCode.UNREACHABLE
    assert "access-keys.json is damaged" in result.stderr
    assert f"The engine answers at {machine.status().url} " in result.stdout
    document = json.loads(as_json.stdout)
    assert (document["engine"]["running"], document["engine"]["access_key"]) == (True, None)


def test_outbox_shows_to_whom_when_and_the_text(machine: Engine) -> None:
    cryptoctl("local", "start")
    sns = client(machine, "sns")
    topic = sns.create_topic(Name="alerts")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="person@example.com")
    sns.publish(TopicArn=topic, Subject="on fire", Message="first line\nsecond \x1b[31mline")
    listing = cryptoctl("local", "outbox", "--last", "1").stdout
    head, *text = listing.splitlines()
    assert head.endswith("email to person@example.com: on fire")
    assert text == ["    first line", "    second \\x1b[31mline"]
    answer = json.loads(cryptoctl("local", "outbox", "--last", "1", "-o", "json").stdout)
    (message,) = answer["messages"]
    assert message["recipient"] == "person@example.com"


def test_reset_leaves_no_data(machine: Engine) -> None:
    cryptoctl("local", "start")
    home = machine.status().home
    done = cryptoctl("local", "reset", "--yes")
    assert (done.exit_code, list(home.iterdir())) == (0, [])
    assert done.stderr == f"The engine is stopped and its data in {home} is deleted.\n"


def test_reset_says_what_it_has_not_deleted(elsewhere: Path) -> None:
    data = DataDirectory(elsewhere)
    data.create()
    data.store_file.touch()
    (elsewhere / "pistons.txt").write_text("four")
    stderr = cryptoctl("local", "reset", "--yes").stderr
    assert stderr.endswith("is deleted; not the engine's: pistons.txt.\n")
    result = cryptoctl("local", "reset", "--yes", "-o", "json")
    assert (result.exit_code, json.loads(result.stdout)["reset"]) == (0, False)
    assert result.stderr == f"No engine has been in {elsewhere}: nothing was deleted.\n"


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize("delays", ["[1.0]", "[1, 2, 3]", "[-1, 2]", "[nan, 1]", '["a", "b"]', "5"], ids=str)
def test_impossible_delays_are_one_sentence(delays: str) -> None:
    Path("cryptoctl.toml").write_text(f"[engine]\nasync_retry_delays_s = {delays}\n")
    done = cryptoctl("local", "start")
    assert done.exit_code == 2
    assert "engine.async_retry_delays_s" in done.stderr
    assert "Traceback" not in done.stderr


def test_fractions_of_seconds_are_delays(machine: Engine) -> None:
    cryptoctl("local", "start")
    config = Path("cryptoctl.toml")
    before = config.read_text()
    config.write_text(f"{before}async_retry_delays_s = [0.5, 1]\n")
    done = cryptoctl("local", "start")
    config.write_text(before)
    assert done.exit_code == 0
    assert "(60.0, 120.0) → (0.5, 1.0)" in done.stderr
