"""A run of the self-test: what earlier runs left is removed, the environment made, checked and removed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial

from cryptoctl.aws_errors import one_line
from cryptoctl.cli.apply import carry_out, carry_out_removal, check
from cryptoctl.cli.command import CommandRun
from cryptoctl.errors import ExitCode, Failure
from cryptoctl.ops.selftest import own_runs
from cryptoctl.ops.selftest.catalogue import needed_resources
from cryptoctl.ops.selftest.check_context import CheckContext
from cryptoctl.ops.selftest.claim import AwsClaim, Evidence, differs, holds
from cryptoctl.ops.selftest.claims.removed import REMOVED
from cryptoctl.ops.selftest.derived import derived_claims
from cryptoctl.ops.selftest.environment import SelftestStack, settings, unprotect
from cryptoctl.ops.selftest.recorder import Recorder
from cryptoctl.ops.selftest.report import SelftestReport
from cryptoctl.ops.selftest.run import ClaimResult, check_claims, check_offline
from cryptoctl.reconcile.execute import Listener
from cryptoctl.reconcile.observe import make_plan
from cryptoctl.reconcile.orphans import Orphans
from cryptoctl.reconcile.plan import Goal, Plan, Step
from cryptoctl.reconcile.retry import RealClock, Retry, StopRequest
from cryptoctl.session import Session
from cryptoctl.settings import Target
from cryptoctl.ui.selftest import ClaimProgress


def own_run(run: CommandRun, name: str) -> CommandRun:
    """The same command's run for an environment of the self-test."""
    original = run.session
    session = Session(replace(original.options, environment=name))
    session.settings, session.aws, session.target = original.settings, original.aws, original.target
    session.environment, session.config = name, settings(original.config)
    session.stack = SelftestStack(session.scope, session.config, original.stack.code)
    return CommandRun(session=session, screen=run.screen, clock=RealClock())


def stack_of(run: CommandRun) -> SelftestStack:
    """The resources of an environment of the self-test."""
    assert isinstance(run.session.stack, SelftestStack)
    return run.session.stack


def remove(
    run: CommandRun, wrap_listener: Callable[[Listener], Listener] = lambda progress: progress
) -> list[Plan]:
    """Removes an environment of the self-test. Gives the first plan and the last. Raises Failure."""
    aws, stack = run.session.aws, stack_of(run)
    resources = list(stack)
    replan = partial(make_plan, resources, aws, Goal.ABSENT, orphans=Orphans(stack=resources))
    unprotect(stack, aws)
    plan = replan()
    check(plan)
    return [plan, carry_out_removal(run, plan, replan, wrap_listener)]


@dataclass(kw_only=True)
class SelftestRun:
    """One environment of the self-test, from its beginning to its removal."""

    run: CommandRun
    name: str
    claims: Sequence[AwsClaim]
    everything: bool
    """Whether all claims are checked, and not a choice of them."""
    stop: StopRequest = field(default_factory=StopRequest)
    began: datetime = field(default_factory=lambda: datetime.now(UTC))
    results: list[ClaimResult] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._own_run = own_run(self.run, self.name)
        self.stack = stack_of(self._own_run)
        self._clock = RealClock(self.stop.requested)
        self._begun_s = self._clock.now_s()
        self._recorder = Recorder(self._clock)
        self._context = CheckContext(
            aws=self.run.session.aws, stack=self.stack, retry=Retry(self._clock), began=self.began
        )
        self._steps: list[Step] = []

    @property
    def on_engine(self) -> bool:
        """Whether what is checked is the embedded engine."""
        return self.run.session.target is Target.LOCAL

    def whole(self) -> None:
        """Makes the environment, checks the claims, and removes it, whatever happened before.

        Raises Failure (INTERRUPTED) where somebody would not wait for the removal.
        """
        own_runs.add(self.name)
        left_behind = False
        try:
            if self._up():
                self._check(claim for claim in self.claims if claim not in REMOVED)
        except KeyboardInterrupt:
            left_behind = True
            raise Failure(
                ExitCode.INTERRUPTED,
                f"Interrupted. What was made of {self.name} is still there.",
                "Run `cryptoctl selftest` again: it removes that first.",
            ) from None
        finally:
            if not left_behind:
                self._down()
        self._check(claim for claim in self.claims if claim in REMOVED)
        if self.everything:
            claims = derived_claims(
                list(self.stack), self._steps, self._recorder, self.claims, on_engine=self.on_engine
            )
            self.results += check_offline(self._context, claims)

    def _check(self, claims: Iterable[AwsClaim]) -> None:
        if self.problems or self.stop.requested.is_set():
            return
        progress = ClaimProgress(self.run.screen, self._clock)
        with self.run.screen.drawn(progress.render):
            self.results += check_claims(self._context, list(claims), progress, on_engine=self.on_engine)

    def _up(self) -> bool:
        resources = list(self.stack) if self.everything else needed_resources(self.stack, self.claims)
        replan = partial(make_plan, resources, self.run.session.aws, Goal.PRESENT)
        begun_s = self._clock.now_s()
        try:
            plan = replan()
            check(plan)
            self._steps += plan.steps
            with self._recorded():
                remaining = carry_out(self._own_run, plan, replan, self._recorder.forwarding_to)
        except Failure as failure:
            self._problem("The environment could not be made", failure)
            return False
        differences = [
            f"{step.resource}: {', '.join(change.path for change in step.changes)}" for step in remaining.work
        ]
        seconds = self._clock.now_s() - begun_s
        summary = f"{len(plan.work)} resources in {seconds:.1f} s"
        self._result(
            "environment-made",
            "What AWS shows of each resource has the very form that is compared: a second plan is empty.",
            ("provisioners/: every observe() and desired()",),
            differs("; ".join(differences)) if differences else holds(f"{summary}, no difference left"),
        )
        return True

    def _down(self) -> None:
        try:
            with self._recorded():
                plans = remove(self._own_run, self._recorder.forwarding_to)
        except Failure as failure:
            self._problem("The environment could not be removed", failure)
            return
        self._steps += plans[0].steps
        own_runs.remove(self.name)
        remaining = [str(step.resource) for step in plans[-1].steps if step.delta.observed]
        self._result(
            "all-removed",
            "Of an environment that is removed, nothing stays but its key, pending deletion.",
            ("reconcile/observe.py: plan_until_done", "cli/apply.py: carry_out_removal"),
            holds(f"left: {', '.join(remaining) or 'nothing'}"),
        )

    @contextmanager
    def _recorded(self) -> Iterator[None]:
        """What AWS answers in the block is remembered."""
        aws = self.run.session.aws
        previous, aws.on_response = aws.on_response, self._recorder.answered
        try:
            yield
        finally:
            aws.on_response = previous

    def _result(self, name: str, text: str, relied_on: tuple[str, ...], evidence: Evidence) -> None:
        claim = AwsClaim(id=name, text=text, relied_on=relied_on, check=lambda _: evidence)
        self.results += check_offline(self._context, [claim])

    def _problem(self, what: str, failure: Failure) -> None:
        if failure.exit_code is ExitCode.INTERRUPTED:
            self.stop.requested.set()
        self.problems.append(one_line(f"{what}: {failure.message} {failure.hint}"))
        self.run.screen.warn(self.problems[-1])

    @property
    def report(self) -> SelftestReport:
        """What was found."""
        scope = self.stack.scope
        return SelftestReport(
            environment=self.name,
            target=str(self.run.session.target),
            account=scope.account,
            region=scope.region,
            began=self.began,
            seconds=self._clock.now_s() - self._begun_s,
            results=tuple(self.results),
            problems=tuple(self.problems),
        )
