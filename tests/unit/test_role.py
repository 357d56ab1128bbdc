"""What a role is made of and what is changed, as calls; no AWS is asked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest

from cryptoctl.aws import Aws
from cryptoctl.aws_errors import AwsError
from cryptoctl.provisioners.policy import Statement
from cryptoctl.provisioners.role import Role
from cryptoctl.reconcile.execute import Executor, StepOutcome
from cryptoctl.reconcile.observed import Observed
from cryptoctl.reconcile.plan import Goal, Step
from cryptoctl.reconcile.planner import build_plan
from cryptoctl.reconcile.scope import Scope
from kit.clocks import FakeClock
from live import Silent

SCOPE = Scope(environment="dev", account="1" * 12, region="us-east-1")
BOUNDARY = f"arn:aws:iam::{SCOPE.account}:policy/boundary"
ROLE = Role(
    scope=SCOPE,
    name="webhook-processor-dev-role",
    service="lambda.amazonaws.com",
    policies={
        "sqs-dlq-access": (
            Statement(
                actions=("sqs:SendMessage",), resources=(SCOPE.arn("sqs", "webhook-processor-dlq-dev"),)
            ),
        )
    },
)
BOUND = replace(ROLE, boundary=BOUNDARY)


def observed(role: Role, **more: Any) -> Observed:
    fields = {**role.desired(), "PermissionsBoundary": role.boundary, **more}
    return Observed(fields=fields, outputs={"RoleId": "AROA"})


def step(role: Role, observed: Observed | None, goal: Goal = Goal.PRESENT) -> Step:
    [step] = build_plan([role], {role: observed}, goal).steps
    return step


def test_a_boundary_is_on_the_role_from_the_call_that_creates_it() -> None:
    create = step(BOUND, None).calls[0]
    assert (create.operation, create.params["PermissionsBoundary"]) == ("CreateRole", BOUNDARY)
    assert "PermissionsBoundary" not in step(ROLE, None).calls[0].params


def test_a_missing_boundary_is_set_before_anything_else_of_the_role_is_changed() -> None:
    """The printed policy allows writing to a role with the boundary only."""
    calls = step(BOUND, observed(ROLE, Policies={})).calls
    assert [call.operation for call in calls] == ["PutRolePermissionsBoundary", "PutRolePolicy"]
    assert calls[0].params["PermissionsBoundary"] == BOUNDARY


def test_a_boundary_that_the_configuration_does_not_name_is_left() -> None:
    """Whoever administers the account has set it: taking it off would give the role more."""
    assert step(ROLE, observed(BOUND)).calls == ()


def test_what_is_in_use_in_another_region_stays_when_the_environment_goes_in_this_one() -> None:
    """Else what was left of an environment here could be removed only after the one that lives there."""
    scope = replace(SCOPE, region="eu-west-1")
    statement = ROLE.policies["sqs-dlq-access"][0]
    foreign = replace(statement, resources=(scope.arn("sqs", "webhook-processor-dlq-dev"),))
    role = replace(ROLE, policies={"sqs-dlq-access": (foreign,)})
    plan = build_plan([ROLE], {ROLE: observed(role)}, Goal.ABSENT)
    assert (plan.work, plan.refused) == ((), ())
    [note] = plan.notes
    assert "webhook-processor-dev-role stays: it serves this environment in eu-west-1" in note


def test_a_region_with_a_wildcard_is_nobodys() -> None:
    statement = ROLE.policies["sqs-dlq-access"][0]
    wide = replace(statement, resources=("arn:aws:sqs:us-*:111111111111:webhook-processor-dlq-dev",))
    changed = step(ROLE, observed(replace(ROLE, policies={"sqs-dlq-access": (wide,)})))
    assert [call.operation for call in changed.calls] == ["PutRolePolicy"]


def test_an_arn_of_another_region_beside_ours_is_drift() -> None:
    """Refused, the environment could be neither mended nor removed, in this region or in that one."""
    statement = ROLE.policies["sqs-dlq-access"][0]
    wider = replace(statement, resources=(*statement.resources, "arn:aws:sqs:eu-west-1:111111111111:other"))
    changed = step(ROLE, observed(replace(ROLE, policies={"sqs-dlq-access": (wider,)})))
    assert [call.operation for call in changed.calls] == ["PutRolePolicy"]


def test_a_role_that_another_region_takes_over_while_it_is_removed_is_not_told_as_removed() -> None:
    scope = replace(SCOPE, region="eu-west-1")
    statement = ROLE.policies["sqs-dlq-access"][0]
    foreign = replace(statement, resources=(scope.arn("sqs", "webhook-processor-dlq-dev"),))
    observed_role = observed(replace(ROLE, policies={"sqs-dlq-access": (foreign,)}))

    class Taken(Role):
        """Whose role serves the other region as soon as it is looked at again."""

        def observe(self, aws: Aws) -> Observed:
            return observed_role

    class Refusing:
        """Deletes nothing."""

        def call(self, service: str, operation: str, **params: Any) -> dict[str, Any]:
            """One request."""
            if operation == "DeleteRole":
                raise AwsError(service=service, operation=operation, code="UnmodifiableEntity", message="")
            return {}

    role = Taken(scope=SCOPE, name=ROLE.name, service=ROLE.service, policies=ROLE.policies)
    plan = build_plan([role], {role: observed(ROLE)}, Goal.ABSENT)
    executor = Executor(aws=cast("Aws", Refusing()), listener=Silent(), clock=FakeClock())
    [result] = executor.run(plan).results
    assert result.outcome is StepOutcome.FAILED
    assert "it was changed meanwhile, and serves this environment in eu-west-1" in result.problem


THEIRS: dict[str, Any] = {"Tags": {"Team": "desk"}}


@pytest.mark.parametrize(
    ("fields", "asked"),
    [
        (THEIRS, False),
        ({**THEIRS, "Policies": {}}, False),
        ({**THEIRS, "AttachedPolicies": {"arn:aws:iam::aws:policy/ReadOnlyAccess": True}}, True),
        ({**THEIRS, "Policies": {"theirs": {"Statement": []}}}, True),
        ({**THEIRS, "AssumeRolePolicyDocument": {"Statement": []}}, True),
        ({"Policies": {"theirs": {"Statement": []}}}, False),
    ],
)
def test_the_policies_of_a_role_that_others_made_are_replaced_after_asking(
    fields: dict[str, Any], asked: bool
) -> None:
    planned = build_plan([ROLE], {ROLE: observed(ROLE, **fields)}, Goal.PRESENT, adopt=True)
    assert planned.consents == ((f"replace somebody else's policies of {ROLE}",) if asked else ())


def test_what_others_have_attached_between_plan_and_apply_is_not_replaced_without_asking() -> None:
    [agreed] = build_plan([ROLE], {ROLE: observed(ROLE, **THEIRS)}, Goal.PRESENT, adopt=True).steps
    now = observed(ROLE, **THEIRS, AttachedPolicies={"arn:aws:iam::aws:policy/ReadOnlyAccess": True})
    [again] = build_plan([ROLE], {ROLE: now}, Goal.PRESENT, adopt=True).steps
    assert again.beyond(agreed) == "replace somebody else's policies"
    assert agreed.beyond(agreed) is again.beyond(again) is None
