"""The only place that waits: for transient errors, and for AWS to finish a change."""

from __future__ import annotations

import _thread
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Protocol, TypeVar

T = TypeVar("T")

FIRST_PAUSE_S = 0.1
MAX_PAUSE_S = 3.0
# A pause is this part of what was waited already: so nothing is noticed much later than it happens.
PAUSE_PER_WAITED = 0.1


class Interrupted(Exception):
    """The person asked to stop; what is being waited for goes on without us."""


@dataclass(frozen=True, kw_only=True)
class StopRequest:
    """Stop requests: `requested`, then `at_once`."""

    requested: threading.Event = field(default_factory=threading.Event)
    """What is under way is finished; nothing else is begun, and nothing is waited for."""
    at_once: threading.Event = field(default_factory=threading.Event)
    """Not even what is under way is waited for."""

    def request(self) -> None:
        """Sets `requested`, within a moment, for a signal handler whose thread may sleep on it.

        To set it there would wait for a lock which the sleep that was interrupted may hold.
        """
        _thread.start_new_thread(self.requested.set, ())


class Clock(Protocol):
    """Time, so that a test can bring its own."""

    def now_s(self) -> float:
        """Seconds on a clock that never goes back."""

    def sleep(self, seconds: float) -> None:
        """Lets time pass; raises Interrupted when asked to stop meanwhile."""


class RealClock(Clock):
    """The machine's clock. `stop` ends every sleep at once."""

    def __init__(self, stop: threading.Event | None = None) -> None:
        self.stop = stop or threading.Event()

    def now_s(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        if self.stop.wait(seconds):
            raise Interrupted


@dataclass(frozen=True, kw_only=True)
class Wait:
    """What is being waited for and why, for how long already, and for how long at most.

    `timeout_s` is None where another resource comes first: that one has its own waits.
    """

    reason: str
    waited_s: float
    timeout_s: float | None


class Retry:
    """Repeats an attempt until it does not return None, and reports each wait."""

    def __init__(self, clock: Clock, on_wait: Callable[[Wait], None] = lambda _: None) -> None:
        self.clock = clock
        self.on_wait = on_wait

    def pauses(self, reason: str, timeout_s: float) -> Iterator[float]:
        """Sleeps between attempts, longer each time; yields the seconds waited, until `timeout_s`."""
        start_s = self.clock.now_s()
        while (waited_s := self.clock.now_s() - start_s) < timeout_s:
            self.on_wait(Wait(reason=reason, waited_s=waited_s, timeout_s=timeout_s))
            pause_s = min(max(waited_s * PAUSE_PER_WAITED, FIRST_PAUSE_S), MAX_PAUSE_S)
            self.clock.sleep(min(pause_s, timeout_s - waited_s))
            yield self.clock.now_s() - start_s

    def until(self, attempt: Callable[[], T | None], reason: str, timeout_s: float) -> T | None:
        """Repeats `attempt` until it gives something else than None; None when the time is over."""
        for _ in chain((0.0,), self.pauses(reason, timeout_s)):
            if (result := attempt()) is not None:
                return result
        return None
