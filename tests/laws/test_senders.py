"""An address and secrets are there exactly for the senders that the configuration names."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from cryptoctl.cli.apply import check
from cryptoctl.errors import Failure
from cryptoctl.ops.doctor import examine
from cryptoctl.provisioners.function_url import ANYBODY_BY_URL
from cryptoctl.reconcile.plan import Action, Goal, Plan
from cryptoctl.reconcile.provisioner import Provisioner
from cryptoctl.settings import EnvironmentSettings
from cryptoctl.stack import Stack
from cryptoctl.webhook_settings import SenderSettings, WebhookSettings
from laws.drifts import SOMETHING, made_anew
from laws.whole_stack import done
from live import LAG_ALARM, Connect, Live, LivePart

pytestmark = pytest.mark.engine


def of_senders(stack: Stack) -> list[Provisioner]:
    """What senders call, and what is there for them."""
    url = [stack.webhook_url] if stack.webhook_url else []
    return [stack.webhook, *url, *stack.webhook_secrets.values()]


@pytest.fixture(scope="module")
def live(connect: Connect) -> Iterator[Live]:
    """An environment of which the webhook processor is up, without senders."""
    live = LivePart(connect("senders", EnvironmentSettings(alarms=LAG_ALARM)), of_senders)
    done(live.up())
    yield live
    with_senders(live)
    done(live.down())


def with_senders(live: Live, *names: str) -> None:
    """Configures the environment anew."""
    webhook = WebhookSettings(senders={name: SenderSettings(preset="standard-webhooks") for name in names})
    live.stack = Stack(
        live.session.scope, EnvironmentSettings(webhook=webhook, alarms=LAG_ALARM), live.stack.code
    )


def secret(live: Live, sender: str) -> str:
    response = live.aws.call("ssm", "GetParameter", Name=parameter(live, sender), WithDecryption=True)
    return str(response["Parameter"]["Value"])


def parameter(live: Live, sender: str) -> str:
    return f"/cryptoctl/{live.session.environment}/webhook/{sender}"


def parameters(live: Live) -> set[str]:
    filters = [{"Key": "Name", "Option": "BeginsWith", "Values": [parameter(live, "")]}]
    rows = live.aws.call("ssm", "DescribeParameters", ParameterFilters=filters)["Parameters"]
    return {row["Name"].rpartition("/")[2] for row in rows}


def address(live: Live) -> Any:
    name = live.stack.webhook.name
    return live.aws.find(
        "lambda", "GetFunctionUrlConfig", not_found="ResourceNotFoundException", FunctionName=name
    )


def statements(live: Live) -> set[str]:
    policy = live.aws.find(
        "lambda", "GetPolicy", not_found="ResourceNotFoundException", FunctionName=live.stack.webhook.name
    )
    return {statement["Sid"] for statement in json.loads(policy["Policy"])["Statement"]} if policy else set()


def settled(live: Live) -> bool:
    plan = live.plan()
    return plan.nothing_to_do and plan.notes == ()


def attention(live: Live) -> list[str]:
    """What `doctor` says beside its checks."""
    checks = examine(live.stack, live.aws, enforced=False)
    return [check.detail for check in checks if check.name == "attention"]


def shown(plan: Plan) -> list[tuple[Action, str]]:
    return [(step.action, str(step.resource)) for step in plan.work]


def test_they_come_with_the_first_sender_and_go_with_the_last(live: Live) -> None:
    assert (address(live), statements(live), parameters(live)) == (None, set(), set())
    with_senders(live, "desk", "provider")
    done(live.up())
    assert settled(live)
    assert (statements(live), parameters(live)) == ({*ANYBODY_BY_URL}, {"desk", "provider"})
    assert secret(live, "desk") != secret(live, "provider")
    value, where = secret(live, "desk"), address(live)["FunctionUrl"]

    with_senders(live, "desk")
    plan = live.plan()
    assert plan.consents == (f"delete parameter {parameter(live, 'provider')}",)
    done(live.run(plan))
    assert settled(live)
    assert (parameters(live), secret(live, "desk"), address(live)["FunctionUrl"]) == ({"desk"}, value, where)

    with_senders(live)
    plan = live.plan()
    assert plan.consents == (
        f"delete function URL {live.stack.webhook.name}",
        f"delete parameter {parameter(live, 'desk')}",
    )
    done(live.run(plan))
    assert settled(live)
    assert (address(live), statements(live), parameters(live)) == (None, set(), set())


def test_a_run_that_dies_as_the_last_sender_goes_leaves_nothing_to_be_taken_for_somebody_elses(
    live: Live,
) -> None:
    with_senders(live, "desk")
    done(live.up())
    with_senders(live)
    done(live.up([live.stack.webhook_role, live.stack.key]))
    [first, *_] = [step for step in live.plan().steps if step.requests]
    assert (first.action, first.resource.kind) == (Action.DELETE, "function URL")
    [function] = [step for step in live.plan().steps if step.resource is live.stack.webhook]
    assert first.resource.kind in {resource.kind for resource in function.after}
    # Dead after its first call: what shows that the address was ours is still there, and goes next.
    live.aws.call("lambda", "DeleteFunctionUrlConfig", FunctionName=live.stack.webhook.name)
    assert statements(live) == {*ANYBODY_BY_URL}
    done(live.up())
    assert settled(live)
    assert (address(live), statements(live), parameters(live)) == (None, set(), set())


def test_an_address_that_somebody_else_made_is_told_and_left_and_taken_over_for_a_sender(live: Live) -> None:
    with_senders(live)
    done(live.up())
    name = live.stack.webhook.name
    config = live.aws.call("lambda", "CreateFunctionUrlConfig", FunctionName=name, AuthType="AWS_IAM")
    plan = live.plan()
    assert plan.work == ()
    [note] = plan.notes
    assert note == (
        f"function {name} has the address {config['FunctionUrl']}, which cryptoctl did not make: `aws lambda "
        f"delete-function-url-config --function-name {name}` takes it away if nobody needs it"
    )
    assert note in attention(live)
    assert address(live)["FunctionUrl"] == config["FunctionUrl"]
    with_senders(live, "desk")
    plan = live.plan()
    assert plan.consents == (f"lift the IAM protection of function URL {name}",)
    assert f"`up` asks before this: {plan.consents[0]}" in attention(live)
    done(live.run(plan))
    assert settled(live)
    assert (address(live)["FunctionUrl"], address(live)["AuthType"]) == (config["FunctionUrl"], "NONE")
    with_senders(live)
    done(live.up())
    assert address(live) is None


@pytest.mark.parametrize("tier", ["Standard", "Advanced"])
def test_under_another_key_a_parameter_keeps_its_value_and_its_tier(live: Live, tier: str) -> None:
    with_senders(live, "desk")
    done(live.up())
    desk = live.stack.webhook_secrets["desk"]
    made_anew(Tier=tier, KeyId="alias/aws/ssm")(live.aws, desk)
    plan = live.plan()
    assert [change.field for step in plan.work for change in step.changes] == ["KeyId"]
    done(live.run(plan))
    assert settled(live)
    observed = desk.observe(live.aws)
    assert observed is not None
    assert (secret(live, "desk"), observed.fields["Tier"]) == (SOMETHING, tier)


def test_one_of_another_type_is_in_the_way_of_up_and_not_of_down(live: Live) -> None:
    with_senders(live, "desk")
    done(live.up())
    made_anew(Type="String")(live.aws, live.stack.webhook_secrets["desk"])
    plan = live.plan()
    [obstacle] = plan.obstacles
    assert "is of type String" in obstacle.what
    with pytest.raises(Failure, match="Nothing was changed"):
        check(plan)
    assert secret(live, "desk") == SOMETHING
    with_senders(live)
    done(live.up())
    assert parameters(live) == set()


def test_an_environment_with_senders_goes_whole(live: Live) -> None:
    with_senders(live, "desk")
    done(live.up())
    done(live.down())
    assert live.plan(Goal.ABSENT).nothing_to_do
    assert parameters(live) == set()
    with_senders(live)
    done(live.up())
    assert (address(live), settled(live)) == (None, True)


def cut(plan: Plan, count: int) -> Plan:
    """The plan's first calls, one step after the other: as far as a run came that was killed then."""
    steps = []
    for step in plan.work:
        done_here = step.calls[:count]
        count -= len(done_here)
        last = step.requests.index(done_here[-1]) + 1 if done_here else 0
        steps.append(replace(step, requests=step.requests[:last], after=()))
    return replace(plan, steps=tuple(steps))


