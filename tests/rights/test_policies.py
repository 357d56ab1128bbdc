"""`iam-policy`: what it prints is enough for the commands, and nothing in it is too much.

The engine does not enforce IAM as AWS does; the recorded requests are weighed by an evaluator instead.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from typing import Any

import pytest
from hostile.authorization import Ask, Place, asks, granted

from hostile.clients import REGION
from hostile.matrix import disturb
from hostile.proxy import Entry
from hostile.test_requests import examples
from hostile.world import World

pytestmark = pytest.mark.engine

NAME = "rights"
PLACE = Place(account="0" * 12, region=REGION, environment=NAME)
READS = ("plan", "status", "outputs", "prices", "logs", "doctor", "iam-policy")
# A way out that these runs do not need: a key can be disabled by hand, a mapping switched off, a permission
# or a concurrency set that we did not ask for. The laws send them.
NOT_SENT_HERE = {
    "kms:EnableKey",
    "lambda:DeleteFunctionConcurrency",
    "lambda:RemovePermission",
    "lambda:UpdateEventSourceMapping",
}


@pytest.fixture(scope="module")
def recorded(world: World) -> dict[str, list[Entry]]:
    """What is sent for deploying, and for reading, an environment."""
    mood = world.proxy.behave()
    world.up(NAME)
    disturb(world.account, NAME)
    world.up(NAME)
    deploying = mood.recorded
    mood = world.proxy.behave()
    for example in examples().values():
        words = [each for each in shlex.split(example) if each not in ("--local", "--follow", "-f")]
        if words[0] in READS:
            world.clients.start(*words, "--env", NAME, "--aws").wait(30.0)
    reading = mood.recorded
    mood = world.proxy.behave()
    world.down(NAME)
    deploying += mood.recorded
    # Where nothing is, more is looked at: whether a key can be taken back, and the account's quota.
    mood = world.proxy.behave()
    world.clients.run("plan", "--env", NAME, "--aws")
    return {"deploy": deploying, "read": [*reading, *mood.recorded]}


@pytest.fixture(scope="module")
def policies(world: World) -> dict[str, Any]:
    world.proxy.behave()
    return {
        purpose: world.clients.run("iam-policy", "--for", purpose, "--env", NAME, "--aws").document()
        for purpose in ("deploy", "operate", "read")
    }


def asked(entries: Iterable[Entry]) -> list[Ask]:
    return [ask for entry in entries for ask in asks(entry.request, PLACE)]


@pytest.mark.parametrize("purpose", ["deploy", "read"])
def test_the_policy_is_enough(
    recorded: dict[str, list[Entry]], policies: dict[str, Any], purpose: str
) -> None:
    denied = {
        f"{ask.action} on {ask.resource}"
        for ask in asked(recorded[purpose])
        if not granted(policies[purpose], ask)
    }
    assert denied == set()


def test_who_operates_may_also_read(recorded: dict[str, list[Entry]], policies: dict[str, Any]) -> None:
    assert all(granted(policies["operate"], ask) for ask in asked(recorded["read"]))


@pytest.mark.parametrize("purpose", ["deploy", "read"])
def test_each_action_taken_away_breaks_something(
    recorded: dict[str, list[Entry]], policies: dict[str, Any], purpose: str
) -> None:
    every = {action for statement in policies[purpose]["Statement"] for action in statement["Action"]}
    wanted = asked(recorded[purpose])
    idle = {
        action for action in every if all(granted(policies[purpose], ask, without=action) for ask in wanted)
    }
    assert idle <= NOT_SENT_HERE


@pytest.mark.parametrize("purpose", ["deploy", "operate", "read"])
def test_a_star_stands_only_where_aws_leaves_no_choice(policies: dict[str, Any], purpose: str) -> None:
    for statement in policies[purpose]["Statement"]:
        assert "Effect" in statement
        assert not [action for action in statement["Action"] if "*" in action]
        resources = [statement["Resource"]] if statement["Resource"] == "*" else statement["Resource"]
        for resource in resources:
            if resource == "*":
                conditional = {
                    a for a in statement["Action"] if "EventSourceMapping" in a or a == "kms:CreateKey"
                }
                free = set(statement["Action"]) - conditional - {"lambda:ListEventSourceMappings"}
                assert not statement.get("Condition") or not free
                assert free <= {
                    "cloudwatch:GetMetricStatistics",
                    "kms:ListKeys",
                    "lambda:GetAccountSettings",
                    "logs:DescribeLogGroups",
                    "tag:GetResources",
                }
            elif resource.endswith(":key/*"):
                assert statement["Condition"]["StringEquals"]
            else:
                assert resource.count("*") <= 1
                assert resource.endswith("*") or "*" not in resource


def test_reading_changes_nothing(recorded: dict[str, list[Entry]], policies: dict[str, Any]) -> None:
    assert [str(entry.request) for entry in recorded["read"] if entry.request.writes] == []
    verbs = {action.split(":")[1] for s in policies["read"]["Statement"] for action in s["Action"]}
    assert not [
        each
        for each in verbs
        if not each.startswith(("Get", "List", "Describe", "Query", "Filter", "Decrypt"))
    ]
