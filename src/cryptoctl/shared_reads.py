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
        self._answers: dict[Hashable, Future[Any]] = {}

    def get(self, what: Hashable, read: Callable[[], T]) -> T:
        """The answer to `what`, read once. Raises what the reading raised."""
        with self._lock:
            first = what not in self._answers
            response = self._answers.setdefault(what, Future())
        if first:
            try:
                response.set_result(read())
            except BaseException as error:
                response.set_exception(error)
        found: T = awaited(response)
        return found
