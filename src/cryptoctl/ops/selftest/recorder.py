"""What AWS was seen to do while the environment was made and removed: refusals that passed, and waits."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass

from cryptoctl.aws_errors import AwsError
from cryptoctl.reconcile.execute import Listener, StepResult
from cryptoctl.reconcile.plan import Step
from cryptoctl.reconcile.retry import Clock, Wait


@dataclass(kw_only=True)
class MetRefusal:
    """An error that a request met, once or several times in a row, and for how long."""

    error: AwsError
    first_s: float
    times: int = 1
    passed_after_s: float | None = None
    """From the first refusal to the first success of the same request; None where it never succeeded."""


class Recorder(Listener):
    """Records each answer of AWS, and each wait of a plan's steps; called from several threads.

    `waits` is the longest wait, in seconds, by kind of resource and reason.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._listener: Listener
        self._lock = threading.Lock()
        self._open: dict[tuple[int, str, str], list[MetRefusal]] = {}
        self._refusals: list[MetRefusal] = []
        self.waits: dict[tuple[str, str], float] = {}

    def answered(self, service: str, operation: str, error: AwsError | None) -> None:
        """A request was answered, in this thread."""
        now_s, key = self._clock.now_s(), (threading.get_ident(), service, operation)
        with self._lock:
            refusals = self._open.setdefault(key, [])
            if error is None:
                for refusal in refusals:
                    refusal.passed_after_s = now_s - refusal.first_s
                refusals.clear()
                return
            for refusal in refusals:
                if (refusal.error.code, refusal.error.message) == (error.code, error.message):
                    refusal.times += 1
                    return
            refusals.append(MetRefusal(error=error, first_s=now_s))
            self._refusals.append(refusals[-1])

    def forwarding_to(self, listener: Listener) -> Recorder:
        """Itself, and from now on that listener is told as well."""
        self._listener = listener
        return self

    def started(self, step: Step) -> None:
        self._listener.started(step)

    def waiting(self, step: Step, wait: Wait) -> None:
        with self._lock:
            key = step.resource.kind, wait.reason
            self.waits[key] = max(self.waits.get(key, 0.0), wait.waited_s)
        self._listener.waiting(step, wait)

    def ended(self, result: StepResult) -> None:
        self._listener.ended(result)

    def stopping(self) -> None:
        self._listener.stopping()

    def refusals(self) -> Iterator[MetRefusal]:
        """The refusals so far."""
        with self._lock:
            yield from list(self._refusals)
