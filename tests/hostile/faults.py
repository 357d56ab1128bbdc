"""What any request may meet: throttles, faults of the service, broken connections, lost answers."""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass, field

from hostile.wire import Answer, Request, refusal

# Lambda, SQS and Logs name it otherwise, but botocore retries all of these.
THROTTLED = {"lambda": "TooManyRequestsException", "iam": "Throttling", "sns": "Throttling"}


@dataclass(kw_only=True)
class Faults:
    """Chances between 0 and 1, drawn from a seeded stream so that a run can be repeated."""

    throttled: float = 0.0
    broken: float = 0.0
    """A 5xx: half of them before the work, half of them after it."""
    lost: float = 0.0
    """The work is done and no answer comes."""
    reset: float = 0.0
    """The connection breaks before anything is done."""
    seed: int = 0
    _dice: random.Random = field(init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def __post_init__(self) -> None:
        self._dice = random.Random(self.seed)

    def _falls(self, chance: float) -> bool:
        with self._lock:
            return chance > 0 and self._dice.random() < chance

    def before(self, request: Request) -> Answer | None:
        """A refusal before anything is done."""
        if self._falls(self.throttled):
            code = THROTTLED.get(request.service, "ThrottlingException")
            return refusal(request, code, "Rate exceeded", 429 if request.service == "lambda" else 400)
        return _broken(request) if self._falls(self.broken / 2) else None

    def after(self, request: Request) -> Answer | None:
        """A fault told although the work was done."""
        return _broken(request) if self._falls(self.broken / 2) else None

    def loses(self, request: Request) -> bool:
        """Whether this answer never arrives."""
        return self._falls(self.lost)

    def resets(self, request: Request) -> bool:
        """Whether the connection breaks now."""
        return self._falls(self.reset)


@dataclass(kw_only=True)
class FirstAnswersLost(Faults):
    """Each write is carried out, and its first answer never arrives."""

    _carried_out: list[Request] = field(default_factory=list, init=False)

    def loses(self, request: Request) -> bool:
        """Whether it is a write that comes for the first time."""
        with self._lock:
            if not request.writes or request in self._carried_out:
                return False
            self._carried_out.append(request)
            return True


def _broken(request: Request) -> Answer:
    return refusal(request, "ServiceUnavailable", "Service is temporarily unavailable", 503)
