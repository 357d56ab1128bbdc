"""What is in the way of `up`: things still going, ruins, names that are taken, and other people's stacks."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from hostile.inventory import Account
from hostile.lengths import Windows
from hostile.matrix import Baseline, differences
from hostile.wire import Answer, Request
from hostile.world import World

pytestmark = pytest.mark.engine


def test_an_up_right_after_a_down_waits_for_names_and_for_what_is_still_going(
    world: World, base: Baseline, environment: Callable[[], str]
) -> None:
    name = environment()
    world.proxy.behave()
    world.up(name)
    url = world.account["sqs"].get_queue_url(QueueName=f"webhook-processor-dlq-{name}")["QueueUrl"]
    table = f"crypto-prices-{name}"
    world.proxy.behave(Windows(queue_name=4, table_gone=3))
    # As a person may: by hand, and `up` right afterwards.
    through(world, "sqs").delete_queue(QueueUrl=url)
    through(world, "dynamodb").delete_table(TableName=table)
    told = world.up(name).err
    assert "waits for the queue's name, which AWS blocks for 60 s after a deletion (" in told
    assert "waits for the table to be gone" in told
    assert "✓ stream mapping" in told
    assert differences(base.inventory, world.account.inventory(name)) == []


def through(world: World, service: str) -> Any:
    """A plain client that goes through the proxy."""
    return world.stranger[service]


def test_a_down_while_the_table_is_going_waits_until_it_is_gone(
    world: World, environment: Callable[[], str]
) -> None:
    name = environment()
    world.proxy.behave()
    world.up(name)
    mood = world.proxy.behave(Windows(table_gone=2))
    through(world, "dynamodb").delete_table(TableName=f"crypto-prices-{name}")
    world.down(name)
    shown = [e for e in mood.recorded if str(e.request) == "dynamodb:DescribeTable"]
    assert len(shown) > 3
    assert [e.status for e in mood.recorded if str(e.request) == "dynamodb:DeleteTable"] == [200]
    assert world.account.inventory(name) == {}


def test_a_key_pending_deletion_is_taken_back_with_what_lies_under_it_readable(
    world: World, base: Baseline, environment: Callable[[], str]
) -> None:
    name = environment()
    world.proxy.behave()
    world.up(name)
    kms = world.account["kms"]
    blob = kms.encrypt(KeyId=f"alias/lambda-env-{name}", Plaintext=b"old")["CiphertextBlob"]
    world.down(name)
    assert world.account.leaving_keys(name) == 1
    world.up(name)
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"old"
    assert world.account.leaving_keys(name) == 0
    assert differences(base.inventory, world.account.inventory(name)) == []


class Shown:
    """Shows one function in a state of AWS's making, until it is deleted or changed."""

    def __init__(self, function: str, state: dict[str, str], until: tuple[str, ...]) -> None:
        self.function, self.state, self.until = function, state, until
        self.over = False

    def refuse(self, request: Request) -> Answer | None:
        return None

    def seen(self, request: Request, answer: Answer) -> Answer:
        if request.service != "lambda" or self.function not in request.param("FunctionName"):
            return answer
        self.over = self.over or request.operation in self.until
        if self.over or not answer.ok or request.operation not in ("GetFunction", "GetFunctionConfiguration"):
            return answer
        document = answer.document()
        document.get("Configuration", document).update(self.state)
        return answer.with_document(document)


def test_a_function_that_failed_to_be_made_is_made_anew_with_what_hangs_on_it(
    world: World, base: Baseline, environment: Callable[[], str]
) -> None:
    name = environment()
    world.proxy.behave()
    world.up(name)
    mood = world.proxy.behave()
    state = {"State": "Failed", "StateReason": "The image is broken."}
    mood.windows += (Shown(f"price-enricher-{name}", state, ("DeleteFunction",)),)
    planned = world.clients.run("plan", "--env", name, "--aws").out
    assert f"± function price-enricher-{name}  replace: State" in planned
    refused = world.clients.run("up", "--env", name, "--aws")
    assert refused.code == 6
    assert "add --yes" in refused.err
    world.up(name)
    assert differences(base.inventory, world.account.inventory(name)) == []


