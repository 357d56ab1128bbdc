"""Waiting for a condition, never for a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from cryptoctl.reconcile.retry import RealClock, Retry

T = TypeVar("T")


def eventually(what: str, look: Callable[[], T | None], within_s: float = 60.0) -> T:
    """What `look` gives as soon as it is neither None nor False."""
    found = Retry(RealClock()).until(lambda: look() or None, what, within_s)
    assert found is not None, f"never: {what}"
    return found
