"""Runs a plan's steps in parallel, in dependency order; a failure blocks only the steps that need it."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Protocol

from cryptoctl.aws import Aws
from cryptoctl.aws_errors import AwsError, remedy
from cryptoctl.errors import ExitCode, Failure, PossibleDefect
from cryptoctl.reconcile.converge import Convergence
from cryptoctl.reconcile.plan import Plan, Step
from cryptoctl.reconcile.plan_run import Blocked, PlanRun, StepFailed
from cryptoctl.reconcile.provisioner import Provisioner
from cryptoctl.reconcile.retry import Clock, Interrupted, RealClock, StopRequest, Wait
from cryptoctl.reconcile.values import Ref, Value

POLL_EVERY_S = 0.1
STUCK_AFTER_S = 1.0
DEFECT = "This is a defect of cryptoctl: please report it with what --verbose shows."


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
        again = {result.step.resource for result in later.results}
        earlier = (result for result in self.results if result.step.resource not in again)
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


@dataclass
class Executor:
    """Runs plans. One thread a step; a step waits for those before it, a call for the values in it."""

    aws: Aws
    listener: Listener
    clock: Clock = field(default_factory=RealClock)

    def run(self, plan: Plan, stop: StopRequest | None = None) -> Report:
        """Runs exactly the plan's calls, until done or stopped; each step's result."""
        return _Run(self, plan, stop or StopRequest()).run()


class _Run(PlanRun):
    def __init__(self, executor: Executor, plan: Plan, stop: StopRequest) -> None:
        self.aws, self.clock = executor.aws, executor.clock
        self._listener, self._plan, self._stop = executor.listener, plan, stop
        self._values: dict[Ref, str] = dict(plan.known)
        self._results: dict[Provisioner, StepResult] = {}
        self._pending = {step.resource for step in plan.work}
        self._begun_s: dict[Provisioner, float] = {}
        self._changed = threading.Condition()
        self._notifying, self._left = threading.Lock(), False
        if isinstance(self.clock, RealClock):
            self.clock.stop = stop.asked

    def run(self) -> Report:
        threads = [
            threading.Thread(target=self._run_step, args=(step,), name=str(step.resource), daemon=True)
            for step in self._plan.work
        ]
        for thread in threads:
            thread.start()
        self._await_threads(threads)
        # A thread that nobody waits for must not print while the process ends; one that is stuck in printing
        # (into a pipe that nobody reads) must not keep it from ending.
        self._left = True
        if self._notifying.acquire(timeout=STUCK_AFTER_S):
            self._notifying.release()
        with self._changed:
            return Report(results=tuple(self._result(step) for step in self._plan.work))

    def _await_threads(self, threads: list[threading.Thread]) -> None:
        told = False
        for thread in threads:
            while thread.is_alive() and not self._stop.at_once.is_set():
                thread.join(POLL_EVERY_S)
                if self._stop.asked.is_set():
                    with self._changed:
                        self._changed.notify_all()
                    if not told:
                        self._notify(self._listener.stopping, timeout_s=STUCK_AFTER_S)
                    told = True

    def _result(self, step: Step) -> StepResult:
        outcome = StepOutcome.ABANDONED if step.resource in self._begun_s else StepOutcome.INTERRUPTED
        not_waited_for = StepResult(step=step, outcome=outcome, problem=str(outcome))
        return self._results.get(step.resource, not_waited_for)

    def _run_step(self, step: Step) -> None:
        """Carries out the step. Whatever happens, the others hear that it is over: they wait for it."""
        thread_begun_s = self.clock.now_s()
        try:
            result = self._execute(step)
        except BaseException as error:  # a defect of ours: told, and the others are still finished
            problem = f"{type(error).__name__}: {error}"
            defect = PossibleDefect(ExitCode.FAILED, problem, DEFECT)
            defect.__cause__ = error
            result = _failed(step, problem, DEFECT, defect)
        seconds = self.clock.now_s() - self._begun_s.get(step.resource, thread_begun_s)
        result = replace(result, seconds=seconds)
        with self._changed:
            self._results[step.resource] = result
            self._pending.discard(step.resource)
            self._changed.notify_all()
        self._notify(self._listener.ended, result)

    def _execute(self, step: Step) -> StepResult:
        try:
            self._wait_for(step)
            self.check_stop()
            self._begun_s[step.resource] = self.clock.now_s()
            self.notify_started(step)
            Convergence(self, step).converge()
        except Blocked as error:
            return StepResult(step=step, outcome=StepOutcome.BLOCKED, problem=str(error))
        except Interrupted:
            return StepResult(step=step, outcome=StepOutcome.INTERRUPTED, problem="interrupted")
        except StepFailed as error:
            return _failed(step, str(error), error.hint)
        except AwsError as error:
            problem, hint = str(error), remedy(error, step.resource.remedies)
            return _failed(
                step, problem, hint, Failure(ExitCode.AWS, problem, hint) if error.denied else None
            )
        except Failure as error:
            return _failed(step, error.message, error.hint, error)
        return StepResult(step=step, outcome=StepOutcome.DONE)

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
        self._notify(self._listener.started, step)

    def notify_waiting(self, step: Step, wait: Wait) -> None:
        self._notify(self._listener.waiting, step, wait)

    def _wait_for(self, step: Step) -> None:
        for other in step.after:
            if other in self._pending:
                self._notify_waiting_for(step, f"{other}, which comes first")
            with self._changed:
                self._changed.wait_for(
                    lambda: self._stop.asked.is_set() or other not in self._pending  # noqa: B023
                )
                self.check_stop()
                result = self._results.get(other)
                if result is not None and result.outcome is not StepOutcome.DONE:
                    raise Blocked(f"needs {other}, which {_did_not(result.outcome)}")

    def _notify_waiting_for(self, step: Step, reason: str) -> None:
        self.notify_waiting(step, Wait(reason=reason, waited_s=0.0, timeout_s=None))

    def value(self, step: Step, ref: Ref) -> Value:

        def over() -> bool:
            return self._stop.asked.is_set() or ref in self._values or ref.of not in self._pending

        if not over():
            self._notify_waiting_for(step, f"the {ref.output} of {ref.of}, which AWS assigns")
        with self._changed:
            self._changed.wait_for(over)
            if ref in self._values:
                return self._values[ref]
            self.check_stop()
            raise Blocked(f"needs the {ref.output} of {ref.of}, which is not known")

    def known(self) -> dict[Ref, str]:
        with self._changed:
            return dict(self._values)

    def publish(self, values: Mapping[Ref, str]) -> None:
        with self._changed:
            self._values.update(values)
            self._changed.notify_all()

    def check_stop(self) -> None:
        if self._stop.asked.is_set():
            raise Interrupted


def _failed(step: Step, problem: str, hint: str, failure: Failure | None = None) -> StepResult:
    return StepResult(step=step, outcome=StepOutcome.FAILED, problem=problem, hint=hint, failure=failure)


def _did_not(outcome: StepOutcome) -> str:
    did = {StepOutcome.FAILED: "failed", StepOutcome.BLOCKED: "is blocked itself"}
    return did.get(outcome, "was interrupted")
