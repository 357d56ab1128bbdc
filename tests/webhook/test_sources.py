"""IPv6: the address answers clients of both kinds on AWS, and the embedded engine listens on IPv4 only."""

from __future__ import annotations

import json
from typing import Any

import pytest

from handlers.senders import event
from webhook.conftest import Door

pytestmark = pytest.mark.engine

BODY = json.dumps({"symbol": "SIX", "price": 1, "exchange": "x", "timestamp": 1_767_323_045_000}).encode()


def answered(door: Door, source: str) -> int:
    """The status of a request from there, as the address gives it to the deployed function."""
    request = event(f"/six/{door.secret('six')}", BODY, source=source)
    reply: Any = door.live.aws.call(
        "lambda", "Invoke", FunctionName=door.live.stack.webhook.name, Payload=json.dumps(request).encode()
    )
    status: int = json.loads(reply["Payload"].read())["statusCode"]
    return status


def test_a_sender_s_sources_may_be_networks_of_both_kinds(door: Door) -> None:
    inside = ("2001:db8::1", "2001:0DB8:0:0:0:0:0:ff", "203.0.113.9", "::ffff:203.0.113.9")
    outside = ("2001:db9::1", "203.0.114.9", "::ffff:203.0.114.9", "::1", "")
    assert {source: answered(door, source) for source in outside} == dict.fromkeys(outside, 401)
    assert not door.stored("SIX")
    assert {source: answered(door, source) for source in inside} == dict.fromkeys(inside, 200)
    assert len(door.stored("SIX")) == 1
