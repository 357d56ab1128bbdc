"""One environment on the embedded engine for all tests of dead letters; each finds it empty."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from cryptoctl.settings import EnvironmentSettings, StreamSettings
from live import Connect, Live

# The tests of this directory share modules; in importlib mode pytest does not put them on the path itself.
sys.path.insert(0, str(Path(__file__).parents[1]))

from dead_letters.workshop import Workshop


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
def shop(letters_live: Live, tmp_path: Path) -> Workshop:
    """The environment with empty queues, an empty table, and a journal of this test's own."""
    shop = Workshop(letters_live, tmp_path)
    shop.clear()
    return shop
