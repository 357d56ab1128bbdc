"""Which tests are pure, and what holds them to it.

A test is pure unless a fixture's name says that it starts an engine, or the test is marked `process`. The
rule holds by construction: a pure test that starts a process or opens a connection fails, whoever does it on
its behalf.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import pytest

STARTS_AN_ENGINE = ("engine", "endpoint", "world", "running")
OUTSIDE = frozenset(
    {"subprocess.Popen", "os.fork", "os.posix_spawn", "os.system", "socket.connect", "socket.getaddrinfo"}
)


class Guard:
    """Refuses processes and connections while it is closed, to every thread that did not run before."""

    def __init__(self) -> None:
        self._others: frozenset[int] | None = None
        self._refused: list[str] = []
        sys.addaudithook(self._audit)

    @contextmanager
    def closed(self) -> Iterator[None]:
        """Until the end of the block, which fails where something was refused, even if nobody noticed."""
        own = threading.get_ident()
        self._others = frozenset(thread.ident for thread in threading.enumerate() if thread.ident) - {own}
        self._refused.clear()
        try:
            yield
        finally:
            self._others = None
        if self._refused:
            pytest.fail(self._refused[0])

    def _audit(self, event: str, arguments: tuple[object, ...]) -> None:
        if event in OUTSIDE and self._others is not None and threading.get_ident() not in self._others:
            why = f"{event}{arguments!r} in a pure test: take an engine's fixture, or mark it `process`"
            self._refused.append(why)
            pytest.fail(why)


def mark(item: pytest.Item) -> None:
    """Adds `engine` or `pure` to a test, by its fixtures and its other marks."""
    names: Iterable[str] = getattr(item, "fixturenames", ())
    if any(part in name for name in names for part in STARTS_AN_ENGINE):
        item.add_marker("engine")
    if not any(item.get_closest_marker(name) for name in ("engine", "process", "torture")):
        item.add_marker("pure")
