"""Finding a time in a tape that can only be asked for by id: steps back that double, then halves."""

from __future__ import annotations

from dataclasses import dataclass

SEEK_STEP = 1_000  # ids, at first
NEAR_ENOUGH = 5_000  # trades that may be read and left before the first that is wanted


@dataclass(frozen=True, kw_only=True, slots=True)
class Seek:
    """Where by id a time lies: at or after `below`, before `above`. The page from `ask` on is asked for."""

    ask: int
    above: int
    below: int | None = None
    step: int = SEEK_STEP

    def after(self, *, begins_before: bool) -> Seek | None:
        """The next one, by whether that page begins before the time; None where it is near enough."""
        below = self.ask if begins_before or self.ask == 0 else self.below
        above = self.above if below == self.ask else self.ask
        if below is None:
            return Seek(ask=max(0, self.ask - self.step), above=above, step=self.step * 2)
        if above - below <= NEAR_ENOUGH:
            return None if below == self.ask else Seek(ask=below, above=above, below=below)
        return Seek(ask=(below + above) // 2, above=above, below=below)
