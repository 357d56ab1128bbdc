"""The kit's own promises: what the guard of the pure tests refuses, and what a killed run leaves."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from _pytest.outcomes import Failed

from cryptoctl.local.engine import Engine
from kit.purity import Guard
from kit.waiting import eventually

pytestmark = pytest.mark.process


def connects() -> None:
    socket.create_connection(("127.0.0.1", 9), timeout=1)


def starts_a_process() -> None:
    subprocess.run([sys.executable, "-c", ""], check=True)


@pytest.fixture(scope="module")
def guard() -> Guard:
    return Guard()


@pytest.mark.parametrize("act", [connects, starts_a_process])
def test_a_pure_test_that_goes_outside_fails_even_where_nobody_notices(
    guard: Guard, act: Callable[[], None]
) -> None:
    with pytest.raises(Failed, match="in a pure test"), guard.closed(), suppress(BaseException):
        act()


def test_once_the_pure_test_is_over_all_is_allowed_again(guard: Guard) -> None:
    with guard.closed():
        pass
    starts_a_process()


KILLED = """
import os, signal, sys
from pathlib import Path
from cryptoctl.local.engine import Engine
from kit.leftovers import Leftovers

directory = Path(sys.argv[1])
watch = Leftovers(directory)
Engine(directory / "engine").start(port=0)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_run_that_is_killed_takes_its_engines_with_it(tmp_path: Path) -> None:
    here = Path(__file__).parent
    run = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], cwd=here, check=False)
    assert run.returncode == -signal.SIGKILL
    engine = Engine(tmp_path / "engine")
    eventually(lambda: not engine.status().running, what="the engine to end")
