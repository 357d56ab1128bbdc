"""How many requests a second go out, where AWS takes few for a whole account."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable


class RateLimiter:
    """Lets `limit` calls pass a second; others wait their turn. Thread-safe."""

    def __init__(
        self,
        limit: int,
        *,
        now_s: Callable[[], float] = time.monotonic,
        pause: Callable[[float], object] | None = None,
    ) -> None:
        self.limit = limit
        self._now_s, self._pause = now_s, pause or threading.Event().wait
        self._lock = threading.Lock()
        self._turns: deque[float] = deque(maxlen=limit)

    def wait(self) -> None:
        """Returns when it is the caller's turn."""
        with self._lock:
            now_s = self._now_s()
            full = len(self._turns) == self._turns.maxlen
            turn_s = max(now_s, self._turns[0] + 1.0) if full else now_s
            self._turns.append(turn_s)
        if turn_s > now_s:
            self._pause(turn_s - now_s)


# AWS's quotas of an account in a region. Lambda's is for all that is no invocation, together.
LAMBDA_REQUESTS_A_SECOND = 15
REQUESTS_A_SECOND = {
    "cloudwatch.DescribeAlarms": 9,
    "cloudwatch.PutMetricAlarm": 3,
    "cloudwatch.DeleteAlarms": 3,
    "ssm.PutParameter": 3,
}


class RequestLimits:
    """Delays one command's requests where AWS allows only a few a second."""

    SERVICES = ("lambda", "cloudwatch", "ssm")

    def __init__(self) -> None:
        self._lambda = RateLimiter(LAMBDA_REQUESTS_A_SECOND)
        self._operations = {name: RateLimiter(limit) for name, limit in REQUESTS_A_SECOND.items()}

    def wait(self, event_name: str, **_: object) -> None:
        """Returns when the request of botocore's event "before-send.SERVICE.OPERATION" may go out."""
        name = event_name.partition(".")[2]
        if name in self._operations:
            self._operations[name].wait()
        elif name.startswith("lambda.") and name != "lambda.Invoke":
            self._lambda.wait()
