"""Ctrl-C and SIGTERM, which mean the same: stop in order.

While a command only looks, the first one ends it. While it changes something, the first one asks for an end
after what is under way, and the second one for an end at once; neither breaks into the work by an exception.
"""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from cryptoctl.errors import Problem

SIGNALS = (signal.SIGINT, signal.SIGTERM)
SAME_WISH_S = 1.0


class _Interruption:
    """Raises KeyboardInterrupt. Another signal within a moment is the same wish, not another exception.

    It would come in the midst of what the first one makes Python tidy up, and locks would stay taken.
    """

    def __init__(self) -> None:
        self._raised_s = -math.inf

    def __call__(self, *_: object) -> None:
        now_s = time.monotonic()
        if now_s - self._raised_s > SAME_WISH_S:
            self._raised_s = now_s
            raise KeyboardInterrupt


@contextmanager
def ending_the_process() -> Iterator[None]:
    """For a whole process: each is a KeyboardInterrupt; once the block is over, none does anything.

    A KeyboardInterrupt that nobody has caught ends the process without a traceback.
    """
    interruption = _Interruption()
    for number in _heeded():
        signal.signal(number, interruption)
    try:
        yield
    except KeyboardInterrupt:
        raise SystemExit(Problem.INTERRUPTED) from None
    finally:
        answered()


@contextmanager
def counted(first: Callable[[], object], second: Callable[[], object]) -> Iterator[None]:
    """In the block the first calls `first`, the second `second`, and further ones nothing.

    They run between two instructions of the main thread, so they must not wait for what that may hold.
    """
    heard = 0

    def handle(*_: object) -> None:
        nonlocal heard
        # Counted before anything else: another signal may come in the midst of what the first one calls.
        heard += 1
        {1: first, 2: second}.get(heard, _nothing)()

    before = {number: signal.getsignal(number) for number in _heeded()}
    for number in before:
        signal.signal(number, handle)
    try:
        yield
    finally:
        for number, handler in before.items():
            answered_here = heard > 0 and isinstance(handler, _Interruption)
            signal.signal(number, signal.SIG_IGN if answered_here else handler)


def _nothing() -> None:
    """There is nothing more to ask for."""


def answered() -> None:
    """Whoever asked to stop has been heard: from here to the process's end, what is said is said in full."""
    for number in _heeded():
        if isinstance(signal.getsignal(number), _Interruption):
            signal.signal(number, signal.SIG_IGN)


def _heeded() -> tuple[signal.Signals, ...]:
    """What is ignored (by nohup, say) stays ignored; only the main thread may say what is done."""
    if threading.current_thread() is not threading.main_thread():
        return ()
    return tuple(number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN)
