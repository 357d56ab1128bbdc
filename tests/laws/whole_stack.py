"""The stack of any environment, to name the tests by; plans, made once more too, and their runs."""

from __future__ import annotations

from collections import Counter

import pytest

from cryptoctl.provisioners.function import Code
from cryptoctl.reconcile.execute import Report, StepOutcome
from cryptoctl.reconcile.observe import observe
from cryptoctl.reconcile.plan import Goal, Plan
from cryptoctl.reconcile.planner import build_plan
from cryptoctl.reconcile.provisioner import Provisioner
from cryptoctl.reconcile.scope import Scope
from cryptoctl.stack import APPLICATION, Stack
from live import WITH_A_SENDER, Live

# The stack as it is in any environment, to name the tests by; nothing is sent with it.
PATTERN = list(
    Stack(
        Scope(environment="E", account="0" * 12, region="us-east-1", extra_tags=APPLICATION),
        WITH_A_SENDER,
        Code(zip_bytes=b"", sha256=""),
    )
)
NAMES = [str(resource) for resource in PATTERN]
each_resource = pytest.mark.parametrize("index", range(len(PATTERN)), ids=NAMES)


def done(report: Report) -> None:
    assert [
        (str(result.step.resource), result.problem)
        for result in report.results
        if result.outcome is not StepOutcome.DONE
    ] == []


def operations(plan: Plan) -> Counter[tuple[str, str]]:
    return Counter((call.service, call.operation) for step in plan.work for call in step.calls)


def look_again(live: Live, resource: Provisioner, before: Plan) -> Plan:
    """The plan for the same resources, of which this one is observed again, and the others are not."""
    observed = {step.resource: step.delta.observed for step in before.steps}
    observed |= observe([resource], live.aws)
    return build_plan(list(observed), observed, Goal.PRESENT)
