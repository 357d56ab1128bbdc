"""What bears an environment's tags and is no longer part of its stack is found, and removed after asking."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

import pytest

from cryptoctl.alarm_settings import AlarmSettings
from cryptoctl.provisioners.alarm import Alarm, prefix
from cryptoctl.provisioners.dashboard import Dashboard
from cryptoctl.provisioners.key import Key
from cryptoctl.provisioners.parameter import Parameter
from cryptoctl.provisioners.queue import Queue
from cryptoctl.provisioners.stream_mapping import StreamMapping
from cryptoctl.reconcile.graph import with_dependencies
from cryptoctl.reconcile.observe import make_plan, observe
from cryptoctl.reconcile.orphans import Orphans
from cryptoctl.reconcile.plan import Action, Goal, Plan
from cryptoctl.reconcile.provisioner import Provisioner
from cryptoctl.stack import Stack
from cryptoctl.webhook_settings import SenderSettings, WebhookSettings
from laws.whole_stack import PATTERN, done
from live import Connect, Live, LivePart

pytestmark = pytest.mark.engine


def _removable(resource: Provisioner) -> bool:
    """A second key is the key's own affair, what holds data is never removed as an orphan, and a dashboard
    of another name may be another region's."""
    special = isinstance(resource, Key | Dashboard)
    return resource.arn is not None and not (special or resource.holds_data)


# One of each kind that has an ARN of its own.
KINDS = {type(resource): resource for resource in PATTERN if _removable(resource)}


def earlier(live: Live, kind: type[Provisioner]) -> list[Provisioner]:
    """A resource of that kind as an earlier stack may have had it, after what it needs."""
    resource = next(candidate for candidate in live.resources if type(candidate) is kind)
    folder = resource.name[: resource.name.rfind("/") + 1] if isinstance(resource, Parameter) else ""
    name = f"{folder}former-{resource.kind.replace(' ', '-')}-{live.session.environment}"
    if isinstance(resource, Alarm):
        name = f"{prefix(live.session.scope)}former"
    if isinstance(resource, StreamMapping):
        function = replace(resource.function, name=name)
        return [function, replace(resource, name=name, function=function)]
    return [replace(resource, name=name)]


def made(live: Live, resources: list[Provisioner]) -> None:
    """Makes them beside the stack, whose values they use."""
    done(live.up(list(with_dependencies(resources))))


def test_what_left_the_stack_is_removed_and_nothing_else(standing: Live) -> None:
    former = [orphan for kind in KINDS for orphan in earlier(standing, kind)]
    made(standing, former)
    for goal in (Goal.ABSENT, Goal.PRESENT):
        plan = standing.plan(goal)
        over = [step for step in plan.work if step.reason]
        assert [step.action for step in over] == [Action.DELETE] * len(former)
        assert Counter(step.resource.kind for step in over) == Counter(orphan.kind for orphan in former)
    assert list(plan.work) == over
    assert plan.consents == tuple(f"delete {step.resource}" for step in over)
    done(standing.run(plan))
    assert [
        observed for observed in observe(former, standing.aws).values() if observed and not observed.deleting
    ] == []
    assert standing.plan().work == ()


def test_a_dashboard_that_was_switched_off_is_removed(standing: Live) -> None:
    board = standing.stack.dashboard
    assert board is not None
    config = replace(standing.session.config, dashboard=False)
    stack = Stack(standing.session.scope, config, standing.stack.code)
    plan = make_plan(list(stack), standing.aws, Goal.PRESENT, orphans=stack.orphans)
    assert [(str(step.resource), step.action) for step in plan.work] == [(str(board), Action.DELETE)]
    done(standing.run(plan))
    assert board.observe(standing.aws) is None
    made(standing, [board])


