"""Law 8: every retry rule and every wait of every provisioner, on a clock that costs nothing.

The rules are taken from the stack, so a new one is exercised here without a new test.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytest

from cryptoctl.aws import Aws, AwsError
from cryptoctl.reconcile.call import Call, CallOrWait
from cryptoctl.reconcile.execute import Executor, StepOutcome, StepResult
from cryptoctl.reconcile.plan import Action, Goal, Plan, Step
from cryptoctl.reconcile.planner import build_plan
from cryptoctl.reconcile.provisioner import Provisioner
from cryptoctl.reconcile.retry import MAX_PAUSE_S, Wait
from hostile.scripted import RULES, SETTLES, STACK, ScriptedAws, answer, asking, plain, sent_by
from hostile.wire import model
from kit.clocks import FakeClock
from live import Silent


class WaitRecorder(Silent):
    """Remembers what a step waited for."""

    def __init__(self) -> None:
        super().__init__()
        self.recorded: list[Wait] = []

    def waiting(self, step: Step, wait: Wait) -> None:
        self.recorded.append(wait)


def refuses(operation: str, code: str, message: str) -> Callable[[], dict[str, Any]]:
    def refuse() -> dict[str, Any]:
        raise AwsError(service="any", operation=operation, code=code, message=message)

    return refuse


def run(resource: Provisioner, request: CallOrWait, aws: ScriptedAws) -> tuple[StepResult, WaitRecorder]:
    step = Step(
        resource=resource,
        action=Action.UPDATE,
        delta=build_plan([resource], {resource: None}, Goal.PRESENT).steps[0].delta,
        requests=(request,),
    )
    listener = WaitRecorder()
    executor = Executor(aws=cast("Aws", aws), listener=listener, clock=aws.clock)
    [result] = executor.run(Plan(goal=Goal.PRESENT, steps=(step,), known={})).results
    return result, listener


def test_there_are_rules_and_waits() -> None:
    assert len(RULES) > 40
    assert len(SETTLES) > 5


@pytest.mark.parametrize("name", RULES)
def test_an_error_that_passes_is_waited_for(name: str) -> None:
    resource, rule, operation = RULES[name]
    clock = FakeClock()
    aws = ScriptedAws(clock, rule.timeout_s / 2, refuses(operation, rule.code, f"Oh: {rule.contains}!"))
    result, listener = run(resource, asking(resource, operation), aws)
    assert (result.outcome, result.problem) == (StepOutcome.DONE, "")
    assert rule.timeout_s / 2 <= clock.time_s <= rule.timeout_s / 2 + MAX_PAUSE_S
    [reason] = {wait.reason for wait in listener.recorded}
    assert reason.startswith(rule.reason)
    assert all(wait.timeout_s == rule.timeout_s for wait in listener.recorded)


@pytest.mark.parametrize("name", RULES)
def test_an_error_that_does_not_pass_ends_in_time_and_says_what_was_waited_for(name: str) -> None:
    resource, rule, operation = RULES[name]
    clock = FakeClock()
    aws = ScriptedAws(clock, 1e9, refuses(operation, rule.code, f"Oh: {rule.contains}!"))
    result, _ = run(resource, asking(resource, operation), aws)
    assert result.outcome is StepOutcome.FAILED
    assert clock.time_s == pytest.approx(rule.timeout_s)
    assert rule.reason in result.problem
    assert rule.code in result.problem


@pytest.mark.parametrize("name", [name for name, (_, rule, _) in RULES.items() if rule.contains])
def test_wrong_input_with_the_same_code_fails_at_once(name: str) -> None:
    resource, rule, operation = RULES[name]
    others = [
        other for other in resource.retry_rules if other.matches(operation, rule.code, "1 validation error")
    ]
    if others:
        return  # another rule speaks of this code whatever the message says
    clock = FakeClock()
    aws = ScriptedAws(clock, 1e9, refuses(operation, rule.code, "1 validation error"))
    result, _ = run(resource, asking(resource, operation), aws)
    assert (result.outcome, clock.time_s, aws.writes) == (StepOutcome.FAILED, 0.0, 1)


@pytest.mark.parametrize("resource", STACK, ids=str)
@pytest.mark.parametrize(
    "code", ["ValidationException", "AccessDeniedException", "AccessDenied", "InvalidParameterValue"]
)
def test_no_rule_waits_for_what_does_not_pass(resource: Provisioner, code: str) -> None:
    for request in sent_by(resource):
        if isinstance(request, Call):
            clock = FakeClock()
            aws = ScriptedAws(clock, 1e9, refuses(request.operation, code, "Not so."))
            result, _ = run(resource, Call(**{**vars(request), "params": {}}), aws)
            # What was created a moment ago may be refused until its tags count: waited for, and then told.
            new_only = any(
                rule.new_only and rule.matches(request.operation, code, "Not so.")
                for rule in resource.retry_rules
            )
            assert (result.outcome, clock.time_s > 0.0) == (StepOutcome.FAILED, new_only)


@pytest.mark.parametrize("name", SETTLES)
def test_a_wait_ends_when_aws_comes_to_rest(name: str) -> None:
    resource, settle = SETTLES[name]
    clock = FakeClock()
    aws = ScriptedAws(
        clock, settle.timeout_s / 2, lambda: answer(settle, "moving"), answer(settle, settle.until[0])
    )
    result, listener = run(resource, plain(settle), aws)
    assert (result.outcome, result.problem) == (StepOutcome.DONE, "")
    assert settle.timeout_s / 2 <= clock.time_s <= settle.timeout_s / 2 + MAX_PAUSE_S
    assert {wait.reason for wait in listener.recorded} == {settle.reason}


@pytest.mark.parametrize("name", SETTLES)
def test_a_wait_that_does_not_end_says_how_it_stands(name: str) -> None:
    resource, settle = SETTLES[name]
    clock = FakeClock()
    result, _ = run(resource, plain(settle), ScriptedAws(clock, 1e9, lambda: answer(settle, "moving")))
    assert result.outcome is StepOutcome.FAILED
    assert clock.time_s == pytest.approx(settle.timeout_s)
    assert settle.reason in result.problem
    assert "moving" in result.problem


@pytest.mark.parametrize("name", [name for name, (_, settle) in SETTLES.items() if settle.fails])
def test_a_state_that_is_a_failure_ends_the_wait_at_once(name: str) -> None:
    resource, settle = SETTLES[name]
    clock = FakeClock()
    failed = answer(settle, settle.fails[0]) | answer(settle, "a reason", settle.failure_reason)
    result, _ = run(resource, plain(settle), ScriptedAws(clock, 1e9, lambda: failed))
    assert (result.outcome, clock.time_s) == (StepOutcome.FAILED, 0.0)
    assert "a reason" in result.problem


def test_the_rules_and_waits_name_operations_that_exist() -> None:
    for resource in STACK:
        services = {request.service for request in sent_by(resource)}
        operations = {name for service in services for name in model(service).operation_names}
        named = {name for rule in resource.retry_rules for name in rule.operations}
        assert named <= operations
        for request in sent_by(resource):
            assert request.operation in operations
