"""Waiting for a condition, never for a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
PAUSE_S = 0.02


def eventually(
    look: Callable[[], T | None], what: str = "", *, within_s: float = 60.0, pause_s: float = PAUSE_S
) -> T:
    """The first truthy answer of `look`; fails with the last answer where none comes in time."""
    deadline = time.monotonic() + within_s
    while not (value := look()):
        late = time.monotonic() > deadline
        assert not late, f"never came within {within_s} s: {what or look.__name__}; last seen: {value!r}"
        time.sleep(pause_s)
    return value