def calls_of(plan: Plan) -> list[str]:
    return [call.operation for step in plan.work for call in step.calls]


def converges_after(live: Live, count: int, *senders: str) -> None:
    with_senders(live, *senders)
    done(live.run(cut(live.plan(), count)))
    done(live.up())
    assert settled(live)
    assert (parameters(live), address(live) is not None) == ({*senders}, bool(senders))
    assert statements(live) == ({*ANYBODY_BY_URL} if senders else set())


def test_a_run_that_dies_at_one_of_its_calls_is_gone_on_with(live: Live) -> None:
    with_senders(live)
    done(live.up())
    with_senders(live, "desk")
    converges_after(live, calls_of(live.plan()).index("CreateFunctionUrlConfig"), "desk")
    with_senders(live)
    converges_after(live, calls_of(live.plan()).index("RemovePermission") + 1)


@pytest.mark.torture
@pytest.mark.filterwarnings("ignore:Exception ignored in.*socket")  # the dead leave their connections open
def test_a_run_that_dies_at_any_of_its_calls_is_gone_on_with(live: Live) -> None:
    for senders in (("desk",), ()) * 2:
        with_senders(live, *senders)
        for count in range(1, len(calls_of(live.plan()))):
            with_senders(live, *(() if senders else ("desk",)))
            done(live.up())
            converges_after(live, count, *senders)
