"""Calling a function with several things at the same time, in threads that nobody has to wait for."""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, wait
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

WAKES_EVERY_S = 0.1


def begin(function: Callable[[T], R], things: Iterable[T], max_workers: int) -> list[Future[R]]:
    """Begins to call `function` with each thing, `max_workers` at the same time; returns their futures.

    A thing whose future is cancelled before its turn is skipped.
    """
    things = list(things)
    answers: list[Future[R]] = [Future() for _ in things]
    left = deque(zip(answers, things, strict=True))
    for _ in range(min(len(things), max_workers)):
        threading.Thread(target=_work_off, args=(function, left), name="read", daemon=True).start()
    return answers


def map_in_threads(function: Callable[[T], R], things: Iterable[T], max_workers: int) -> list[R]:
    """Calls `function` with each thing, `max_workers` at the same time, and gives the results in their order.

    The first that fails, or an interruption, ends it: the others' answers are not waited for.
    """
    things = list(things)
    if len(things) < 2:
        return [function(thing) for thing in things]
    answers = begin(function, things, max_workers)
    try:
        return [awaited(answer) for answer in answers]
    finally:
        for answer in answers:
            answer.cancel()


def awaited(answer: Future[R]) -> R:
    """The answer, waited for. Raises what the function raised."""
    # Of two signals in a row another thread may take both; then nothing but the time wakes the main thread.
    while not answer.done():
        wait([answer], timeout=WAKES_EVERY_S)
    return answer.result()


def _work_off(function: Callable[[T], R], left: deque[tuple[Future[R], T]]) -> None:
    """Takes one thing after the other until none is left."""
    with contextlib.suppress(IndexError):
        while True:
            answer, thing = left.popleft()
            if not answer.set_running_or_notify_cancel():
                continue
            try:
                answer.set_result(function(thing))
            except BaseException as error:
                answer.set_exception(error)
