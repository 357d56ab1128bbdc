"""The run of a whole plan, as its steps see it: what they wait for, give each other, and end with."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol

from cryptoctl.aws import Aws
from cryptoctl.errors import Failure
from cryptoctl.reconcile.plan import Plan, Step
from cryptoctl.reconcile.provisioner import Provisioner
from cryptoctl.reconcile.retry import Clock, Interrupted, StopRequest, Wait
from cryptoctl.reconcile.values import Ref, Value

STUCK_AFTER_S = 1.0


class StepOutcome(StrEnum):
    """How a step ended."""

    DONE = "done"
    FAILED = "failed"
    BLOCKED = "blocked"
    INTERRUPTED = "interrupted"
    ABANDONED = "not waited for"
    """The person would not wait for its answer: it may be done or not."""


@dataclass(frozen=True, kw_only=True)
class StepResult:
    """One step's end: how, after how long, and why where it did not work."""

    step: Step
    outcome: StepOutcome
    seconds: float = 0.0
    problem: str = ""
    hint: str = ""
    """What to do next about the problem, where it is its own."""
    failure: Failure | None = None
    """The failure itself where a person can mend it (credentials, permissions, network) or it may be ours."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """Every step's end, in the plan's order."""

    results: tuple[StepResult, ...]

    @property
    def done(self) -> bool:
        """Whether every step is done."""
        return all(result.outcome is StepOutcome.DONE for result in self.results)

    def followed_by(self, later: Report) -> Report:
        """Both in one: of a resource with steps in both, the later one's end."""
        later_resources = {result.step.resource for result in later.results}
        earlier = (result for result in self.results if result.step.resource not in later_resources)
        return Report(results=(*earlier, *later.results))

    def ended(self, outcome: StepOutcome) -> tuple[StepResult, ...]:
        """The results with that outcome."""
        return tuple(result for result in self.results if result.outcome is outcome)


class Listener(Protocol):
    """Who is told what happens, from several threads."""

    def started(self, step: Step) -> None:
        """The step begins, or goes on after a wait: its next call goes out."""

    def waiting(self, step: Step, wait: Wait) -> None:
        """The step waits for something that passes by itself, or for another step."""

    def ended(self, result: StepResult) -> None:
        """The step is over."""

    def stopping(self) -> None:
        """The person asked to stop; what is under way is being finished."""


class Blocked(Exception):
    """Another step, which this one needs, did not succeed."""


class StepFailed(Exception):
    """A step that cannot go on: why it failed, and what to do next."""

    def __init__(self, problem: str, hint: str) -> None:
        super().__init__(problem)
        self.hint = hint


class PlanRun:
    """What the steps of a plan share while it runs, each in a thread of its own."""

    def __init__(self, aws: Aws, clock: Clock, listener: Listener, plan: Plan, stop: StopRequest) -> None:
        self.aws, self.clock = aws, clock
        self._listener, self._plan, self._stop = listener, plan, stop
        self._values: dict[Ref, str] = dict(plan.known)
        self._results: dict[Provisioner, StepResult] = {}
        self._pending = {step.resource for step in plan.work}
        self._begun_s: dict[Provisioner, float] = {}
        self._changed = threading.Condition()
        self._notifying, self._left, self._stopping = threading.Lock(), False, False

    def begin(self, step: Step) -> None:
        """The step begins once those before it are done. Raises Blocked where one is not, or Interrupted."""
        self._wait_for_others(step)
        self.check_stop()
        self._begun_s[step.resource] = self.clock.now_s()
        self.notify_started(step)

    def end(self, result: StepResult, thread_begun_s: float) -> None:
        """The step is over, which the others hear: they wait for it."""
        resource = result.step.resource
        seconds = self.clock.now_s() - self._begun_s.get(resource, thread_begun_s)
        result = replace(result, seconds=seconds)
        with self._changed:
            self._results[resource] = result
            self._pending.discard(resource)
            self._changed.notify_all()
        self._notify(self._listener.ended, result)

    def detach(self) -> Report:
        """Every step's end as far as it is known; from now on nothing is told to the listener."""
        # A thread that nobody waits for must not print while the process ends; one that is stuck in printing
        # (into a pipe that nobody reads) must not keep it from ending.
        self._left = True
        if self._notifying.acquire(timeout=STUCK_AFTER_S):
            self._notifying.release()
        with self._changed:
            return Report(results=tuple(self._result(step) for step in self._plan.work))

    def _result(self, step: Step) -> StepResult:
        outcome = StepOutcome.ABANDONED if step.resource in self._begun_s else StepOutcome.INTERRUPTED
        not_waited_for = StepResult(step=step, outcome=outcome, problem=str(outcome))
        return self._results.get(step.resource, not_waited_for)

    def _notify(self, event: Callable[..., None], *arguments: object, timeout_s: float = -1) -> None:
        if not self._notifying.acquire(timeout=timeout_s):
            return
        try:
            # A screen that is gone (a closed pipe, say) must not stop the work.
            with contextlib.suppress(Exception, SystemExit):
                if not self._left:
                    event(*arguments)
        finally:
            self._notifying.release()

    def notify_started(self, step: Step) -> None:
        """The step begins, or goes on after a wait."""
        self._notify(self._listener.started, step)

    def notify_waiting(self, step: Step, wait: Wait) -> None:
        """The step waits."""
        self._notify(self._listener.waiting, step, wait)

    def end_waits(self) -> None:
        """The person has asked to stop: whoever waits looks again, and the listener hears it once."""
        with self._changed:
            self._changed.notify_all()
        if not self._stopping:
            self._notify(self._listener.stopping, timeout_s=STUCK_AFTER_S)
        self._stopping = True

    def _wait_for_others(self, step: Step) -> None:
        for resource in step.after:
            if resource in self._pending:
                self._notify_waiting_for(step, f"{resource}, which comes first")
            with self._changed:
                self._changed.wait_for(
                    lambda: self._stop.requested.is_set() or resource not in self._pending  # noqa: B023
                )
                self.check_stop()
                result = self._results.get(resource)
                if result is not None and result.outcome is not StepOutcome.DONE:
                    raise Blocked(f"needs {resource}, which {_did_not(result.outcome)}")

    def _notify_waiting_for(self, step: Step, reason: str) -> None:
        self.notify_waiting(step, Wait(reason=reason, waited_s=0.0, timeout_s=None))

    def value(self, step: Step, ref: Ref) -> Value:
        """The value of a Ref, waited for. Raises Blocked where nothing gives it any more."""

        def is_over() -> bool:
            return self._stop.requested.is_set() or ref in self._values or ref.resource not in self._pending

        if not is_over():
            self._notify_waiting_for(step, f"the {ref.output} of {ref.resource}, which AWS assigns")
        with self._changed:
            self._changed.wait_for(is_over)
            if ref in self._values:
                return self._values[ref]
            self.check_stop()
            raise Blocked(f"needs the {ref.output} of {ref.resource}, which is not known")

    def known(self) -> dict[Ref, str]:
        """All values that are known now."""
        with self._changed:
            return dict(self._values)

    def publish(self, values: Mapping[Ref, str]) -> None:
        """Gives values to the steps that wait for them."""
        with self._changed:
            self._values.update(values)
            self._changed.notify_all()

    def check_stop(self) -> None:
        """Raises Interrupted where the person has asked to stop."""
        if self._stop.requested.is_set():
            raise Interrupted


def _did_not(outcome: StepOutcome) -> str:
    texts = {StepOutcome.FAILED: "failed", StepOutcome.BLOCKED: "is blocked itself"}
    return texts.get(outcome, "was interrupted")
