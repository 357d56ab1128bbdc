"""A whole environment that was made by other means is taken over in place: nothing that it holds is lost."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from cryptoctl.provisioners.function import Code
from cryptoctl.reconcile.plan import TAKEN_OVER
from cryptoctl.reconcile.scope import Scope
from cryptoctl.settings import EnvironmentSettings
from cryptoctl.stack import APPLICATION, Stack
from hostile.by_hand import Run, by_boto3, by_command_line, deploy
from hostile.inventory import Account
from hostile.matrix import Baseline, differences
from hostile.traffic import BATCH, Subscriber, goes_through, success_topic
from hostile.world import World
from kit.waiting import eventually

pytestmark = pytest.mark.engine

REFUSED = 6
UNTAGGED: dict[str, str] = {}
BY_ANOTHER_TOOL = {"ManagedBy": "cdktf", "Environment": "somewhere", "Team": "prices"}
CANNOT_CARRY_TAGS = ("invoke config", "log subscription")


def resources(name: str) -> list[Any]:
    scope = Scope(environment=name, account="0" * 12, region="us-east-1", extra_tags=APPLICATION)
    return list(Stack(scope, EnvironmentSettings(), Code(zip_bytes=b"", sha256="")))


def is_taken_over_in_place(
    world: World, base: Baseline, run: Run, name: str, tags: Mapping[str, str]
) -> None:
    deploy(run, name, tags)
    account, table = world.account, f"crypto-prices-{name}"
    items = [
        {"symbol": {"S": "OLD"}, "timestamp": {"N": str(number)}, "price": {"N": "1.50"}}
        for number in range(BATCH)  # so many that the stack made by hand waits for no more
    ]
    # At once: of what comes in parts the first may be a batch, and the rest be left to the enricher.
    account["dynamodb"].batch_write_item(
        RequestItems={table: [{"PutRequest": {"Item": item}} for item in items]}
    )
    eventually(lambda: "OK" in processing_results(account, name), "the function made by hand to have them")
    url = account["sqs"].get_queue_url(QueueName=f"webhook-processor-dlq-{name}")["QueueUrl"]
    account["sqs"].send_message(QueueUrl=url, MessageBody="kept")
    subscriber = Subscriber(account, success_topic(account, name))
    before = account["dynamodb"].scan(TableName=table)["Items"]
    refused_as_it_is(world, name, tags)
    differences_are_shown_first(world.up(name, "--adopt").err, name)
    assert account["dynamodb"].scan(TableName=table)["Items"] == before
    [message] = account["sqs"].receive_message(QueueUrl=url, VisibilityTimeout=0)["Messages"]
    assert message["Body"] == "kept"
    assert world.plan_is_empty(name)
    meanings = [
        normalized(inventory, without=set(tags)) for inventory in (base.inventory, account.inventory(name))
    ]
    assert differences(*meanings) == []
    goes_through(account, name)
    eventually(lambda: len(subscriber.announcements()) == BATCH, "the announcements")
    subscriber.close()
    world.prepare(name, "down")
    assert account.inventory(name) == {}


def processing_results(account: Account, name: str) -> list[str]:
    mappings = account["lambda"].list_event_source_mappings(FunctionName=f"price-enricher-{name}")
    return [str(mapping["LastProcessingResult"]) for mapping in mappings["EventSourceMappings"]]


# What other tools had no reason to make; `up` adds it.
NOT_MADE_BY_HAND = {"alarm", "dashboard"}


def refused_as_it_is(world: World, name: str, tags: Mapping[str, str]) -> None:
    """By a sentence for each resource; nothing is changed."""
    behaviour = world.proxy.behave()
    result = world.clients.run("up", "--env", name, "--yes", "--aws")
    assert result.code == REFUSED
    for resource in resources(name):
        # An untagged log group is one that a late line of our own function brought back.
        unmarked = resource.kind in {*CANNOT_CARRY_TAGS, *NOT_MADE_BY_HAND}
        unmarked = unmarked or (resource.kind == "log group" and not tags)
        line = f"! {resource}  exists without cryptoctl's tags (--adopt takes it over)"
        assert (line in result.err) is not unmarked
    assert "Nothing was changed." in result.err
    assert "`cryptoctl up --adopt --env " in result.err
    assert [entry.request for entry in behaviour.recorded if entry.request.writes] == []


def differences_are_shown_first(told: str, name: str) -> None:
    plan = told.partition("\n✓ ")[0]
    for line in (
        "MemorySize: 512 → 1024",
        "retentionInDays: 30 → 3",
        "Attributes.MessageRetentionPeriod: 1209600 → 345600",
        "Tags.Application: absent → crypto-price-processing",
        "CodeSha256: ",
        "filterPattern: ?ERROR ?Traceback → ",
    ):
        assert f"    {line}" in plan
    for verb in ("±", "-"):
        assert f"\n{verb} " not in f"\n{plan}"
    created = [line.removeprefix("+ ") for line in plan.splitlines() if line.startswith("+ ")]
    assert {line.partition(" cryptoctl-")[0] for line in created} == NOT_MADE_BY_HAND
    # What is as the contract says it is is not changed but for its tags.
    head = f"~ table crypto-prices-{name}  update: {TAKEN_OVER}\n"
    table = plan.partition(head)[2]
    assert [line.split()[0].partition(".")[0] for line in table.split("\n~")[0].splitlines() if line] == [
        "Tags"
    ] * 3


def normalized(document: Any, *, without: set[str]) -> Any:
    """An inventory without what others have added, which stays; AWS keeps a document as it was spelt."""
    others = without - {"ManagedBy", "Environment"}
    if isinstance(document, dict):
        return {
            key: json.loads(value) if key == "Pattern" else normalized(_several(key, value), without=without)
            for key, value in document.items()
            if key not in others
        }
    if isinstance(document, list):
        of_others = [member for member in document if isinstance(member, dict) and _is_added(member, others)]
        return [normalized(member, without=without) for member in document if member not in of_others]
    return document


def _is_added(member: dict[str, Any], tags: set[str]) -> bool:
    return member.get("Key") in tags or str(member.get("Sid")).startswith("logs-")


def _several(key: str, value: Any) -> Any:
    alone = key in ("Action", "Resource", "Service") and isinstance(value, str)
    return [value] if alone else value


@pytest.mark.parametrize(
    "tags",
    [
        pytest.param(UNTAGGED, id="untagged", marks=pytest.mark.torture),
        pytest.param(BY_ANOTHER_TOOL, id="tagged by another tool"),
    ],
)
def test_a_stack_made_by_hand_is_adopted_whole(
    world: World, base: Baseline, environment: Callable[[], str], tags: Mapping[str, str]
) -> None:
    world.proxy.behave()
    is_taken_over_in_place(world, base, by_boto3(world.account), environment(), tags)


@pytest.mark.torture
def test_a_stack_made_by_the_aws_command_line_is_adopted_whole(
    world: World, base: Baseline, environment: Callable[[], str]
) -> None:
    aws = shutil.which("aws")
    if aws is None:
        pytest.skip("there is no `aws` on this machine")
    world.proxy.behave()
    variables = {key: value for key, value in world.clients.variables.items() if key != "PYTHONPATH"}
    is_taken_over_in_place(world, base, by_command_line(aws, variables), environment(), BY_ANOTHER_TOOL)
