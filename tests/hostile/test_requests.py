"""Law 9: whatever a command sends is valid by the service's own model, and within AWS's limits.

`tests/permissions` asks the same of every command that has a policy, where they run under it.
"""

from __future__ import annotations

import pytest

from hostile.names import UNDISTURBED
from hostile.requests import violations
from hostile.wire import Request
from hostile.world import World

pytestmark = pytest.mark.engine


def test_every_request_of_a_selftest_that_is_not_confirmed_is_valid(world: World) -> None:
    behaviour = world.proxy.behave()
    assert world.clients.run("selftest", "--env", UNDISTURBED, "--aws").code == 6
    requests = [entry.request for entry in behaviour.recorded]
    assert len(names := {str(request) for request in requests}) > 5
    assert "sts:GetCallerIdentity" in names
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
