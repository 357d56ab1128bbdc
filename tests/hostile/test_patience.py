"""Law 8: every retry rule and every wait of every provisioner, on a clock that costs nothing.

The rules are taken from the stack, so a new one is exercised here without a new test.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, cast

import jmespath
import pytest

from cryptoctl.aws import Aws, AwsError
from cryptoctl.provisioners.function import Code
from cryptoctl.reconcile.call import Action, Call, RetryRule, Settle
from cryptoctl.reconcile.execute import Executor, Outcome, Result
from cryptoctl.reconcile.patience import LONGEST_PAUSE_S, Wait
from cryptoctl.reconcile.plan import Goal, Plan, Step, Verb, build
from cryptoctl.reconcile.provisioner import Observed, Provisioner
from cryptoctl.reconcile.scope import Scope
from cryptoctl.settings import Environment
from cryptoctl.stack import Stack
from hostile.wire import model

STACK = list(
    Stack(
        Scope(environment="E", account="0" * 12, region="us-east-1"),
        Environment(alert_subscribers=("somebody@example.com",)),
        Code(zip_bytes=b"", sha256=""),
    )
)


@dataclass
class FakeClock:
    """Time that passes only when somebody sleeps."""

    at_s: float = 0.0

    def now_s(self) -> float:
        return self.at_s

    def sleep(self, seconds: float) -> None:
        self.at_s += seconds


@dataclass
class Heard:
    """What was told about a step."""

    waits: list[Wait] = field(default_factory=list)

    def started(self, step: Step) -> None:
        pass

    def waiting(self, step: Step, wait: Wait) -> None:
        self.waits.append(wait)

    def ended(self, result: Result) -> None:
        pass

    def stopping(self) -> None:
        pass


@dataclass
class Moody:
    """An AWS that gives one answer or error until a moment, and another one afterwards."""

    clock: FakeClock
    until_s: float
    before: Callable[[], dict[str, Any]]
    after: dict[str, Any] = field(default_factory=dict)
    asked: int = 0

    def call(self, service: str, operation: str, *, once: bool = False, **params: Any) -> dict[str, Any]:
        self.asked += 1
        return self.before() if self.clock.at_s < self.until_s else self.after

    def look(self, service: str, operation: str, *, absent: object, **params: Any) -> dict[str, Any] | None:
        return self.call(service, operation)


def refuses(code: str, message: str) -> Callable[[], dict[str, Any]]:
    def refuse() -> dict[str, Any]:
        raise AwsError(service="any", operation="any", code=code, message=message)

    return refuse


def run(resource: Provisioner, action: Action, aws: Moody) -> tuple[Result, Heard]:
    step = Step(
        resource=resource,
        verb=Verb.UPDATE,
        delta=build([resource], {resource: None}, Goal.PRESENT).steps[0].delta,
        actions=(action,),
    )
    heard = Heard()
    executor = Executor(aws=cast("Aws", aws), listener=heard, clock=aws.clock)
    [result] = executor.run(Plan(goal=Goal.PRESENT, steps=(step,), known={})).results
    return result, heard


def sent_by(resource: Provisioner) -> Iterator[Action]:
    """All that a resource does to be made and to be removed."""
    yield from build([resource], {resource: None}, Goal.PRESENT).steps[0].actions
    observed = Observed(
        fields={**resource.desired(), "Alias": resource.name, "AttachedPolicies": {}, "Surplus": {}},
        outputs={"KeyId": "k", "QueueUrl": "https://q", "UUID": "u"},
    )
    yield from resource.remove(observed)


RULES: dict[str, tuple[Provisioner, RetryRule, str]] = {
    f"{resource.kind} {operation} {rule.code} {rule.contains}".strip(): (resource, rule, operation)
    for resource in STACK
    for rule in resource.retry_rules
    for operation in (
        rule.operations or dict.fromkeys(a.operation for a in sent_by(resource) if isinstance(a, Call))
    )
}
SETTLES: dict[str, tuple[Provisioner, Settle]] = {
    f"{resource.kind} {settle.because}": (resource, settle)
    for resource in STACK
    for settle in sent_by(resource)
    if isinstance(settle, Settle)
}


def asking(resource: Provisioner, operation: str) -> Call:
    service = next(action.service for action in sent_by(resource))
    return Call(service=service, operation=operation, params={})


def test_there_are_rules_and_waits() -> None:
    assert len(RULES) > 40
    assert len(SETTLES) > 5


@pytest.mark.parametrize("name", RULES)
def test_an_error_that_passes_is_waited_for(name: str) -> None:
    resource, rule, operation = RULES[name]
    clock = FakeClock()
    aws = Moody(clock, rule.up_to_s / 2, refuses(rule.code, f"Oh: {rule.contains}!"))
    result, heard = run(resource, asking(resource, operation), aws)
    assert (result.outcome, result.problem) == (Outcome.DONE, "")
    assert rule.up_to_s / 2 <= clock.at_s <= rule.up_to_s / 2 + LONGEST_PAUSE_S
    assert {wait.because for wait in heard.waits} == {rule.because}
    assert all(wait.up_to_s == rule.up_to_s for wait in heard.waits)


@pytest.mark.parametrize("name", RULES)
def test_an_error_that_does_not_pass_ends_in_time_and_says_what_was_waited_for(name: str) -> None:
    resource, rule, operation = RULES[name]
    clock = FakeClock()
    aws = Moody(clock, 1e9, refuses(rule.code, f"Oh: {rule.contains}!"))
    result, _ = run(resource, asking(resource, operation), aws)
    assert result.outcome is Outcome.FAILED
    assert clock.at_s == pytest.approx(rule.up_to_s)
    assert rule.because in result.problem
    assert rule.code in result.problem


@pytest.mark.parametrize("name", [name for name, (_, rule, _) in RULES.items() if rule.contains])
def test_wrong_input_with_the_same_code_fails_at_once(name: str) -> None:
    resource, rule, operation = RULES[name]
    others = [r for r in resource.retry_rules if r.matches(operation, rule.code, "1 validation error")]
    if others:
        return  # another rule speaks of this code whatever the message says
    clock = FakeClock()
    aws = Moody(clock, 1e9, refuses(rule.code, "1 validation error"))
    result, _ = run(resource, asking(resource, operation), aws)
    assert (result.outcome, clock.at_s, aws.asked) == (Outcome.FAILED, 0.0, 1)


@pytest.mark.parametrize("resource", STACK, ids=str)
@pytest.mark.parametrize(
    "code", ["ValidationException", "AccessDeniedException", "AccessDenied", "InvalidParameterValue"]
)
def test_no_rule_waits_for_what_does_not_pass(resource: Provisioner, code: str) -> None:
    for action in sent_by(resource):
        if isinstance(action, Call):
            clock = FakeClock()
            aws = Moody(clock, 1e9, refuses(code, "Not so."))
            result, _ = run(resource, Call(**{**vars(action), "params": {}}), aws)
            assert (result.outcome, clock.at_s) == (Outcome.FAILED, 0.0)


@pytest.mark.parametrize("name", SETTLES)
def test_a_wait_ends_when_aws_comes_to_rest(name: str) -> None:
    resource, settle = SETTLES[name]
    clock = FakeClock()
    aws = Moody(clock, settle.up_to_s / 2, lambda: answer(settle, "moving"), answer(settle, settle.until[0]))
    result, heard = run(resource, plain(settle), aws)
    assert (result.outcome, result.problem) == (Outcome.DONE, "")
    assert settle.up_to_s / 2 <= clock.at_s <= settle.up_to_s / 2 + LONGEST_PAUSE_S
    assert {wait.because for wait in heard.waits} == {settle.because}


@pytest.mark.parametrize("name", SETTLES)
def test_a_wait_that_does_not_end_says_how_it_stands(name: str) -> None:
    resource, settle = SETTLES[name]
    clock = FakeClock()
    result, _ = run(resource, plain(settle), Moody(clock, 1e9, lambda: answer(settle, "moving")))
    assert result.outcome is Outcome.FAILED
    assert clock.at_s == pytest.approx(settle.up_to_s)
    assert settle.because in result.problem
    assert "moving" in result.problem


@pytest.mark.parametrize("name", [name for name, (_, settle) in SETTLES.items() if settle.fails])
def test_a_state_that_is_a_failure_ends_the_wait_at_once(name: str) -> None:
    resource, settle = SETTLES[name]
    clock = FakeClock()
    failed = answer(settle, settle.fails[0]) | answer(settle, "a reason", settle.reason)
    result, _ = run(resource, plain(settle), Moody(clock, 1e9, lambda: failed))
    assert (result.outcome, clock.at_s) == (Outcome.FAILED, 0.0)
    assert "a reason" in result.problem


def test_the_rules_and_waits_name_operations_that_exist() -> None:
    for resource in STACK:
        services = {action.service for action in sent_by(resource)}
        known = {name for service in services for name in model(service).operation_names}
        named = {name for rule in resource.retry_rules for name in rule.operations}
        assert named <= known
        for action in sent_by(resource):
            assert action.operation in known


def plain(settle: Settle) -> Settle:
    return Settle(**{**vars(settle), "params": {}})


def answer(settle: Settle, value: Any, path: str | None = None) -> dict[str, Any]:
    """An answer in which that value stands at the settle's path."""
    found: Any = value
    for part in reversed((path or settle.path).split(".")):
        found = {part: found}
    assert jmespath.search(path or settle.path, found) == value
    return cast("dict[str, Any]", found)
