"""`doctor` finds beforehand what would stop `up`, and changes nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from hostile.lengths import Window
from hostile.wire import Answer, Request, refusal
from hostile.world import World
from permissions.authorization import Ask, granted

pytestmark = pytest.mark.engine

ACCOUNT = "000000000000"


class SmallQuota(Window):
    """An account with ten concurrent executions, as new ones have."""

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if request.operation != "GetAccountSettings":
            return answer
        document = answer.document()
        document["AccountLimit"] |= {"ConcurrentExecutions": 10, "UnreservedConcurrentExecutions": 10}
        return answer.with_document(document)


class WrongTime(Window):
    """Answers that are an hour old, as a machine with a wrong clock sees them."""

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        others = {name: value for name, value in answer.headers.items() if name.lower() != "date"}
        headers = {**others, "Date": "Mon, 02 Jan 2023 03:04:05 GMT"}
        return Answer(status=answer.status, headers=headers, body=answer.body)


class AsRole(Window):
    """A caller that is a role, with the rights that a policy gives it; IAM tells them when it is asked.

    The role has a path, as those of IAM Identity Center have, which a session's ARN does not show.
    """

    ARN = f"arn:aws:iam::{ACCOUNT}:role/aws-reserved/deployer"

    def __init__(self, policy: Mapping[str, Any] | None) -> None:
        self.policy = policy

    def refuse(self, request: Request) -> Answer | None:
        if request.operation == "GetRole" and request.param("RoleName") == "deployer":
            return _xml("GetRole", f"<Role><Arn>{self.ARN}</Arn></Role>")
        if request.operation != "SimulatePrincipalPolicy":
            return None
        if self.policy is None:
            return refusal(request, "AccessDenied", "not authorized to perform: iam:SimulatePrincipalPolicy")
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


def results(world: World, name: str) -> tuple[int, dict[str, dict[str, str]]]:
    result = world.clients.run("doctor", "--env", name, "--aws", "--output", "json")
    return result.code, {check["what"]: check for check in json.loads(result.out)["checks"]}


def test_all_is_well_in_an_empty_account(world: World, environment: Callable[[], str]) -> None:
    behaviour = world.proxy.behave()
    code, checks = results(world, environment())
    assert code == 0
    assert {check["result"] for check in checks.values()} == {"good"}
    assert [entry.request for entry in behaviour.recorded if entry.request.writes] == []


def test_names_that_are_taken_are_found(world: World, environment: Callable[[], str]) -> None:
    name = environment()
    url = world.account["sqs"].create_queue(QueueName=f"price-enricher-dlq-{name}")["QueueUrl"]
    world.proxy.behave()
    code, checks = results(world, name)
    world.account["sqs"].delete_queue(QueueUrl=url)
    assert (code, checks["names"]["result"]) == (1, "bad")
    assert f"queue price-enricher-dlq-{name}" in checks["names"]["detail"]
    assert "--adopt" in checks["names"]["advice"]


def test_a_small_quota_stops_doctor_and_up_before_anything_is_made(
    world: World, environment: Callable[[], str]
) -> None:
    name = environment()
    behaviour = world.proxy.behave()
    behaviour.windows += (SmallQuota(),)
    code, checks = results(world, name)
    assert (code, checks["quotas"]["result"]) == (1, "bad")
    result = world.clients.run("up", "--env", name, "--yes", "--aws")
    assert result.code == 6
    assert 'Set `reserved_concurrency = "none"`' in result.err
    assert [entry.request for entry in behaviour.recorded if entry.request.writes] == []


def test_a_wrong_clock_is_found(world: World, environment: Callable[[], str]) -> None:
    behaviour = world.proxy.behave()
    behaviour.windows += (WrongTime(),)
    code, checks = results(world, environment())
    assert (code, checks["clock"]["result"]) == (1, "bad")


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
    check = permissions(world, name, None)
    assert (check["result"], check["detail"]) == (
        "unknown",
        "IAM could not be asked (iam:SimulatePrincipalPolicy answered AccessDenied)",
    )


def permissions(world: World, name: str, policy: Mapping[str, Any] | None) -> dict[str, str]:
    behaviour = world.proxy.behave()
    behaviour.windows += (AsRole(policy),)
    return results(world, name)[1]["permissions"]
