"""A function called with several items at once, and one read that several threads share."""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Sequence
from concurrent.futures import Future, wait
from typing import Any, TypeVar

T = TypeVar("T")
R = TypeVar("R")

WAKES_EVERY_S = 0.1


def begin(function: Callable[[T], R], items: Iterable[T], max_workers: int) -> list[Future[R]]:
    """Begins to call `function` with each item, `max_workers` at the same time; returns their futures.

    An item whose future is cancelled before its turn is skipped.
    """
    items = list(items)
    futures: list[Future[R]] = [Future() for _ in items]
    start(function, items, futures, max_workers)
    return futures


def start(function: Callable[[T], R], items: Sequence[T], futures: Sequence[Future[R]], workers: int) -> None:
    """As `begin`, for who brings the futures and so has them where an interruption comes at once."""
    pending = deque(zip(futures, items, strict=True))
    for _ in range(min(len(items), workers)):
        threading.Thread(target=_work_off, args=(function, pending), name="read", daemon=True).start()


def map_in_threads(function: Callable[[T], R], items: Iterable[T], max_workers: int) -> list[R]:
    """Calls `function` with each item, `max_workers` at the same time, and gives the results in their order.

    The first that fails, or an interruption, ends it: the others' answers are not waited for.
    """
    items = list(items)
    if len(items) < 2:
        return [function(item) for item in items]
    futures = begin(function, items, max_workers)
    try:
        return [result_of(future) for future in futures]
    finally:
        for future in futures:
            future.cancel()


def result_of(future: Future[R]) -> R:
    """The result, waited for. Raises what the function raised."""
    # Of two signals in a row another thread may take both; then nothing but the time wakes the main thread.
    while not future.done():
        wait([future], timeout=WAKES_EVERY_S)
    return future.result()


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
        value: T = result_of(future)
        return value


def _work_off(function: Callable[[T], R], pending: deque[tuple[Future[R], T]]) -> None:
    """Takes one item after the other until none is pending."""
    with contextlib.suppress(IndexError):
        while True:
            future, item = pending.popleft()
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(function(item))
            except BaseException as error:
                future.set_exception(error)
