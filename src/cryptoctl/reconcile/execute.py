"""Runs a plan's steps in parallel, in dependency order; a failure blocks only the steps that need it."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from cryptoctl.aws import Aws
from cryptoctl.aws_errors import AwsError, remedy
from cryptoctl.errors import ExitCode, Failure, PossibleDefect
from cryptoctl.reconcile.converge import Convergence
from cryptoctl.reconcile.plan import Plan, Step
from cryptoctl.reconcile.plan_run import Blocked, PlanRun, StepFailed
from cryptoctl.reconcile.plan_run import Listener as Listener
from cryptoctl.reconcile.plan_run import Report as Report
from cryptoctl.reconcile.plan_run import StepOutcome as StepOutcome
from cryptoctl.reconcile.plan_run import StepResult as StepResult
from cryptoctl.reconcile.retry import Clock, Interrupted, RealClock, StopRequest

POLL_EVERY_S = 0.1
DEFECT = "This is a defect of cryptoctl: please report it with what --verbose shows."


@dataclass
class Executor:
    """Runs plans. One thread a step; a step waits for those before it, a call for the values in it."""

    aws: Aws
    listener: Listener
    clock: Clock = field(default_factory=RealClock)

    def run(self, plan: Plan, stop: StopRequest | None = None) -> Report:
        """Runs exactly the plan's calls, until done or stopped; each step's result."""
        stop = stop or StopRequest()
        if isinstance(self.clock, RealClock):
            self.clock.stop = stop.requested
        run = PlanRun(self.aws, self.clock, self.listener, plan, stop)
        threads = [
            threading.Thread(target=_run_step, args=(run, step), name=str(step.resource), daemon=True)
            for step in plan.work
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive() and not stop.at_once.is_set():
                thread.join(POLL_EVERY_S)
                if stop.requested.is_set():
                    run.end_waits()
        return run.detach()


def _run_step(run: PlanRun, step: Step) -> None:
    """Carries out the step. Whatever happens, the others hear that it is over."""
    thread_begun_s = run.clock.now_s()
    try:
        result = _execute(run, step)
    except BaseException as error:  # a defect of ours: told, and the others are still finished
        problem = f"{type(error).__name__}: {error}"
        defect = PossibleDefect(ExitCode.FAILED, problem, DEFECT)
        defect.__cause__ = error
        result = _failed_result(step, problem, DEFECT, defect)
    run.end(result, thread_begun_s)


def _execute(run: PlanRun, step: Step) -> StepResult:
    try:
        run.begin(step)
        Convergence(run, step).converge()
    except Blocked as error:
        return StepResult(step=step, outcome=StepOutcome.BLOCKED, problem=str(error))
    except Interrupted:
        return StepResult(step=step, outcome=StepOutcome.INTERRUPTED, problem="interrupted")
    except StepFailed as error:
        return _failed_result(step, str(error), error.hint)
    except AwsError as error:
        problem, hint = str(error), remedy(error, step.resource.remedies)
        failure = Failure(ExitCode.AWS, problem, hint) if error.denied else None
        return _failed_result(step, problem, hint, failure)
    except Failure as error:
        return _failed_result(step, error.message, error.hint, error)
    return StepResult(step=step, outcome=StepOutcome.DONE)


def _failed_result(step: Step, problem: str, hint: str, failure: Failure | None = None) -> StepResult:
    return StepResult(step=step, outcome=StepOutcome.FAILED, problem=problem, hint=hint, failure=failure)
