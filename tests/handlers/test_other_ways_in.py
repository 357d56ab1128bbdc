"""Events of what somebody may put in front of the function, beside its URL."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cryptoctl.handlers import webhook_processor
from handlers.events import ARRIVED_MS, GOOD
from handlers.fake_aws import FakeAws

BY_OTHER_WAYS: dict[str, dict[str, Any]] = {
    "REST API": {
        "resource": "/{proxy+}",
        "path": "/header",
        "httpMethod": "POST",
        "headers": {"Content-Type": "application/json"},
        "multiValueHeaders": {"Content-Type": ["application/json"]},
        "requestContext": {"httpMethod": "POST", "identity": {"sourceIp": "203.0.113.9"}, "stage": "prod"},
    },
    "HTTP API, payload format 1.0": {
        "version": "1.0",
        "path": "/header",
        "httpMethod": "POST",
        "headers": {},
        "requestContext": {"httpMethod": "POST", "requestTimeEpoch": ARRIVED_MS},
    },
    "load balancer": {
        "requestContext": {"elb": {"targetGroupArn": "arn:aws:elasticloadbalancing:x"}},
        "httpMethod": "POST",
        "path": "/header",
        "multiValueHeaders": {"content-type": ["application/json"]},
    },
    "WebSocket API": {
        "requestContext": {"routeKey": "$default", "eventType": "MESSAGE", "connectionId": "JKJaXmPLvHcESHA="}
    },
    "VPC Lattice": {"raw_path": "/header", "method": "POST", "headers": {}, "is_base64_encoded": False},
}


@pytest.mark.parametrize("way", BY_OTHER_WAYS)
def test_what_comes_over_http_by_another_way_is_not_taken_for_an_invocation(aws: FakeAws, way: str) -> None:
    """Nobody has checked it there: its price is as much a stranger's as at the URL."""
    for body in (json.dumps(GOOD), json.dumps([GOOD])):
        event = {**BY_OTHER_WAYS[way], "body": body, "isBase64Encoded": False}
        refused = webhook_processor.handler(event, None)
        assert refused["statusCode"] == 404
    assert not aws.items and not aws.queue
