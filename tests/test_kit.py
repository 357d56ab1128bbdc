"""The kit's own promises: what the guard of the pure tests refuses, and what a killed run leaves."""

from __future__ import annotations

import re
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
from kit.waiting import PAUSE_S, eventually
from python314.suite import LEFT_OUT

TESTS = Path(__file__).parent

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


def test_a_long_wait_looks_less_often(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses_s: list[float] = []
    monkeypatch.setattr("kit.waiting.time.monotonic", lambda: sum(pauses_s))
    monkeypatch.setattr("kit.waiting.time.sleep", pauses_s.append)
    with pytest.raises(AssertionError, match="never came within 10 s: it"):
        eventually(lambda: None, "it", within_s=10)
    assert pauses_s[0] == PAUSE_S
    assert pauses_s == sorted(pauses_s) and 0.5 < pauses_s[-1] < 2


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
    tests = Path(__file__).parent
    run = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], cwd=tests, check=False)
    assert run.returncode == -signal.SIGKILL
    engine = Engine(tmp_path / "engine")
    eventually(lambda: not engine.status().running, what="the engine to end")


def test_what_the_tests_of_core_and_handlers_import_is_there_on_python_3_14() -> None:
    """`make python314` gives its Python some of these directories, and is not run with each change."""
    files = [file for folder in ("core", "handlers") for file in (TESTS / folder).glob("*.py")]
    run_there = [file for file in files if file.relative_to(TESTS.parent).as_posix() not in LEFT_OUT]
    imports = "\n".join(file.read_text(encoding="utf-8") for file in run_there)
    packages = {
        name for name in re.findall(r"^ *from (\w+)", imports, re.MULTILINE) if (TESTS / name).is_dir()
    }
    script = (TESTS / "python314" / "run.mjs").read_text(encoding="utf-8")
    assert "kit" in packages and {name for name in packages if f"'{name}'" not in script} == set()
