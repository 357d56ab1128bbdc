"""Law 9: whatever a command sends is valid by the service's own model, and within AWS's limits.

`tests/permissions` asks the same of every command that has a policy, where they run under it, with one alarm.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from cryptoctl.alarm_settings import AlarmSettings
from cryptoctl.provisioners.function import Code
from cryptoctl.reconcile.plan import Goal
from cryptoctl.reconcile.planner import build_plan
from cryptoctl.reconcile.scope import Scope
from cryptoctl.reconcile.values import serialize
from cryptoctl.stack import Stack
from hostile.names import UNDISTURBED
from hostile.requests import violations
from hostile.wire import Request
from hostile.world import World
from live import WITH_A_SENDER

pytestmark = pytest.mark.engine


def test_every_request_of_a_selftest_that_is_not_confirmed_is_valid(world: World) -> None:
    behaviour = world.proxy.behave()
    assert world.clients.run("selftest", "--env", UNDISTURBED, "--aws").code == 6
    requests = [entry.request for entry in behaviour.recorded]
    assert len(names := {str(request) for request in requests}) > 5
    assert "sts:GetCallerIdentity" in names
    assert violations(requests) == []


def test_every_request_that_makes_an_alarm_is_valid() -> None:
    scope = Scope(environment="e", account="0" * 12, region="us-east-1")
    stack = Stack(scope, replace(WITH_A_SENDER, alarms=AlarmSettings()), Code(zip_bytes=b"", sha256=""))
    plan = build_plan(stack.alarms, dict.fromkeys(stack.alarms), Goal.PRESENT)
    params = [serialize(call.params) for step in plan.work for call in step.calls]
    assert {alarm["MetricName"] for alarm in params} == {
        *("ApproximateNumberOfMessagesVisible", "IteratorAge", "Errors", "Throttles", "Unauthorized")
    }
    requests = [
        Request(service="cloudwatch", operation="PutMetricAlarm", params=alarm, access_key="")
        for alarm in params
    ]
    assert violations(requests) == []


@pytest.mark.parametrize(
    ("service", "operation", "params", "problem"),
    [
        ("lambda", "CreateFunction", {"MemorySize": 100}, "MemorySize is 100"),
        ("lambda", "CreateFunction", {"Runtime": "python3.99"}, "is none of"),
        ("lambda", "CreateFunction", {"FunctionName": "a b"}, "does not match"),
        ("lambda", "GetFunction", {}, "FunctionName is missing"),
        ("sqs", "CreateQueue", {"QueueName": "q", "Colour": "red"}, "Colour is unknown"),
        ("logs", "PutRetentionPolicy", {"logGroupName": "g", "retentionInDays": 4}, "retention times"),
        ("iam", "CreateRole", {"RoleName": "r" * 65}, "has a length of 65"),
        ("lambda", "CreateFunction", {"Environment": {"Variables": {"A": "x" * 5000}}}, "more than 4 KB"),
        (
            "iam",
            "PutRolePolicy",
            {"RoleName": "r", "PolicyName": "p", "PolicyDocument": '"' + "x" * 11_000 + '"'},
            "11002 characters",
        ),
    ],
)
def test_what_aws_would_refuse_is_named(
    service: str, operation: str, params: dict[str, object], problem: str
) -> None:
    request = Request(service=service, operation=operation, params=params, access_key="")
    assert any(problem in violation for violation in violations([request]))
