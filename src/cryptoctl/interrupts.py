"""Ctrl-C, SIGTERM and a terminal that is closed, which mean the same: stop in order.

While a command only reads, the first one ends it. While it changes something, the first one asks it to stop
after what is under way, and the second one to stop at once; neither interrupts the work by an exception.
"""

from __future__ import annotations

import math
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from cryptoctl.errors import ExitCode

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

# Windows has no terminal that hangs up.
HANGUP = getattr(signal, "SIGHUP", None)
SIGNALS = (signal.SIGINT, signal.SIGTERM, *((HANGUP,) if HANGUP else ()))
REPEATED_WITHIN_S = 1.0
AGAIN_AFTER_S = 0.01


class _Swallowed:
    """An interrupt that nobody was told of: Python only prints what is raised in a weak reference's callback.

    Each import has one. A moment later the main thread gets the signal again.
    """

    def __init__(self) -> None:
        self._pending = False

    def on_unraisable(
        self, otherwise: Callable[[UnraisableHookArgs], object], unraisable: UnraisableHookArgs
    ) -> None:
        """As `sys.unraisablehook`; what is no interrupt goes to `otherwise`."""
        numbers = _not_ignored()
        if not (numbers and issubclass(unraisable.exc_type, KeyboardInterrupt)):
            otherwise(unraisable)
            return
        self._pending = True
        again = threading.Timer(AGAIN_AFTER_S, _send, [threading.get_ident(), numbers[0]])
        again.daemon = True
        again.start()

    def take(self) -> bool:
        """Whether the signal that comes now repeats a swallowed one; asked once, it is forgotten."""
        pending, self._pending = self._pending, False
        return pending


_swallowed = _Swallowed()


def _send(thread_id: int, number: int) -> None:
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(thread_id, number)
    else:  # on Windows
        signal.raise_signal(number)


class _RaiseInterrupt:
    """Raises KeyboardInterrupt. Another signal within a moment is taken for the same one.

    It would arrive while Python still cleans up after the first one, and locks would stay taken.
    """

    def __init__(self) -> None:
        self._raised_s = -math.inf

    def __call__(self, *_: object) -> None:
        now_s = time.monotonic()
        if _swallowed.take() or now_s - self._raised_s > REPEATED_WITHIN_S:
            self._raised_s = now_s
            raise KeyboardInterrupt


@contextmanager
def exit_on_signal() -> Iterator[None]:
    """For a whole process: a signal is a KeyboardInterrupt; once the block is over, signals are ignored.

    A KeyboardInterrupt that nothing has caught becomes SystemExit(130), without a traceback.
    """
    raise_interrupt = _RaiseInterrupt()
    for number in _not_ignored():
        signal.signal(number, raise_interrupt)
    sys.unraisablehook = partial(_swallowed.on_unraisable, sys.unraisablehook)
    try:
        yield
    except (KeyboardInterrupt, RuntimeError) as error:
        if not is_interrupt(error):
            raise
        raise SystemExit(ExitCode.INTERRUPTED) from None
    finally:
        ignore_signals()


@contextmanager
def on_signal(first: Callable[[], object], second: Callable[[], object]) -> Iterator[None]:
    """In the block the first signal calls `first`, the second `second`, and further ones nothing.

    That a terminal is closed is no second one.

    They run between two instructions of the main thread, so they must not wait for what that may hold.
    """
    count = 0

    def handle(number: int, _: object) -> None:
        nonlocal count
        if number == HANGUP and count:
            return  # the shell and the kernel each tell that a terminal is closed
        # Counted before anything else: another signal may arrive while the first one's function runs.
        count += 0 if _swallowed.take() and count == 2 else 1
        if count <= 2:
            (first, second)[count - 1]()

    handlers = {number: signal.getsignal(number) for number in _not_ignored()}
    for number in handlers:
        signal.signal(number, handle)
    try:
        yield
    finally:
        for number, handler in handlers.items():
            handled_here = count > 0 and isinstance(handler, _RaiseInterrupt)
            signal.signal(number, signal.SIG_IGN if handled_here else handler)


@contextmanager
def deferred() -> Iterator[Callable[[], bool]]:
    """Gives what tells whether a signal has come. In the block the first does no more, the second raises."""
    signalled = threading.Event()
    with on_signal(signalled.set, interrupt):
        yield signalled.is_set


def interrupt() -> None:
    """What a signal does that is not waited for. Raises KeyboardInterrupt."""
    raise KeyboardInterrupt


def is_interrupt(error: BaseException) -> bool:
    """Whether it is what a signal raises. Python 3.11 has it as the cause where a class was being made."""
    return isinstance(error, KeyboardInterrupt) or isinstance(error.__cause__, KeyboardInterrupt)


def ignore_signals() -> None:
    """Once a signal is handled: what is printed until the process ends is printed in full."""
    for number in _not_ignored():
        if isinstance(signal.getsignal(number), _RaiseInterrupt):
            signal.signal(number, signal.SIG_IGN)


def _not_ignored() -> tuple[signal.Signals, ...]:
    """What is ignored (by nohup, say) stays ignored; only the main thread may set handlers."""
    if threading.current_thread() is not threading.main_thread():
        return ()
    return tuple(number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN)
