"""The hostile proxy itself: a well-behaved one changes nothing, and its record is true."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from hostile.proxy import HostileProxy
from hostile.world import World

NOWHERE = "http://127.0.0.1:9"
SIGNED = {"authorization": "AWS4-HMAC-SHA256 Credential=KEY/20261126/us-east-1/lambda/aws4_request, …"}
MAPPING = {"FunctionName": "enricher", "EventSourceArn": "arn:aws:dynamodb:us-east-1:1:table/prices/stream/1"}


def test_up_and_down_through_the_proxy(world: World, environment: Callable[[], str]) -> None:
    name = environment()
    behaviour = world.proxy.behave()
    world.up(name)
    assert world.plan_is_empty(name)
    requests = {str(entry.request) for entry in behaviour.recorded}
    assert requests >= {"kms:CreateKey", "iam:PutRolePolicy", "sts:GetCallerIdentity"}
    assert world.account.inventory(name)
    world.down(name)
    assert world.account.inventory(name) == {}


@pytest.mark.process
def test_a_mapping_is_nobodys_where_the_engine_did_not_answer() -> None:
    request = ("POST", "/2015-03-31/event-source-mappings", SIGNED, json.dumps(MAPPING).encode())
    with HostileProxy(NOWHERE) as proxy:
        proxy.behave()
        for _ in range(2):
            with pytest.raises(ConnectionRefusedError):
                proxy.answer(*request)
