"""`up` takes what its longest chain takes: without AWS, on the plan and on the executor themselves.

`make torture` measures the same on the hostile engine, in AWS's real seconds.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from cryptoctl.provisioners.function import Code
from cryptoctl.reconcile.execute import Executor, StepOutcome
from cryptoctl.reconcile.graph import dependents
from cryptoctl.reconcile.observe import make_plan
from cryptoctl.reconcile.plan import Goal
from cryptoctl.reconcile.planner import build_plan
from cryptoctl.reconcile.provisioner import Provisioner
from cryptoctl.reconcile.scope import Scope
from cryptoctl.settings import EnvironmentSettings
from cryptoctl.stack import APPLICATION, Stack
from live import Silent
from unit.fake_resources import FakeAws, FakeResource

# How long AWS takes until the next resource can use one of this kind, in seconds.
AS_MEASURED_S = {"role": 7, "table": 6 + 3, "function": 3, "stream mapping": 4}
CRITICAL_PATH = ("role", "function", "stream mapping")
WITHIN_S = 10


def test_the_longest_chain_of_the_stack_is_a_role_its_function_and_the_mapping() -> None:
    scope = Scope(environment="E", account="0" * 12, region="us-east-1", extra_tags=APPLICATION)
    stack = list(Stack(scope, EnvironmentSettings(), Code(zip_bytes=b"", sha256="")))
    plan = build_plan(stack, dict.fromkeys(stack), Goal.PRESENT)
    longest: dict[Provisioner, tuple[int, tuple[str, ...]]] = {}
    for step in plan.steps:
        before_s, chain = max((longest[before] for before in step.after), default=(0, ()))
        own_s = AS_MEASURED_S.get(step.resource.kind, 0)
        longest[step.resource] = (before_s + own_s, (*chain, step.resource.kind) if own_s else chain)
    assert max(longest.values()) == (sum(AS_MEASURED_S[kind] for kind in CRITICAL_PATH), CRITICAL_PATH)


def test_nothing_is_deleted_later_because_a_policy_mentions_it() -> None:
    scope = Scope(environment="E", account="0" * 12, region="us-east-1", extra_tags=APPLICATION)
    stack = Stack(scope, EnvironmentSettings(), Code(zip_bytes=b"", sha256=""))
    of = dependents(list(stack))
    assert of[stack.prices] == (stack.prices_to_enricher,)
    assert set(of[stack.key]) == set(stack.functions)


def test_a_step_starts_as_soon_as_what_it_needs_is_done_whatever_else_is_under_way() -> None:
    started = threading.Event()

    def before(operation: str, params: Mapping[str, Any]) -> None:
        if params["Name"] == "second of the short chain":
            started.set()
        if params["Name"] == "slow":
            assert started.wait(WITHIN_S)

    aws = FakeAws(before=before)
    short = FakeResource(
        name="second of the short chain", needs=(FakeResource(name="first of the short chain"),)
    )
    plan = make_plan([FakeResource(name="slow"), *short.needs, short], aws, Goal.PRESENT)  # type: ignore[arg-type]
    report = Executor(aws=aws, listener=Silent()).run(plan)  # type: ignore[arg-type]
    assert {result.outcome for result in report.results} == {StepOutcome.DONE}
