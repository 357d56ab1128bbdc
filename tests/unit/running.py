"""Plans and runs made-up things on a clock that costs nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cryptoctl.reconcile.execute import Executor, Report, StepOutcome
from cryptoctl.reconcile.observe import make_plan
from cryptoctl.reconcile.plan import Goal
from kit.clocks import FakeClock
from live import Silent
from unit.fake_resources import FakeAws, FakeResource, refusal


def run(aws: FakeAws, *things: FakeResource, goal: Goal = Goal.PRESENT) -> tuple[Report, Silent, FakeClock]:
    listener, clock = Silent(), FakeClock()
    plan = make_plan(things, aws, goal)  # type: ignore[arg-type]
    report = Executor(aws=aws, listener=listener, clock=clock).run(plan)  # type: ignore[arg-type]
    return report, listener, clock


def outcomes(report: Report) -> dict[str, StepOutcome]:
    return {result.step.resource.name: result.outcome for result in report.results}


def failing(operation: str, code: str, message: str = "", *, name: str = "", times: int = 10**9) -> Any:
    failures_left = [times]

    def fail(called: str, params: Mapping[str, Any]) -> None:
        if called == operation and params["Name"].startswith(name) and failures_left[0] > 0:
            failures_left[0] -= 1
            raise refusal(operation, code, message)

    return fail
