"""The commands about the engine, as a person gives them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cryptoctl.cli.app import app
from cryptoctl.errors import ExitCode
from cryptoctl.local.engine import Engine
from local.clients import client

pytestmark = pytest.mark.process


def cryptoctl(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


@pytest.fixture
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """A machine with nothing on it but a configuration that names only prod."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CRYPTOCTL_STATE_DIR", str(tmp_path / "state"))
    for name in ("CRYPTOCTL_ENV", "CRYPTOCTL_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "cryptoctl.toml").write_text("[env.prod]\n[engine]\nsave_every_s = 0.5\n")
    engine = Engine(tmp_path / "state" / "engine")
    engine.start(port=0)
    engine.stop()
    yield engine
    engine.stop()


def test_the_engine_needs_no_environment(alone: Engine) -> None:
    for command in ("start", "status", "logs", "outbox", "stop", "stop", "status"):
        done = cryptoctl("local", command)
        assert done.exit_code == 0, (command, done.stderr)
    assert "The engine is not running." in done.stdout


def test_status_shows_an_access_key_that_works(alone: Engine) -> None:
    cryptoctl("local", "start")
    status = json.loads(cryptoctl("local", "status", "-o", "json").stdout)["engine"]
    assert status["running"] is True
    pair = alone.credentials("other-tools")
    assert (status["access_key"], status["secret_key"]) == (pair.access_key, pair.secret_key)
    cryptoctl("local", "stop")
    assert json.loads(cryptoctl("local", "status", "-o", "json").stdout)["engine"]["secret_key"] is None


def test_status_says_how_the_engine_is_where_no_access_key_can_be_made(alone: Engine) -> None:
    cryptoctl("local", "start")
    (alone.status().home / "access-keys.json").write_text("{")
    result = cryptoctl("local", "status")
    assert result.exit_code == ExitCode.UNREACHABLE
    assert "access-keys.json is damaged" in result.stderr
    assert f"The engine answers at {alone.status().url} " in result.stdout
    document = json.loads(cryptoctl("local", "status", "-o", "json").stdout)
    assert (document["engine"]["running"], document["engine"]["access_key"]) == (True, None)


def test_outbox_shows_to_whom_when_and_the_text(alone: Engine) -> None:
    cryptoctl("local", "start")
    sns = client(alone, "sns")
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


def test_reset_leaves_no_data(alone: Engine) -> None:
    cryptoctl("local", "start")
    home = alone.status().home
    done = cryptoctl("local", "reset", "--yes")
    assert (done.exit_code, list(home.iterdir())) == (0, [])
    assert done.stderr == f"The engine is stopped and its data in {home} is deleted.\n"


def test_reset_says_what_it_has_not_deleted(alone: Engine) -> None:
    home = alone.status().home
    (home / "pistons.txt").write_text("four")
    stderr = cryptoctl("local", "reset", "--yes").stderr
    assert stderr.endswith("is deleted; not the engine's: pistons.txt.\n")
    result = cryptoctl("local", "reset", "--yes", "-o", "json")
    assert (result.exit_code, json.loads(result.stdout)["reset"]) == (0, False)
    assert result.stderr == f"No engine has been in {home}: nothing was deleted.\n"


@pytest.mark.parametrize("delays", ["[1.0]", "[1, 2, 3]", "[-1, 2]", "[nan, 1]", '["a", "b"]', "5"], ids=str)
def test_impossible_delays_are_one_sentence(alone: Engine, delays: str) -> None:
    Path("cryptoctl.toml").write_text(f"[engine]\nasync_retry_delays_s = {delays}\n")
    done = cryptoctl("local", "start")
    assert done.exit_code == 2
    assert "engine.async_retry_delays_s" in done.stderr
    assert "Traceback" not in done.stderr


def test_fractions_of_seconds_are_delays(alone: Engine) -> None:
    Path("cryptoctl.toml").write_text("[engine]\nasync_retry_delays_s = [0.5, 1]\n")
    assert cryptoctl("local", "start").exit_code == 0
