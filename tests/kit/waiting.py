"""Waiting for a condition, never for a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
PAUSE_S = 0.02
PAUSE_SHARE = 0.1  # of the time waited: a long wait is no reason to look all the time


def eventually(
    look: Callable[[], T | None], what: str = "", *, within_s: float = 60.0, pause_s: float = PAUSE_S
) -> T:
    """The first truthy answer of `look`; fails with the last answer where none comes in time."""
    began = time.monotonic()
    while not (value := look()):
        waited_s = time.monotonic() - began
        late = waited_s > within_s
        assert not late, f"never came within {within_s} s: {what or look.__name__}; last seen: {value!r}"
        time.sleep(max(pause_s, PAUSE_SHARE * waited_s))
    return value
