"""Runs a plan over its graph: everything at once where nothing forbids it, a failure blocks only its own."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

import jmespath

from cryptoctl.aws import AwsError
from cryptoctl.errors import Failure
from cryptoctl.reconcile.call import Action, Call, RetryRule, Settle
from cryptoctl.reconcile.patience import Clock, Interrupted, Patience, RealClock, Wait
from cryptoctl.reconcile.plan import Plan, Step, Verb, present
from cryptoctl.reconcile.provisioner import Provisioner
from cryptoctl.reconcile.values import Ref, Value, resolve, wire

if TYPE_CHECKING:
    from cryptoctl.aws import Aws

LOOKS_AT_MOST = 6
TOO_OFTEN = RetryRule(code="", because="AWS's limit of requests a second", up_to_s=60)


class Outcome(StrEnum):
    """How a step ended."""

    DONE = "done"
    FAILED = "failed"
    BLOCKED = "blocked"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, kw_only=True)
class Result:
    """One step's end: how, after how long, and why where it did not work."""

    step: Step
    outcome: Outcome
    seconds: float
    problem: str = ""
    failure: Failure | None = None
    """The failure itself where it is one that a person can mend (credentials, rights, network)."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """Every step's end, in the plan's order."""

    results: tuple[Result, ...]

    def ended(self, outcome: Outcome) -> tuple[Result, ...]:
        """The results with that outcome."""
        return tuple(result for result in self.results if result.outcome is outcome)


class Listener(Protocol):
    """Who is told what happens, from several threads."""

    def started(self, step: Step) -> None:
        """The step's first call goes out."""

    def waiting(self, step: Step, wait: Wait) -> None:
        """The step waits for something that passes by itself."""

    def ended(self, result: Result) -> None:
        """The step is over."""


class StepFailed(Exception):
    """A step that cannot go on: what was being done, and why it failed."""


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

    def run(self, plan: Plan, stop: threading.Event | None = None) -> Report:
        """Runs exactly the plan's calls.

        When `stop` is set, or at the first Ctrl-C, calls under way are finished and no other is begun.
        """
        return _Run(self, plan, stop or threading.Event()).run()


