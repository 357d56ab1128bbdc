"""The laws, over the whole stack on the embedded engine: a new provisioner is covered without a new test."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

from cryptoctl.aws import Aws
from cryptoctl.reconcile.graph import affected, with_dependencies
from cryptoctl.reconcile.observe import make_plan, observe
from cryptoctl.reconcile.plan import Action, Goal, Plan
from cryptoctl.reconcile.provisioner import Observations, Provisioner
from cryptoctl.reconcile.values import refs, serialize
from cryptoctl.settings import EnvironmentSettings
from cryptoctl.stack import Stack
from laws.drifts import CONSTANTS, FROM_ELSEWHERE, calls_towards, drifts
from laws.whole_stack import done, each_resource, look_again, operations
from live import WITH_A_SENDER, Connect, Live

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def standing(standing: Live) -> Iterator[Live]:
    """The environment that the tests share, of which in the end nothing differs."""
    yield standing
    assert [(str(step.resource), step.changes) for step in standing.plan().work] == []


@dataclass(frozen=True, kw_only=True)
class Life:
    """What was seen of another environment, from its first plan to its end."""

    stack: Stack
    plan: Plan
    written_by_planning: int
    writes: list[tuple[str, str, dict[str, object]]]
    """What planning and `up` wrote."""
    remaining: Observations
    last_plan: Plan


@pytest.fixture(scope="module")
def life(standing: Live, connect: Connect) -> Life:
    """Of an environment beside the one that stands, whose name begins as that one's does."""
    live = connect(f"{standing.session.environment}b", WITH_A_SENDER)
    plan = live.plan()
    written_by_planning = len(live.aws.writes)
    done(live.run(plan))
    writes = list(live.aws.writes)
    done(live.down())
    remaining = observe(live.resources, live.aws)
    last_plan = live.plan(Goal.ABSENT)
    done(live.run(last_plan))
    return Life(
        stack=live.stack,
        plan=plan,
        written_by_planning=written_by_planning,
        writes=writes,
        remaining={resource: observed for resource, observed in remaining.items() if observed is not None},
        last_plan=last_plan,
    )


def test_law_1_a_plan_sends_no_writing_call(life: Life) -> None:
    assert len(life.plan.work) == len(list(life.stack))
    assert life.written_by_planning == 0


def test_law_2_up_sends_exactly_the_planned_calls(life: Life) -> None:
    plan = life.plan
    assert Counter((service, operation) for service, operation, _ in life.writes) == operations(plan)
    exact = [call for step in plan.work for call in step.calls if not list(refs(call.params))]
    assert len(exact) > 20
    for call in exact:
        assert (call.service, call.operation, serialize(call.params)) in life.writes


def test_law_3_the_second_plan_is_empty_and_the_second_up_writes_nothing(standing: Live) -> None:
    standing.aws.writes.clear()
    second = standing.plan()
    assert [(str(step.resource), step.changes) for step in second.work] == []
    done(standing.run(second))
    assert standing.aws.writes == []


@each_resource
def test_law_4_a_field_changed_behind_our_back_is_named_and_repaired(standing: Live, index: int) -> None:
    resource = standing.resources[index]
    elsewhere = FROM_ELSEWHERE.get(resource.kind, frozenset())
    covered = set(elsewhere)
    around = with_dependencies([resource])
    now = standing.plan(resources=list(around))
    for drift in drifts(resource, standing.resources):
        done(standing.run(calls_towards(drift.resource, resource, now)))
        named, now = expect_repair(standing, resource, now, drift.fields - elsewhere, drift.label)
        covered |= named
    for field, request in CONSTANTS.get(resource.kind, {}).items():
        if resource.desired()[field] == {} and field not in resource.exclusive:
            continue  # nothing is declared there
        request(standing.aws, resource)
        named, now = expect_repair(standing, resource, now, frozenset({field}), field)
        covered |= named
    plan = standing.plan()
    assert [str(step.resource) for step in plan.work if step.resource in around] == []
    assert plan.work == () or _followers_only(standing, plan)
    assert covered >= {field for field, wished in resource.desired().items() if wished != {}}


def expect_repair(
    live: Live, resource: Provisioner, before: Plan, fields: frozenset[str], label: str
) -> tuple[set[str], Plan]:
    """The fields that the plan named, and the plan after the repair, which is empty.

    What the resource needs is observed again at the end of the test, and must be as it was.
    """
    plan = look_again(live, resource, before)
    named = {change.field for step in plan.work if step.resource is resource for change in step.changes}
    assert named >= fields, f"after drift of {label}"
    assert {step.resource for step in plan.work} == {resource}, f"after drift of {label}"
    done(live.run(plan))
    after = look_again(live, resource, plan)
    assert after.work == (), f"after repair of {label}"
    return named, after


def _followers_only(live: Live, plan: Plan) -> bool:
    """A stream switched on again is another stream: what hangs on it follows in the next step."""
    done(live.run(plan))
    return live.plan().work == ()


