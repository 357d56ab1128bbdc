"""What AWS answers about the stack's resources, as `up` leaves them but for what is given."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from cryptoctl.reconcile.observe import make_plan
from cryptoctl.reconcile.observed import Observed
from cryptoctl.reconcile.plan import Goal, Plan
from cryptoctl.reconcile.provisioner import Provisioner
from unit.answers import SCOPE, STACK, Answers

TAGS = [{"Key": key, "Value": value} for key, value in SCOPE.tags.items()]


LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


def plan(resource: Provisioner, answers: dict[str, Any], goal: Goal = Goal.PRESENT) -> Plan:
    return make_plan([resource], Answers(answers), goal)  # type: ignore[arg-type]


def function(
    *,
    configuration: dict[str, Any] | None = None,
    statements: list[dict[str, Any]] | None = None,
    **more: Any,
) -> dict[str, Any]:
    """The answers for the webhook processor, as `up` leaves it but for what is given."""
    desired = STACK.webhook.desired()
    own_configuration = {
        "LastModified": LONG_AGO.isoformat(),
        "KMSKeyArn": desired["KMSKeyArn"],
        "Environment": {"Variables": desired["Environment"]},
        **(configuration or {}),
    }
    function = {"Configuration": own_configuration, "Tags": SCOPE.tags, **more}
    policy = {"Policy": json.dumps({"Statement": statements or []})}
    quota = {"AccountLimit": {"UnreservedConcurrentExecutions": 1000, "ConcurrentExecutions": 1000}}
    return {
        "GetFunction": function,
        "GetPolicy": policy,
        "GetRole": role()["GetRole"],
        "GetAccountSettings": quota,
    }


def role(policies: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """The answers for the webhook processor's role."""
    trust = STACK.webhook_role.desired()["AssumeRolePolicyDocument"]
    own_role = {
        "RoleName": STACK.webhook_role.name,
        "Path": "/",
        "RoleId": "AROA",
        "CreateDate": LONG_AGO,
        "AssumeRolePolicyDocument": json.dumps(trust),
        "Tags": TAGS,
        **more,
    }
    [name] = policies or {"": None}
    return {
        "GetRole": {"Role": own_role},
        "ListRolePolicies": {"PolicyNames": [name] if name else []},
        "ListAttachedRolePolicies": {"AttachedPolicies": []},
        "GetRolePolicy": {"PolicyDocument": json.dumps((policies or {}).get(name))},
    }


def allowing(arn: str) -> dict[str, Any]:
    return {"Statement": [{"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": arn}]}


def mapping(uuid: str, **more: Any) -> dict[str, Any]:
    stream = f"{STACK.prices.arn}/stream/2026"
    return {
        "UUID": uuid,
        "State": "Enabled",
        "EventSourceArn": stream,
        "FunctionArn": STACK.enricher.arn,
        **more,
    }


def observed_mapping(*mappings: dict[str, Any]) -> Observed:
    answers = {"ListEventSourceMappings": {"EventSourceMappings": mappings}, "ListTags": {"Tags": SCOPE.tags}}
    observed = STACK.prices_to_enricher.observe(Answers(answers))  # type: ignore[arg-type]
    assert observed is not None
    return observed


def group(**more: Any) -> dict[str, Any]:
    group = {"logGroupName": STACK.webhook_logs.name, "retentionInDays": 3, **more}
    return {"DescribeLogGroups": {"logGroups": [group]}, "ListTagsForResource": {"tags": SCOPE.tags}}


def key(origin: str, **more: Any) -> dict[str, Any]:
    metadata = {
        "KeyId": "1",
        "Arn": SCOPE.arn("kms", "key/1"),
        "KeyState": "Enabled",
        "Origin": origin,
        "CreationDate": LONG_AGO,
        **more,
    }
    return {
        "DescribeKey": {"KeyMetadata": metadata},
        "GetKeyPolicy": {"Policy": json.dumps(STACK.key.desired()["Policy"])},
        "GetKeyRotationStatus": "UnsupportedOperationException",
        "ListResourceTags": {
            "Tags": [{"TagKey": name, "TagValue": value} for name, value in SCOPE.tags.items()]
        },
    }