def test_a_change_that_failed_is_made_again(
    world: World, base: Baseline, environment: Callable[[], str]
) -> None:
    name = environment()
    world.proxy.behave()
    world.up(name)
    mood = world.proxy.behave()
    state = {"LastUpdateStatus": "Failed", "LastUpdateStatusReason": "The key was disabled."}
    mood.windows += (Shown(f"webhook-processor-{name}", state, ("UpdateFunctionConfiguration",)),)
    world.up(name)
    assert [str(e.request) for e in mood.recorded if e.request.writes] == [
        "lambda:UpdateFunctionConfiguration"
    ]
    assert differences(base.inventory, world.account.inventory(name)) == []


def test_a_log_group_that_came_back_without_tags_is_ours(
    world: World, environment: Callable[[], str]
) -> None:
    name = environment()
    world.proxy.behave()
    world.up(name)
    world.down(name)
    world.account["logs"].create_log_group(logGroupName=f"/aws/lambda/price-enricher-{name}")
    world.down(name)
    assert world.account.inventory(name) == {}


def test_what_somebody_else_has_under_our_name_is_refused_and_left_alone(
    world: World, environment: Callable[[], str]
) -> None:
    name = environment()
    world.account["sqs"].create_queue(QueueName=f"webhook-processor-dlq-{name}")
    before = world.account.inventory(name)
    mood = world.proxy.behave()
    for command in ("up", "down"):
        ended = world.clients.run(command, "--env", name, "--yes", "--aws")
        assert ended.code == 6
        assert f"queue webhook-processor-dlq-{name}" in ended.err.partition("error: ")[2]
        assert "Nothing was changed" in ended.err
    assert [e.request for e in mood.recorded if e.request.writes] == []
    assert world.account.inventory(name) == before
    world.up(name, "--adopt")


def test_a_stack_deployed_by_other_means_is_adopted_with_its_prices(
    world: World, base: Baseline, environment: Callable[[], str]
) -> None:
    name = environment()
    world.proxy.behave()
    deploy_by_hand(world.account, name)
    rows = world.account["dynamodb"].scan(TableName=f"crypto-prices-{name}")["Items"]
    ended = world.clients.run("up", "--env", name, "--yes", "--aws")
    assert ended.code == 6
    assert f"table crypto-prices-{name}" in ended.err
    shown = world.clients.run("plan", "--env", name, "--aws", "--adopt").out
    assert f"~ table crypto-prices-{name}  update" in shown
    assert "Tags.ManagedBy: absent → cryptoctl" in shown
    assert "replace" not in shown
    world.up(name, "--adopt")
    assert world.account["dynamodb"].scan(TableName=f"crypto-prices-{name}")["Items"] == rows
    assert world.plan_is_empty(name)
    assert differences(base.inventory, world.account.inventory(name)) == []


def deploy_by_hand(account: Account, name: str) -> None:
    """The names and the main values of the system, without our tags; one of each kind, and two prices."""
    dynamodb, table = account["dynamodb"], f"crypto-prices-{name}"
    keys = [("symbol", "S", "HASH"), ("timestamp", "N", "RANGE")]
    dynamodb.create_table(
        TableName=table,
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": kind} for key, kind, _ in keys],
        KeySchema=[{"AttributeName": key, "KeyType": role} for key, _, role in keys],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    for price in ("1", "2"):
        dynamodb.put_item(TableName=table, Item={"symbol": {"S": "BTC"}, "timestamp": {"N": price}})
    key = account["kms"].create_key()["KeyMetadata"]["KeyId"]
    account["kms"].create_alias(AliasName=f"alias/lambda-env-{name}", TargetKeyId=key)
    account["sns"].create_topic(Name=f"price-alerts-{name}")
    for function in ("webhook-processor", "price-enricher"):
        account["sqs"].create_queue(QueueName=f"{function}-dlq-{name}")
        account["logs"].create_log_group(logGroupName=f"/aws/lambda/{function}-{name}")
    role = f"webhook-processor-{name}-role"
    trust = {
        "Effect": "Allow",
        "Action": ["sts:AssumeRole"],
        "Principal": {"Service": ["lambda.amazonaws.com"]},
    }
    made = account["iam"].create_role(
        RoleName=role,
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
    )
    account["lambda"].create_function(
        FunctionName=f"webhook-processor-{name}",
        Runtime="python3.13",
        Role=made["Role"]["Arn"],
        Handler="index.handler",
        Code={"ZipFile": EMPTY_ZIP},
        Architectures=["arm64"],
    )


EMPTY_ZIP = b"PK\x05\x06" + bytes(18)