@each_resource
def test_law_5_a_resource_deleted_behind_our_back_is_made_again(standing: Live, index: int) -> None:
    resource = standing.resources[index]
    standing.run(standing.plan(Goal.ABSENT, [resource]))
    plan = standing.plan()
    created = {step.resource for step in plan.work if step.action is Action.CREATE}
    assert resource in {step.resource for step in plan.work}
    # With it AWS deletes what is part of it, and nothing else is made again.
    assert all(resource in with_dependencies([step_resource]) for step_resource in created)
    # Nothing else has become otherwise, now or by the repair that the test before this one made.
    hanging = affected([resource], standing.resources)
    assert [str(step.resource) for step in plan.work if step.resource not in hanging] == []
    done(standing.run(plan))
    after = make_plan(standing.resources, standing.aws, Goal.PRESENT, after=plan)
    assert [(str(step.resource), step.changes) for step in after.work] == []


def test_law_5_a_key_pending_deletion_is_taken_back_not_made_again(standing: Live, connect: Connect) -> None:
    live = connect(f"{standing.session.environment}key")
    key = live.stack.key
    done(live.up([key]))
    [first] = observe([key], live.aws).values()
    done(live.run(live.plan(Goal.ABSENT, [key])))
    plan = live.plan(resources=[key])
    [step] = plan.work
    assert step.action is Action.UPDATE
    assert {"KeyState", "Alias"} <= {change.field for change in step.changes}
    done(live.run(plan))
    [again] = observe([key], live.aws).values()
    assert first and again and first.outputs["KeyId"] == again.outputs["KeyId"]
    done(live.run(live.plan(Goal.ABSENT, [key])))


def test_law_6_down_leaves_nothing_but_the_key_pending_deletion(life: Life) -> None:
    assert list(map(str, life.remaining)) == [str(life.stack.key)]
    [key] = life.remaining.values()
    assert key and key.pending_deletion_until is not None
    assert life.last_plan.work == ()


def test_a_role_made_again_under_its_name_is_given_to_its_function_again(standing: Live) -> None:
    role = standing.stack.webhook_role
    standing.run(standing.plan(Goal.ABSENT, [role]))
    done(standing.up(list(with_dependencies([role]))))
    plan = standing.plan()
    [step] = plan.work
    assert step.resource is standing.stack.webhook
    assert [change.field for change in step.changes] == ["RoleId"]
    roles = [call.params["Role"] for call in step.calls if call.operation == "UpdateFunctionConfiguration"]
    assert roles == [standing.stack.webhook.other_role.arn, role.arn]
    done(standing.run(plan))
    assert standing.plan().work == ()


def test_what_bears_our_name_without_our_tags_is_refused(standing: Live, connect: Connect) -> None:
    live = connect(f"{standing.session.environment}q")
    queue = live.stack.webhook_dead_letters
    url = live.aws.call("sqs", "CreateQueue", QueueName=queue.name)["QueueUrl"]
    live.aws.writes.clear()
    for goal in Goal:
        plan = live.plan(goal, [queue])
        assert [step.resource for step in plan.refused] == [queue]
        assert plan.work == ()
    assert live.aws.writes == []
    live.aws.call("sqs", "DeleteQueue", QueueUrl=url)


def test_several_environments_live_side_by_side(standing: Live, life: Life) -> None:
    assert life.plan.work  # made, and removed again
    assert standing.plan().work == ()


def test_the_same_environment_in_another_region_is_neither_rewritten_nor_removed(standing: Live) -> None:
    assert standing.aws.endpoint_url
    assert standing.aws._credentials
    other = Aws(
        region="eu-west-1", endpoint_url=standing.aws.endpoint_url, credentials=standing.aws._credentials
    )
    scope = replace(standing.session.scope, region="eu-west-1")
    stack = list(Stack(scope, EnvironmentSettings(), standing.stack.code))
    roles = [resource for resource in stack if resource.kind == "role"]
    for goal in Goal:
        plan = make_plan(stack, other, goal, adopt=goal is Goal.PRESENT)
        refused = {step.resource for step in plan.refused}
        assert refused == (set(roles) if goal is Goal.PRESENT else set())
        assert not {step.resource for step in plan.work} & set(roles)
        assert goal is Goal.PRESENT or len(
            [note for note in plan.notes if " stays: it serves " in note]
        ) == len(roles)
        assert all("us-east-1" in step.reason for step in plan.refused)


def test_law_4_each_attribute_of_a_queue_changed_behind_our_back_is_named(standing: Live) -> None:
    queue = standing.stack.webhook_dead_letters
    CONSTANTS["queue"]["Attributes"](standing.aws, queue)
    plan = standing.plan(resources=[queue])
    assert {change.path for step in plan.work for change in step.changes} == {
        f"Attributes.{name}"
        for name in ("DelaySeconds", "MaximumMessageSize", "SqsManagedSseEnabled", "RedrivePolicy")
    }
    done(standing.run(plan))
    assert standing.plan(resources=[queue]).nothing_to_do


def test_a_customers_key_on_a_queue_is_drift_and_goes_with_the_queues_own_encryption(standing: Live) -> None:
    queue = standing.stack.webhook_dead_letters
    url = standing.aws.call("sqs", "GetQueueUrl", QueueName=queue.name)["QueueUrl"]
    key = {"KmsMasterKeyId": "alias/somebodys"}
    standing.aws.call("sqs", "SetQueueAttributes", QueueUrl=url, Attributes=key)
    plan = standing.plan(resources=[queue])
    (call,) = plan.work[0].calls
    assert call.params["Attributes"] == {"KmsMasterKeyId": "", "SqsManagedSseEnabled": "true"}
    done(standing.run(plan))
    assert standing.plan(resources=[queue]).nothing_to_do