def test_what_an_earlier_configuration_named_otherwise_is_found_whatever_the_index_lacks(fresh: Live) -> None:
    named_by_settings = [*fresh.stack.webhook_secrets.values(), *fresh.stack.alarms]
    made(fresh, [fresh.stack.webhook, *named_by_settings])
    dead_letters = AlarmSettings(lag_s="off", errors="off", throttles="off", unauthorized="off")
    another = WebhookSettings(senders={"another": SenderSettings(preset="standard-webhooks")})
    config = replace(fresh.session.config, webhook=another, alarms=dead_letters)
    renamed = Stack(fresh.session.scope, config, fresh.stack.code)
    former = {*map(str, named_by_settings)}

    def plan(goal: Goal) -> Plan:
        return make_plan(list(renamed), fresh.aws, goal, orphans=renamed.orphans)

    assert former <= {str(step.resource) for step in plan(Goal.PRESENT).work if step.action is Action.DELETE}
    assert former <= {str(step.resource) for step in plan(Goal.ABSENT).work}
    done(fresh.run(plan(Goal.ABSENT)))
    remaining = [
        resource for resource, observed in observe(fresh.resources, fresh.aws).items() if observed is not None
    ]
    assert remaining == [fresh.stack.key]  # which is pending deletion


def test_only_our_own_tags_count(standing: Live, connect: Connect) -> None:
    """Neither a name like ours, nor another environment's tags, nor one tag of two, make it a leftover."""
    name = standing.session.environment
    sqs, logs, iam = (standing.aws.client(service) for service in ("sqs", "logs", "iam"))
    url = sqs.create_queue(QueueName=f"somebody-{name}", tags={"Environment": name})["QueueUrl"]
    logs.create_log_group(logGroupName=f"/somebody/{name}")
    iam.create_role(RoleName=f"somebody-{name}", AssumeRolePolicyDocument='{"Statement": []}')
    other = LivePart(connect(f"{name}s"), lambda stack: [stack.webhook, stack.alerts])
    done(other.up())
    try:
        assert standing.plan().work == ()
        assert standing.plan().notes == ()
    finally:
        sqs.delete_queue(QueueUrl=url)
        logs.delete_log_group(logGroupName=f"/somebody/{name}")
        iam.delete_role(RoleName=f"somebody-{name}")
        done(other.down())


def test_what_cryptoctl_does_not_make_is_told_and_left(standing: Live) -> None:
    """To a stack that has no queues at all, a queue is such a thing."""
    resources = [resource for resource in standing.resources if not isinstance(resource, Queue)]
    orphans = Orphans(stack=resources)
    result = orphans.find(standing.aws, orphans.candidates(standing.aws), observe(resources, standing.aws))
    assert result.removable == {}
    queues = [standing.stack.enricher_dead_letters.arn, standing.stack.webhook_dead_letters.arn]
    assert result.notes == tuple(
        f"{arn} has this environment's tags, and is left: cryptoctl creates nothing of that kind (a backup "
        "has the tags of what it was made from)"
        for arn in queues
    )


def test_a_table_that_is_not_the_stacks_is_left_with_its_data(standing: Live) -> None:
    """One that was restored from a backup has the tags of the environment's own."""
    name = f"former-{standing.session.environment}"
    table = replace(standing.stack.prices, name=name)
    made(standing, [table])
    for goal in (Goal.ABSENT, Goal.PRESENT):
        plan = standing.plan(goal)
        assert [step for step in plan.work if step.reason] == []
        [note] = plan.notes
        assert note.startswith(
            f"table {name} is no longer part of this environment, and is kept: it holds data"
        )
    done(standing.run(standing.plan(Goal.ABSENT, [table])))


def test_a_mapping_that_another_run_has_just_made_is_nobodys_leftover(standing: Live) -> None:
    """It was not there as the stack was observed, and is there as candidates are looked for."""
    orphans, mapping = Orphans(stack=standing.resources), standing.stack.prices_to_enricher
    observed = {**observe(standing.resources, standing.aws), mapping: None}
    result = orphans.find(standing.aws, orphans.candidates(standing.aws), observed)
    assert result.removable == {}


def test_a_key_that_the_index_takes_for_ours_by_yesterdays_tags_is_left(
    standing: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = standing.aws.call("kms", "CreateKey")["KeyMetadata"]
    index, owner_tags = standing.aws.tagged, standing.session.scope.owner_tags

    def lagging(tags: Mapping[str, str], kind: str | None = None) -> dict[str, dict[str, str]]:
        return {**index(tags, kind), key["Arn"]: owner_tags}

    monkeypatch.setattr(standing.aws, "tagged", lagging)
    assert standing.plan().work == ()
    standing.aws.call(
        "kms",
        "TagResource",
        KeyId=key["KeyId"],
        Tags=[{"TagKey": name, "TagValue": value} for name, value in owner_tags.items()],
    )
    assert standing.plan().consents == (f"delete key {key['KeyId']}",)
    done(standing.up())