class _Run:
    def __init__(self, executor: Executor, plan: Plan, stop: threading.Event) -> None:
        self.aws, self.listener, self.clock = executor.aws, executor.listener, executor.clock
        self.plan, self.stop = plan, stop
        self.values: dict[Ref, str] = dict(plan.known)
        self.results: dict[Provisioner, Result] = {}
        self.pending = {step.resource for step in plan.work}
        self.changed = threading.Condition()
        if isinstance(self.clock, RealClock):
            self.clock.stop = stop

    def run(self) -> Report:
        threads = [
            threading.Thread(target=self._work, args=(step,), name=str(step.resource), daemon=True)
            for step in self.plan.work
        ]
        try:
            for thread in threads:
                thread.start()
            _join(threads)
        except KeyboardInterrupt:
            with self.changed:
                self.stop.set()
                self.changed.notify_all()
            _join(threads)
        return Report(results=tuple(self._result(step) for step in self.plan.work))

    def _result(self, step: Step) -> Result:
        never_begun = Result(step=step, outcome=Outcome.INTERRUPTED, seconds=0.0, problem="interrupted")
        return self.results.get(step.resource, never_begun)

    def _work(self, step: Step) -> None:
        begun_s = self.clock.now_s()
        outcome, problem, failure = Outcome.DONE, "", None
        try:
            self._wait_for(step.after)
            self._check_stop()
            begun_s = self.clock.now_s()
            self._tell(self.listener.started, step)
            self._converge(step)
        except _Blocked as error:
            outcome, problem = Outcome.BLOCKED, str(error)
        except Interrupted:
            outcome, problem = Outcome.INTERRUPTED, "interrupted"
        except AwsError as error:
            outcome, problem = Outcome.FAILED, str(error)
            failure = error.for_a_person() if error.denied else None
        except StepFailed as error:
            outcome, problem = Outcome.FAILED, str(error)
        except Failure as error:
            outcome, problem, failure = Outcome.FAILED, error.message, error
        except BaseException as error:  # a defect of ours: told, and the others are still finished
            outcome, problem = Outcome.FAILED, f"{type(error).__name__}: {error}"
        result = Result(
            step=step,
            outcome=outcome,
            seconds=self.clock.now_s() - begun_s,
            problem=problem,
            failure=failure,
        )
        with self.changed:
            self.results[step.resource] = result
            self.pending.discard(step.resource)
            self.changed.notify_all()
        self._tell(self.listener.ended, result)

    def _tell(self, event: Callable[..., None], *what: object) -> None:
        # A screen that is gone (a closed pipe, say) must not stop the work.
        with contextlib.suppress(Exception, SystemExit):
            event(*what)

    def _wait_for(self, others: tuple[Provisioner, ...]) -> None:
        def all_over() -> bool:
            return self.stop.is_set() or not self.pending.intersection(others)

        with self.changed:
            self.changed.wait_for(all_over)
            self._check_stop()
            for other in others:
                result = self.results.get(other)
                if result is not None and result.outcome is not Outcome.DONE:
                    raise _Blocked(f"needs {other}, which {_did_not(result.outcome)}")

    def _value(self, ref: Ref) -> Value:
        def over() -> bool:
            return self.stop.is_set() or ref in self.values or ref.of not in self.pending

        with self.changed:
            self.changed.wait_for(over)
            if ref in self.values:
                return self.values[ref]
            self._check_stop()
            raise _Blocked(f"needs the {ref.output} of {ref.of}, which is not known")

    def _check_stop(self) -> None:
        if self.stop.is_set():
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
        raise StepFailed(f"{step.resource} changes under our hands; is another run under way?")

    def _looked_again(self, step: Step) -> Step:
        resource = step.resource
        patience = Patience(self.clock, lambda wait: self._tell(self.listener.waiting, step, wait))
        # What was made a moment ago may be shown to nobody yet; to make it again would double it.
        observed = patience.until(
            lambda: resource.observe(self.aws), "AWS to show what is there", resource.visible_within_s
        )
        with self.changed:
            for name, value in (observed.outputs if observed else {}).items():
                self.values[Ref(resource, name)] = value
            self.changed.notify_all()
        # What was accepted as it was found is still accepted; what appeared meanwhile must be ours.
        again = present(resource, observed, self.values, adopt=step.delta.observed is not None)
        if again.verb is Verb.REFUSED:
            raise StepFailed(f"{resource} was made by somebody else meanwhile and lacks our tags")
        return again

    def _do(self, step: Step, action: Action) -> None:
        patience = Patience(self.clock, lambda wait: self._tell(self.listener.waiting, step, wait))
        if isinstance(action, Settle):
            self._settle(step, action, patience)
        else:
            self._call(step, action, patience)

    def _settle(self, step: Step, settle: Settle, patience: Patience) -> None:
        params = wire(resolve(settle.params, self._value))
        latest: Value = None
        answer: Value = None

        def rested() -> bool | None:
            nonlocal latest, answer
            answer = self.aws.look(settle.service, settle.operation, absent=settle.gone, **params)
            latest = None if answer is None else jmespath.search(settle.path, answer)
            if latest in settle.fails:
                why = jmespath.search(settle.reason, answer) if settle.reason else None
                raise StepFailed(f"{step.resource} ended as {latest}: {why or 'AWS gives no reason'}")
            return True if latest in settle.until else None

        if patience.until(rested, settle.because, settle.up_to_s) is None:
            raise StepFailed(
                f"waited {settle.up_to_s:.0f} s for {settle.because}, but {settle.path} is still {latest}"
            )
        self._publish(step.resource, settle.gives, answer)

    def _call(self, step: Step, call: Call, patience: Patience) -> None:
        params = wire(resolve(call.params, self._value))
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
                waits = pauses.setdefault(rule, patience.pauses(rule.because, rule.up_to_s))
                if next(waits, None) is None:
                    raise StepFailed(f"{error} (waited {rule.up_to_s:.0f} s for {rule.because})") from error
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


def _did_not(outcome: Outcome) -> str:
    return {Outcome.FAILED: "failed", Outcome.BLOCKED: "is blocked itself"}.get(outcome, "was interrupted")


def _join(threads: list[threading.Thread]) -> None:
    for thread in threads:
        while thread.is_alive():
            thread.join(0.5)
