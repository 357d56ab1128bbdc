"""One environment on the embedded engine for all tests of dead letters; each finds it empty."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from cryptoctl.settings import EnvironmentSettings, StreamSettings
from dead_letters.command_line import Dlq, run
from dead_letters.environment import DeadLetterEnvironment
from live import Connect, Live


@pytest.fixture(scope="session")
def letters_live(connect: Connect) -> Iterator[Live]:
    """The environment, up; batches are not waited for."""
    live = connect(f"l{uuid.uuid4().hex[:6]}", EnvironmentSettings(stream=StreamSettings(window_s=0)))
    live.up()
    # On AWS too the number of retries can be set: a failed event is then a dead letter at once.
    live.aws.call(
        "lambda",
        "PutFunctionEventInvokeConfig",
        FunctionName=live.stack.webhook.name,
        MaximumRetryAttempts=0,
    )
    yield live
    live.down()


@pytest.fixture
def env(letters_live: Live, tmp_path: Path) -> DeadLetterEnvironment:
    """The environment with empty queues, an empty table, and a journal of this test's own."""
    env = DeadLetterEnvironment(letters_live, tmp_path)
    env.clear()
    return env


@pytest.fixture
def dlq(env: DeadLetterEnvironment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Dlq:
    """`cryptoctl dlq …` for the environment."""
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: run("dlq", *arguments, environment=env.name)
