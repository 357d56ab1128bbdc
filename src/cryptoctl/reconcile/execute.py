"""Runs a plan over its graph: everything at once where nothing forbids it, a failure blocks only its own."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Protocol

import jmespath

from cryptoctl.aws_errors import AwsError, one_line, remedy
from cryptoctl.errors import Failure, Problem
from cryptoctl.reconcile.call import Action, Call, RetryRule, WaitUntil
from cryptoctl.reconcile.plan import Plan, Step, Verb, present
from cryptoctl.reconcile.provisioner import Provisioner
from cryptoctl.reconcile.retry import Clock, Interrupted, RealClock, Retry, Stop, Wait
from cryptoctl.reconcile.values import Ref, Value, resolve, wire

if TYPE_CHECKING:
    from cryptoctl.aws import Aws

LOOKS_AT_MOST = 6
LOOKS_EVERY_S = 0.1
TOO_OFTEN = RetryRule(
    code="", reason="AWS to take requests again; the account has sent too many a second", timeout_s=60
)
ANOTHER_RUN = "Let the other run, or the other tool, end first."
SOMEBODYS = "Find out whose it is; the next run shows it before it changes anything."
TO_SHOW = "AWS to show what is there; it says that there is one already, or its answer was lost"
DEFECT = "This is a defect of cryptoctl: please report it with this line."


class StepOutcome(StrEnum):
    """How a step ended."""

    DONE = "done"
    FAILED = "failed"
    BLOCKED = "blocked"
    INTERRUPTED = "interrupted"
    LEFT = "left under way"
    """The person would not wait for its answer: it may be done or not."""


@dataclass(frozen=True, kw_only=True)
class StepResult:
    """One step's end: how, after how long, and why where it did not work."""

    step: Step
    outcome: StepOutcome
    seconds: float
    problem: str = ""
    hint: str = ""
    """What to do next about the problem, where it is its own."""
    failure: Failure | None = None
    """The failure itself where it is one that a person can mend (credentials, rights, network)."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """Every step's end, in the plan's order."""

    results: tuple[StepResult, ...]

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


class StepFailed(Exception):
    """A step that cannot go on: why it failed, and what to do next."""

    def __init__(self, problem: str, hint: str) -> None:
        super().__init__(problem)
        self.hint = hint


class _Blocked(Exception):
    """Another step, which this one needs, did not succeed."""


class _LookAgain(Exception):
    """The thing is there already, or an answer was lost: what is there decides how it goes on."""


@dataclass
class Executor:
    """Runs plans. One thread a step; a step waits for those before it, a call for the values in it."""

    aws: Aws
    listener: Listener
    clock: Clock = field(default_factory=RealClock)

    def run(self, plan: Plan, stop: Stop | None = None) -> Report:
        """Runs exactly the plan's calls, until all is done or `stop` says otherwise."""
        return _Run(self, plan, stop or Stop()).run()


