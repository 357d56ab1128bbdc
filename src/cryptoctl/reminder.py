"""When to tell again of what lasts."""

from __future__ import annotations


class Reminder:
    """Due at once, then `first_s` later, then after twice as long each time.

    What runs for hours is not to fill its log.
    """

    def __init__(self, first_s: float) -> None:
        self._first_s = first_s
        self.reset()

    def reset(self) -> None:
        """It is over: the next one is due at once."""
        self._next_at_s, self._pause_s = float("-inf"), self._first_s

    def due(self, now_s: float) -> bool:
        """Whether it is to be told now, in seconds on a clock that never goes back."""
        if now_s < self._next_at_s:
            return False
        self._next_at_s, self._pause_s = now_s + self._pause_s, 2 * self._pause_s
        return True
