"""The one place where a function does several things at the same time."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def map_in_threads(function: Callable[[T], R], items: Iterable[T], max_workers: int) -> list[R]:
    """Calls `function` with each item, `max_workers` at the same time, and gives the results in their order.

    Raises the first failure, after everything else has been tried.
    """
    with ThreadPoolExecutor(max_workers=max_workers) as pool:
        futures = [pool.submit(function, item) for item in items]
    return [future.result() for future in futures]
