"""The hostile proxy itself: a well-behaved one changes nothing, and its record is true."""

from __future__ import annotations

import json

import pytest

from hostile.matrix import Baseline
from hostile.proxy import HostileProxy

NOWHERE = "http://127.0.0.1:9"
SIGNED = {"authorization": "AWS4-HMAC-SHA256 Credential=KEY/20261126/us-east-1/lambda/aws4_request, …"}
MAPPING = {"FunctionName": "enricher", "EventSourceArn": "arn:aws:dynamodb:us-east-1:1:table/prices/stream/1"}


def test_up_and_down_through_the_proxy(base: Baseline) -> None:
    sent = {call.label.split()[0] for call in base.write_calls["up"]}
    assert sent >= {"kms:CreateKey", "iam:PutRolePolicy"}
    assert base.inventory


@pytest.mark.process
def test_a_mapping_is_nobodys_where_the_engine_did_not_answer() -> None:
    request = ("POST", "/2015-03-31/event-source-mappings", SIGNED, json.dumps(MAPPING).encode())
    with HostileProxy(NOWHERE) as proxy:
        proxy.behave()
        for _ in range(2):
            with pytest.raises(ConnectionRefusedError):
                proxy.answer(*request)
