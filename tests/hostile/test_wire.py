"""A request off the wire, whichever of a service's protocols an SDK has chosen."""

from __future__ import annotations

import json

import pytest

from hostile.wire import read

SIGNED = {"authorization": "AWS4-HMAC-SHA256 Credential=KEY/20261126/us-east-1/monitoring/aws4_request, …"}
TARGET = {"x-amz-target": "GraniteServiceVersion20100801.DescribeAlarms"}


@pytest.mark.parametrize(
    ("more", "body"),
    [
        (TARGET, json.dumps({"AlarmNamePrefix": "cryptoctl-dev-"})),
        ({}, "Action=DescribeAlarms&Version=2010-08-01&AlarmNamePrefix=cryptoctl-dev-"),
    ],
    ids=["json", "query"],
)
def test_a_service_of_two_protocols_is_read_in_both(more: dict[str, str], body: str) -> None:
    request = read("POST", "/", {**SIGNED, **more}, body.encode())
    assert str(request) == "cloudwatch:DescribeAlarms"
    assert request.param("AlarmNamePrefix") == "cryptoctl-dev-"
