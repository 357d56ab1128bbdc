"""The stack's retry rules and waits, and an AWS and a clock that do as a test says."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, cast

import jmespath

from cryptoctl.provisioners.function import Code
from cryptoctl.reconcile.call import Call, CallOrWait, RetryRule, WaitUntil
from cryptoctl.reconcile.delta import difference
from cryptoctl.reconcile.observed import Observed
from cryptoctl.reconcile.plan import Goal
from cryptoctl.reconcile.planner import build_plan
from cryptoctl.reconcile.provisioner import Provisioner
from cryptoctl.reconcile.scope import Scope
from cryptoctl.stack import Stack
from kit.clocks import FakeClock
from live import WITH_A_SENDER

STACK = list(
    Stack(
        Scope(environment="E", account="0" * 12, region="us-east-1"),
        replace(WITH_A_SENDER, alert_subscribers=("somebody@example.com",)),
        Code(zip_bytes=b"", sha256=""),
    )
)


@dataclass
class ScriptedAws:
    """An AWS that gives one answer or error until a moment, and another one afterwards."""

    clock: FakeClock
    until_s: float
    before: Callable[[], dict[str, Any]]
    after: dict[str, Any] = field(default_factory=dict)
    writes: int = 0
    """How many writing requests it has had."""

    def call(self, service: str, operation: str, *, once: bool = False, **params: Any) -> dict[str, Any]:
        self.writes += 1
        return self._answer()

    def find(self, service: str, operation: str, *, not_found: Any, **params: Any) -> dict[str, Any] | None:
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        return self.before() if self.clock.time_s < self.until_s else self.after


def sent_by(resource: Provisioner) -> Iterator[CallOrWait]:
    """All that a resource does to be made, to be mended in each of its fields, and to be removed."""
    yield from build_plan([resource], {resource: None}, Goal.PRESENT).steps[0].requests
    desired = {**resource.desired(), "Alias": resource.name, "AttachedPolicies": {}}
    outputs = {"KeyId": "k", "QueueUrl": "https://q", "UUID": "u"}
    for name, value in resource.desired().items():
        for other in ({}, dict.fromkeys(value, "another")) if isinstance(value, Mapping) else ("InProgress",):
            observed = Observed(fields={**desired, name: other}, outputs=outputs)
            yield from resource.apply(difference(resource.desired(), observed, resource.exclusive))
    yield from resource.remove(Observed(fields=desired, outputs=outputs))


RULES: dict[str, tuple[Provisioner, RetryRule, str]] = {
    f"{resource.kind} {operation} {rule.code} {rule.contains}".strip(): (resource, rule, operation)
    for resource in STACK
    for rule in resource.retry_rules
    for operation in (
        rule.operations
        or dict.fromkeys(action.operation for action in sent_by(resource) if isinstance(action, Call))
    )
}
SETTLES: dict[str, tuple[Provisioner, WaitUntil]] = {
    f"{resource.kind} {settle.reason}": (resource, settle)
    for resource in STACK
    for settle in sent_by(resource)
    if isinstance(settle, WaitUntil)
}


def asking(resource: Provisioner, operation: str) -> Call:
    service = next(request.service for request in sent_by(resource))
    return Call(service=service, operation=operation, params={})


def plain(settle: WaitUntil) -> WaitUntil:
    return WaitUntil(**{**vars(settle), "params": {}, "gives": {}})


def answer(settle: WaitUntil, value: Any, path: str | None = None) -> dict[str, Any]:
    """An answer in which that value stands at the settle's path."""
    response: Any = value
    for part in reversed((path or settle.path).split(".")):
        response = {part: response}
    assert jmespath.search(path or settle.path, response) == value
    return cast("dict[str, Any]", response)
