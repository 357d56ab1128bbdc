"""Signals are counted before anything else is done about them."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from cryptoctl import interrupts


@pytest.fixture(autouse=True)
def not_under_nohup() -> Iterator[None]:
    """There the end of a terminal is ignored from the beginning, and `on_signal` leaves it so."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


def test_a_signal_in_the_midst_of_what_the_first_one_calls_is_the_second() -> None:
    signals: list[str] = []

    def first() -> None:
        signal.raise_signal(signal.SIGTERM)
        signals.append("first")

    with interrupts.on_signal(first, lambda: signals.append("second")):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
    assert sorted(signals) == ["first", "second"]


def test_where_they_are_deferred_the_first_is_only_told_and_the_second_raises() -> None:
    with pytest.raises(KeyboardInterrupt), interrupts.deferred() as interrupted:
        assert not interrupted()
        signal.raise_signal(signal.SIGINT)
        assert interrupted()
        signal.raise_signal(signal.SIGTERM)


def test_a_closed_terminal_which_the_shell_and_the_kernel_tell_asks_once() -> None:
    signals: list[str] = []
    with interrupts.on_signal(lambda: signals.append("first"), lambda: signals.append("second")):
        signal.raise_signal(signal.SIGHUP)
        signal.raise_signal(signal.SIGHUP)
        assert signals == ["first"]
        signal.raise_signal(signal.SIGTERM)
    assert signals == ["first", "second"]


def test_a_terminal_that_is_closed_after_ctrl_c_hurries_nothing() -> None:
    signals: list[str] = []
    with interrupts.on_signal(lambda: signals.append("first"), lambda: signals.append("second")):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGHUP)
    assert signals == ["first"]


SWALLOWED = """
import signal, sys, time, weakref
from cryptoctl import interrupts

class Lock:
    pass

def lose(_):
    signal.raise_signal(signal.SIGTERM)
    sum(range(10))

def swallow():
    lock = Lock()
    reference = weakref.ref(lock, lose)
    del lock
    time.sleep(5)

with interrupts.exit_on_signal():
    {body}
print("was not heeded")
"""
MAKES_A_CLASS = """
    class Interrupted:
        def __set_name__(self, owner, name):
            signal.raise_signal(signal.SIGTERM)
            sum(range(10))

    class Owner:
        field = Interrupted()
"""
FIRST = 'lambda: print("first", flush=True)'


@pytest.mark.process
@pytest.mark.parametrize(
    ("body", "out"),
    [
        ("swallow()", ""),
        (f"with interrupts.on_signal({FIRST}, interrupts.interrupt): lose(None); swallow()", "first\n"),
        (MAKES_A_CLASS.strip("\n").strip(), ""),
    ],
    ids=["once", "the second", "while a class is made"],
)
def test_an_interrupt_that_python_only_prints_or_wraps_ends_the_process(body: str, out: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SWALLOWED.format(body=body)],
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, out, "")
