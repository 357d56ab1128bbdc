"""What is in the way of `up`: things still going, ruins, names that are taken, and other people's stacks."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hostile.lengths import Windows
from hostile.matrix import Baseline, wrong_with
from hostile.proxy import Accident, Trap
from hostile.resting import Shown, TableWindow
from hostile.world import World

pytestmark = pytest.mark.engine


def test_a_table_that_a_killed_up_has_left_is_ours_although_its_tags_are_shown_late(
    world: World, environment: Callable[[], str]
) -> None:
    name = environment()
    options = ("--only", f"crypto-prices-{name}")
    trap = Trap(matches=lambda request: request.operation == "CreateTable", accident=Accident.KILLED_AFTER)
    late = TableWindow(Windows(table_tags=6))
    world.proxy.behave(more=[late], trap=trap)
    arguments = ("up", "--env", name, "--yes", "--aws", *options)
    assert world.clients.start(*arguments, on_start=lambda pid: setattr(trap, "victim", pid)).wait().code
    world.proxy.behave(more=[late])
    assert "waits for AWS to show its tags" in world.up(name, *options).err
    live = world.live(name)
    assert live.plan(resources=[live.stack.prices]).nothing_to_do


def test_an_up_right_after_a_down_waits_for_names_and_for_what_is_still_going(
    world: World, base: Baseline, deployed: str
) -> None:
    url = world.account["sqs"].get_queue_url(QueueName=f"webhook-processor-dlq-{deployed}")["QueueUrl"]
    table = f"crypto-prices-{deployed}"
    world.proxy.behave(Windows(queue_name=8, table_gone=6))
    # As a person may: by hand, and `up` right afterwards.
    world.stranger["sqs"].delete_queue(QueueUrl=url)
    world.stranger["dynamodb"].delete_table(TableName=table)
    err = world.up(deployed).err
    assert "waits for the queue's name, which AWS blocks for 60 s after a deletion (" in err
    assert "waits for the table to be gone" in err
    assert "✓ stream mapping" in err
    assert wrong_with(world, base, deployed) == []


def test_a_down_while_the_table_is_going_waits_until_it_is_gone(
    world: World, environment: Callable[[], str]
) -> None:
    name = environment()
    live = world.live(name)
    assert live.up([live.stack.prices]).done
    behaviour = world.proxy.behave(Windows(table_gone=8))
    world.stranger["dynamodb"].delete_table(TableName=f"crypto-prices-{name}")
    assert "waits for the table to be gone" in world.down(name).err
    assert [entry.status for entry in behaviour.recorded if str(entry.request) == "dynamodb:DeleteTable"] == [
        200
    ]
    assert world.account.inventory(name) == {}


def test_a_key_pending_deletion_is_taken_back_with_what_lies_under_it_readable(
    world: World, environment: Callable[[], str]
) -> None:
    name, kms = environment(), world.account["kms"]
    live = world.live(name)
    assert live.up([live.stack.key]).done
    blob = kms.encrypt(KeyId=f"alias/lambda-env-{name}", Plaintext=b"old")["CiphertextBlob"]
    assert live.down().done
    assert world.account.leaving_keys(name) == 1
    assert live.up([live.stack.key]).done
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"old"
    assert world.account.leaving_keys(name) == 0
    assert live.plan(resources=[live.stack.key]).nothing_to_do


def test_a_change_that_failed_is_made_again(world: World, base: Baseline, deployed: str) -> None:
    behaviour = world.proxy.behave()
    state = {"LastUpdateStatus": "Failed", "LastUpdateStatusReason": "The key was disabled."}
    behaviour.windows += (Shown(f"webhook-processor-{deployed}", state, ("UpdateFunctionConfiguration",)),)
    world.up(deployed)
    assert [str(entry.request) for entry in behaviour.recorded if entry.request.writes] == [
        "lambda:UpdateFunctionConfiguration"
    ]
    assert wrong_with(world, base, deployed) == []


def test_a_log_group_that_came_back_without_tags_is_ours(
    world: World, environment: Callable[[], str]
) -> None:
    name = environment()
    world.account["logs"].create_log_group(logGroupName=f"/aws/lambda/price-enricher-{name}")
    assert world.live(name).down().done
    assert world.account.inventory(name) == {}
