"""`doctor` asks IAM beforehand for the rights that `up` needs; messages.txt has its other checks."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from hostile.lengths import Window
from hostile.wire import Answer, Request
from hostile.world import World
from permissions.authorization import Ask, granted

pytestmark = pytest.mark.engine

ACCOUNT = "000000000000"


class AsRole(Window):
    """A caller that is a role, with the rights that a policy gives it; IAM tells them when it is asked.

    The role has a path, as those of IAM Identity Center have, which a session's ARN does not show.
    """

    ARN = f"arn:aws:iam::{ACCOUNT}:role/aws-reserved/deployer"

    def __init__(self, policy: Mapping[str, Any]) -> None:
        self.policy = policy

    def refuse(self, request: Request) -> Answer | None:
        if request.operation == "GetRole" and request.param("RoleName") == "deployer":
            return _xml("GetRole", f"<Role><Arn>{self.ARN}</Arn></Role>")
        if request.operation != "SimulatePrincipalPolicy":
            return None
        params = request.params or {}
        assert params["PolicySourceArn"] == self.ARN
        context = {
            entry["ContextKeyName"]: entry["ContextKeyValues"][0] for entry in params["ContextEntries"]
        }
        allowed = {
            action: all(
                granted(self.policy, Ask(action=action, resource=resource, context=context))
                for resource in params["ResourceArns"]
            )
            for action in params["ActionNames"]
        }
        members = "".join(
            f"<member><EvalActionName>{action}</EvalActionName><EvalDecision>"
            f"{'allowed' if may else 'implicitDeny'}</EvalDecision></member>"
            for action, may in allowed.items()
        )
        result = f"<IsTruncated>false</IsTruncated><EvaluationResults>{members}</EvaluationResults>"
        return _xml("SimulatePrincipalPolicy", result)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if request.operation != "GetCallerIdentity":
            return answer
        root = f"arn:aws:iam::{ACCOUNT}:root".encode()
        assert root in answer.body
        session = f"arn:aws:sts::{ACCOUNT}:assumed-role/deployer/somebody".encode()
        return Answer(status=answer.status, headers=answer.headers, body=answer.body.replace(root, session))


def _xml(operation: str, result: str) -> Answer:
    body = f"<{operation}Response><{operation}Result>{result}</{operation}Result></{operation}Response>"
    return Answer(status=200, headers={"Content-Type": "text/xml"}, body=body.encode())


def test_permissions_are_asked_of_iam_and_what_is_lacking_is_named(
    world: World, environment: Callable[[], str]
) -> None:
    name = environment()
    world.proxy.behave()
    policy = world.clients.run("iam-policy", "--for", "deploy", "--env", name, "--aws").document()
    assert permissions(world, name, policy)["result"] == "good"
    lacking = {
        "Statement": [
            {**statement, "Action": [action for action in statement["Action"] if action != "iam:PassRole"]}
            for statement in policy["Statement"]
        ]
    }
    check = permissions(world, name, lacking)
    assert (check["result"], check["detail"]) == ("bad", "denied: iam:PassRole")
    assert "cryptoctl iam-policy --for deploy" in check["advice"]


def permissions(world: World, name: str, policy: Mapping[str, Any]) -> dict[str, str]:
    world.proxy.behave(more=[AsRole(policy)])
    result = world.clients.run("doctor", "--env", name, "--aws", "--output", "json")
    checks: list[dict[str, str]] = json.loads(result.out)["checks"]
    [check] = [check for check in checks if check["what"] == "permissions"]
    return check
