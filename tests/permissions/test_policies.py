"""What the policies look like that `iam-policy` prints, and whom they are for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from cryptoctl.ops.permissions import Purpose, policy_documents
from cryptoctl.provisioners.function import Code
from cryptoctl.reconcile.scope import Scope
from cryptoctl.settings import EnvironmentSettings
from cryptoctl.stack import APPLICATION, Stack
from live import WITH_A_SENDER
from permissions.authorization import WITHOUT_RESOURCE, actions_of
from permissions.commands import commands_of
from permissions.stage import ACCOUNT, LIFE

PERMISSIONS = Path(__file__).parents[2] / "docs" / "permissions.md"
TAGS = {"ManagedBy": "cryptoctl", "Environment": LIFE}
OURS = {"StringEquals": {f"aws:ResourceTag/{key}": value for key, value in TAGS.items()}}
NEW = {"StringEquals": {f"aws:RequestTag/{key}": value for key, value in TAGS.items()}}
# A key that is made: tagged as ours in the request, and neither tagged so nor named before.
MADE = {**NEW, "Null": {f"aws:ResourceTag/{key}": "true" for key in TAGS} | {"kms:ResourceAliases": "true"}}
BY_LAMBDA = {"StringEquals": {**OURS["StringEquals"], "kms:ViaService": "lambda.us-east-1.amazonaws.com"}}
OF_IT = {
    "ArnEquals": {"lambda:FunctionArn": f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:price-enricher-{LIFE}"}
}
BY_SSM = {"StringEquals": {**OURS["StringEquals"], "kms:ViaService": "ssm.us-east-1.amazonaws.com"}}
# What takes no resource can still be bound.
BOUND = {"kms:CreateKey": NEW, "lambda:CreateEventSourceMapping": OF_IT}
# An id that AWS assigns, under an exact parent, or bound to our tags or our function.
ASSIGNED = {
    ":key/*": (OURS, MADE, BY_LAMBDA, BY_SSM, None),
    ":event-source-mapping:*": (OURS, NEW, OF_IT),
    f":table/crypto-prices-{LIFE}/stream/*": (None,),
    # One that the configuration no longer names is removed too.
    f":parameter/cryptoctl/{LIFE}/webhook/*": (None,),
    f":alarm:cryptoctl-{LIFE}-*": (None,),
}


@pytest.fixture(scope="module", params=list(Purpose))
def policy(request: pytest.FixtureRequest) -> Mapping[str, Any]:
    """All parts of the policy for each purpose."""
    return policy_for(request.param)


def policy_for(purpose: Purpose) -> Mapping[str, Any]:
    """Of an environment with a sender, a subscriber and every alarm."""
    listener = f"arn:aws:sqs:us-east-1:{ACCOUNT}:webhook-processor-dlq-{LIFE}"
    config = EnvironmentSettings(webhook=WITH_A_SENDER.webhook, alert_subscribers=(listener,))
    scope = Scope(environment=LIFE, account=ACCOUNT, region="us-east-1", extra_tags=APPLICATION)
    parts = policy_documents(Stack(scope, config, Code(zip_bytes=b"", sha256="")), purpose)
    return {"Statement": [statement for part in parts for statement in part["Statement"]]}


def _grants(policy: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    for statement in policy["Statement"]:
        resources = statement["Resource"]
        for action in statement["Action"]:
            for resource in [resources] if isinstance(resources, str) else resources:
                # An action counts on its own service's resources alone.
                if resource == "*" or resource.split(":")[2] == action.partition(":")[0]:
                    yield action, resource, statement.get("Condition")


def test_a_star_stands_only_where_aws_leaves_no_choice(policy: Mapping[str, Any]) -> None:
    for action, resource, condition in _grants(policy):
        assert "*" not in action
        if resource == "*":
            assert action in WITHOUT_RESOURCE
            assert condition == BOUND.get(action)
        elif "*" in resource:
            exact = re.fullmatch(rf".*:log-group:/aws/lambda/[a-z]+-[a-z]+-{LIFE}:\*", resource)
            assigned = [conditions for end, conditions in ASSIGNED.items() if resource.endswith(end)]
            assert exact or (assigned and condition in assigned[0]), (action, resource, condition)


def test_every_resource_is_in_this_account_and_region(policy: Mapping[str, Any]) -> None:
    for _, resource, _ in _grants(policy):
        if resource != "*":
            assert resource.split(":")[3:5] in (["us-east-1", ACCOUNT], ["", ACCOUNT])


def test_of_foreign_keys_only_the_description_is_readable(policy: Mapping[str, Any]) -> None:
    free = {
        action for action, resource, condition in _grants(policy) if ":key/" in resource and condition is None
    }
    assert free == {
        f"kms:{operation}"
        for operation in ("DescribeKey", "GetKeyPolicy", "GetKeyRotationStatus", "ListResourceTags")
    }


def test_what_changes_something_is_not_for_readers() -> None:
    reads = ("Get", "List", "Describe", "Query", "Scan", "Filter", "Decrypt")
    verbs = [action.partition(":")[2] for action in actions_of(policy_for(Purpose.READ))]
    assert [verb for verb in verbs if not verb.startswith(reads)] == []


@pytest.mark.parametrize("purpose", list(Purpose))
def test_the_document_says_which_commands_a_policy_is_for(purpose: Purpose) -> None:
    text = PERMISSIONS.read_text(encoding="utf-8")
    (row,) = re.findall(rf"^\| `{purpose}` \|[^|]*\|([^|]*)\|$", text, re.MULTILINE)
    assert set(re.findall(r"`([a-z -]+)`", row)) == commands_of(purpose)
