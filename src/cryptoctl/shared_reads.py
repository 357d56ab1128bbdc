"""One read, shared by the threads that want it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Any, TypeVar

from cryptoctl.parallel import awaited

T = TypeVar("T")


class SharedReads:
    """The first to ask reads; the others wait for what it found, or failed with. For several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._futures: dict[Hashable, Future[Any]] = {}

    def get(self, key: Hashable, read: Callable[[], T]) -> T:
        """The value of `key`, read once. Raises what the reading raised."""
        with self._lock:
            first = key not in self._futures
            future = self._futures.setdefault(key, Future())
        if first:
            try:
                future.set_result(read())
            except BaseException as error:
                future.set_exception(error)
        found: T = awaited(future)
        return found
