"""An AWS that is slower in one place than in another, as a seed says."""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass, field

from hostile.wire import Request


@dataclass(kw_only=True)
class Jitter:
    """AWS is slower in one place than in another: some operations, and some single requests, take longer."""

    seed: int
    max_s: float
    _requests: random.Random = field(init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._requests = random.Random(self.seed)

    def delay_s(self, request: Request) -> float:
        """By how much this one is delayed: of five operations one always, of ten requests one."""
        operation = random.Random(f"{self.seed} {request}")
        slow_s = operation.uniform(0, self.max_s) if operation.random() < 0.2 else 0.0
        with self._lock:
            late_s = self._requests.uniform(0, self.max_s) if self._requests.random() < 0.1 else 0.0
        return max(slow_s, late_s)