class _Run:
    def __init__(self, executor: Executor, plan: Plan, stop: Stop) -> None:
        self.aws, self.listener, self.clock = executor.aws, executor.listener, executor.clock
        self.plan, self.stop = plan, stop
        self.values: dict[Ref, str] = dict(plan.known)
        self.results: dict[Provisioner, StepResult] = {}
        self.pending = {step.resource for step in plan.work}
        self.begun: set[Provisioner] = set()
        self.changed = threading.Condition()
        self.telling, self.left = threading.Lock(), False
        if isinstance(self.clock, RealClock):
            self.clock.stop = stop.asked

    def run(self) -> Report:
        threads = [
            threading.Thread(target=self._work, args=(step,), name=str(step.resource), daemon=True)
            for step in self.plan.work
        ]
        for thread in threads:
            thread.start()
        self._attend(threads)
        with self.telling:
            # A thread that nobody waits for must not print while the process ends.
            self.left = True
        with self.changed:
            return Report(results=tuple(self._result(step) for step in self.plan.work))

    def _attend(self, threads: list[threading.Thread]) -> None:
        told = False
        for thread in threads:
            while thread.is_alive() and not self.stop.at_once.is_set():
                thread.join(LOOKS_EVERY_S)
                if self.stop.asked.is_set():
                    with self.changed:
                        self.changed.notify_all()
                    if not told:
                        self._tell(self.listener.stopping)
                    told = True

    def _result(self, step: Step) -> StepResult:
        outcome = StepOutcome.LEFT if step.resource in self.begun else StepOutcome.INTERRUPTED
        not_waited_for = StepResult(step=step, outcome=outcome, seconds=0.0, problem=str(outcome))
        return self.results.get(step.resource, not_waited_for)

    def _work(self, step: Step) -> None:
        begun_s = self.clock.now_s()
        outcome, problem, hint, failure = StepOutcome.DONE, "", "", None
        try:
            self._wait_for(step)
            self._check_stop()
            begun_s = self.clock.now_s()
            self.begun.add(step.resource)
            self._tell(self.listener.started, step)
            self._converge(step)
        except _Blocked as error:
            outcome, problem = StepOutcome.BLOCKED, str(error)
        except Interrupted:
            outcome, problem = StepOutcome.INTERRUPTED, "interrupted"
        except StepFailed as error:
            outcome, problem, hint = StepOutcome.FAILED, str(error), error.hint
        except AwsError as error:
            outcome, problem, hint = StepOutcome.FAILED, str(error), remedy(error, step.resource.remedies)
            failure = Failure(Problem.AWS, problem, hint) if error.denied else None
        except Failure as error:
            outcome, problem, hint, failure = StepOutcome.FAILED, error.message, error.hint, error
        except BaseException as error:  # a defect of ours: told, and the others are still finished
            outcome, problem, hint = StepOutcome.FAILED, f"{type(error).__name__}: {error}", DEFECT
        result = StepResult(
            step=step,
            outcome=outcome,
            seconds=self.clock.now_s() - begun_s,
            problem=problem,
            hint=hint,
            failure=failure,
        )
        with self.changed:
            self.results[step.resource] = result
            self.pending.discard(step.resource)
            self.changed.notify_all()
        self._tell(self.listener.ended, result)

    def _tell(self, event: Callable[..., None], *what: object) -> None:
        # A screen that is gone (a closed pipe, say) must not stop the work.
        with self.telling, contextlib.suppress(Exception, SystemExit):
            if not self.left:
                event(*what)

    def _wait_for(self, step: Step) -> None:
        for other in step.after:
            if other in self.pending:
                self._tell_waiting(step, f"{other}, which comes first")
            with self.changed:
                self.changed.wait_for(
                    lambda: self.stop.asked.is_set() or other not in self.pending  # noqa: B023
                )
                self._check_stop()
                result = self.results.get(other)
                if result is not None and result.outcome is not StepOutcome.DONE:
                    raise _Blocked(f"needs {other}, which {_did_not(result.outcome)}")

    def _tell_waiting(self, step: Step, reason: str) -> None:
        self._tell(self.listener.waiting, step, Wait(reason=reason, waited_s=0.0, timeout_s=None))

    def _value(self, step: Step, ref: Ref) -> Value:
        def over() -> bool:
            return self.stop.asked.is_set() or ref in self.values or ref.of not in self.pending

        if not over():
            self._tell_waiting(step, f"the {ref.output} of {ref.of}, which AWS assigns")
        with self.changed:
            self.changed.wait_for(over)
            if ref in self.values:
                return self.values[ref]
            self._check_stop()
            raise _Blocked(f"needs the {ref.output} of {ref.of}, which is not known")

    def _check_stop(self) -> None:
        if self.stop.asked.is_set():
            raise Interrupted

    def _converge(self, step: Step) -> None:
        for _ in range(LOOKS_AT_MOST):
            try:
                for action in step.actions:
                    self._check_stop()
                    self._do(step, action)
                return
            except _LookAgain:
                step = self._looked_again(step)
        raise StepFailed("it changes under our hands; is another run under way?", ANOTHER_RUN)

    def _looked_again(self, step: Step) -> Step:
        resource = step.resource
        patience = Retry(self.clock, lambda wait: self._tell(self.listener.waiting, step, wait))
        # What was made a moment ago may be shown to nobody yet; to make it again would double it.
        observed = patience.until(lambda: resource.observe(self.aws), TO_SHOW, resource.visible_within_s)
        with self.changed:
            for name, value in (observed.outputs if observed else {}).items():
                self.values[Ref(resource, name)] = value
            self.changed.notify_all()
        # What was accepted as it was found is still accepted; what appeared meanwhile must be ours.
        again = present(resource, observed, self.values, adopt=step.delta.observed is not None)
        if again.verb is Verb.REFUSED:
            raise StepFailed(f"somebody has made it meanwhile, and it {again.why}", SOMEBODYS)
        return again

    def _do(self, step: Step, action: Action) -> None:
        patience = Retry(self.clock, lambda wait: self._tell(self.listener.waiting, step, wait))
        if isinstance(action, WaitUntil):
            self._settle(step, action, patience)
        else:
            self._call(step, action, patience)

    def _resolved(self, step: Step, action: Action) -> dict[str, Value]:
        params: dict[str, Value] = wire(resolve(action.params, partial(self._value, step)))
        self._tell(self.listener.started, step)
        return params

    def _settle(self, step: Step, wait_until: WaitUntil, patience: Retry) -> None:
        params = self._resolved(step, wait_until)
        latest: Value = None
        answer: Value = None

        def rested() -> bool | None:
            nonlocal latest, answer
            answer = self.aws.find(wait_until.service, wait_until.operation, absent=wait_until.gone, **params)
            latest = None if answer is None else jmespath.search(wait_until.path, answer)
            if latest in wait_until.fails:
                why = (
                    jmespath.search(wait_until.failure_reason, answer) if wait_until.failure_reason else None
                )
                ended = f"{wait_until.path} ended as {latest}"
                raise StepFailed(f"{ended}: {one_line(why or 'AWS gives no reason')}", wait_until.hint)
            return True if latest in wait_until.until else None

        if patience.until(rested, wait_until.reason, wait_until.timeout_s) is None:
            waited = f"waited {wait_until.timeout_s:.0f} s for {wait_until.reason}"
            raise StepFailed(f"{waited}: {wait_until.path} is still {latest or 'absent'}", wait_until.hint)
        self._publish(step.resource, wait_until.gives, answer)

    def _call(self, step: Step, call: Call, patience: Retry) -> None:
        params = self._resolved(step, call)
        pauses: dict[RetryRule, Iterator[float]] = {}
        while True:
            try:
                answer = self.aws.call(call.service, call.operation, once=call.once, **params)
                break
            except AwsError as error:
                rule = TOO_OFTEN if error.throttled else _rule(step.resource, call, error)
                if rule is None:
                    if error.code == call.gone:
                        return
                    if error.code == call.exists or (call.once and error.answer_lost):
                        raise _LookAgain from error
                    raise
                waits = pauses.setdefault(rule, patience.pauses(rule.reason, rule.timeout_s))
                if next(waits, None) is None:
                    hint = rule.hint or remedy(error, step.resource.remedies)
                    waited = f"waited {rule.timeout_s:.0f} s for {rule.reason}"
                    raise StepFailed(f"{error} ({waited})", hint) from error
        self._publish(step.resource, call.gives, answer)

    def _publish(self, resource: Provisioner, gives: Mapping[str, str], answer: Value) -> None:
        with self.changed:
            for name, path in gives.items():
                self.values[Ref(resource, name)] = jmespath.search(path, answer)
            self.changed.notify_all()


def _rule(resource: Provisioner, call: Call, error: AwsError) -> RetryRule | None:
    matching = (
        rule for rule in resource.retry_rules if rule.matches(call.operation, error.code, error.message)
    )
    return next(matching, None)


def _did_not(outcome: StepOutcome) -> str:
    return {StepOutcome.FAILED: "failed", StepOutcome.BLOCKED: "is blocked itself"}.get(
        outcome, "was interrupted"
    )
