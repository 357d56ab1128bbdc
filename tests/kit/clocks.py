"""A clock for what waits."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from cryptoctl.reconcile.retry import Interrupted


@dataclass
class FakeClock:
    """Time that passes only when somebody sleeps, until `stop` is set."""

    stop: threading.Event | None = None
    time_s: float = 0.0

    def now_s(self) -> float:
        """Seconds so far."""
        return self.time_s

    def sleep(self, seconds: float) -> None:
        """Lets them pass at once."""
        if self.stop is not None and self.stop.is_set():
            raise Interrupted
        self.time_s += seconds
