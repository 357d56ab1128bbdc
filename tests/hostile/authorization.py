"""What IAM asks of a request, and whether a policy grants it.

The engine does not enforce IAM as AWS does, so the recorded requests are weighed here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from hostile.wire import Request

ACTIONS = {
    "lambda:Invoke": "lambda:InvokeFunction",
    "sqs:DeleteMessageBatch": "sqs:DeleteMessage",
    "sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
    "sqs:SendMessageBatch": "sqs:SendMessage",
}
PREFIXES = {"resourcegroupstaggingapi": "tag", "dynamodbstreams": "dynamodb"}
# IAM asks for no right here.
FREE = {"sts:GetCallerIdentity"}
WITHOUT_RESOURCE = {
    "cloudwatch:GetMetricStatistics",
    "iam:ListRoles",
    "kms:ListKeys",
    "kms:CreateKey",
    "lambda:GetAccountSettings",
    "lambda:ListEventSourceMappings",
    "logs:DescribeLogGroups",
    "tag:GetResources",
}
TAGGED_AS_MADE = {
    "kms:CreateKey": "kms:TagResource",
    "iam:CreateRole": "iam:TagRole",
    "dynamodb:CreateTable": "dynamodb:TagResource",
    "sqs:CreateQueue": "sqs:TagQueue",
    "sns:CreateTopic": "sns:TagResource",
    "logs:CreateLogGroup": "logs:TagResource",
    "lambda:CreateFunction": "lambda:TagResource",
    "lambda:CreateEventSourceMapping": "lambda:TagResource",
}


@dataclass(frozen=True, kw_only=True)
class Ask:
    """One action on one resource, with the context that conditions look at."""

    action: str
    resource: str
    context: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Place:
    """What ARNs are made of, and the tags and the function that the environment's things have."""

    account: str
    region: str
    environment: str

    @property
    def tags(self) -> dict[str, str]:
        return {"ManagedBy": "cryptoctl", "Environment": self.environment}

    def arn(self, service: str, resource: str) -> str:
        region = "" if service == "iam" else self.region
        return f"arn:aws:{service}:{region}:{self.account}:{resource}"


def asks(request: Request, place: Place) -> list[Ask]:
    """All that IAM decides on for a request: its own action, and those that it implies."""
    if str(request) in FREE:
        return []
    prefix = PREFIXES.get(request.service, request.service)
    action = ACTIONS.get(str(request), f"{prefix}:{request.operation}")
    context = _context(request, action, place)
    resources = ["*"] if action in WITHOUT_RESOURCE else list(_resources(request, place))
    found = [Ask(action=action, resource=resource, context=context) for resource in resources]
    tagging = TAGGED_AS_MADE.get(action)
    if tagging:
        made = {
            "kms:TagResource": place.arn("kms", "key/new"),
            "lambda:TagResource": found[0].resource,
        }
        if action == "lambda:CreateEventSourceMapping":
            made["lambda:TagResource"] = place.arn("lambda", "event-source-mapping:new")
        found.append(Ask(action=tagging, resource=made.get(tagging, found[0].resource), context=context))
    return [*found, *_implied(request, action, place)]


def _implied(request: Request, action: str, place: Place) -> Iterator[Ask]:
    if request.param("Role") and request.service == "lambda":
        context = {"iam:PassedToService": "lambda.amazonaws.com"}
        yield Ask(action="iam:PassRole", resource=request.param("Role"), context=context)
    tags = {f"aws:ResourceTag/{key}": value for key, value in place.tags.items()}
    if request.param("KMSKeyArn"):
        for each in ("kms:CreateGrant", "kms:Encrypt"):
            yield Ask(action=each, resource=request.param("KMSKeyArn"), context=tags)
    if action == "lambda:GetFunction":
        yield Ask(action="kms:Decrypt", resource=place.arn("kms", "key/some"), context=tags)


def _context(request: Request, action: str, place: Place) -> dict[str, str]:
    params = request.params or {}
    if request.service == "kms" and request.operation == "CreateKey":
        return {f"aws:RequestTag/{each['TagKey']}": each["TagValue"] for each in params["Tags"]}
    if request.service == "kms":
        return {f"aws:ResourceTag/{key}": value for key, value in place.tags.items()}
    if "EventSourceMapping" in action:
        function = place.arn("lambda", f"function:price-enricher-{place.environment}")
        return {"lambda:FunctionArn": function}
    return {}


def _resources(request: Request, place: Place) -> Iterator[str]:
    params = {"sqs": _queue, "sns": _topic, "logs": _group, "iam": _role, "kms": _key, "lambda": _function}
    yield from params.get(request.service, _table)(request, place)


def _queue(request: Request, place: Place) -> Iterator[str]:
    yield place.arn("sqs", request.param("QueueName") or request.param("QueueUrl").rpartition("/")[2])


def _topic(request: Request, place: Place) -> Iterator[str]:
    yield request.param("TopicArn", "ResourceArn") or place.arn("sns", request.param("Name"))


def _group(request: Request, place: Place) -> Iterator[str]:
    arn = request.param("resourceArn") or place.arn("logs", f"log-group:{request.param('logGroupName')}")
    yield arn
    yield f"{arn}:*"


def _role(request: Request, place: Place) -> Iterator[str]:
    yield place.arn("iam", f"role/{request.param('RoleName')}")


def _key(request: Request, place: Place) -> Iterator[str]:
    if request.param("AliasName"):
        yield place.arn("kms", request.param("AliasName"))
    yield place.arn("kms", f"key/{request.param('TargetKeyId', 'KeyId').rpartition('/')[2]}")


def _function(request: Request, place: Place) -> Iterator[str]:
    if request.param("Resource"):
        yield request.param("Resource")
    elif "EventSourceMapping" in request.operation and request.operation != "ListEventSourceMappings":
        yield place.arn("lambda", f"event-source-mapping:{request.param('UUID') or 'new'}")
    else:
        yield place.arn("lambda", f"function:{request.param('FunctionName').rpartition(':')[2]}")


def _table(request: Request, place: Place) -> Iterator[str]:
    names = [request.param("TableName"), *(request.params or {}).get("RequestItems", ())]
    for name in names:
        if name:
            yield place.arn("dynamodb", f"table/{name}")
    if request.param("ResourceArn", "StreamArn"):
        yield request.param("ResourceArn", "StreamArn")


def granted(policy: Mapping[str, Any], ask: Ask, without: str = "") -> bool:
    """Whether a policy of allowing statements grants it; `without` takes one action away."""
    return any(
        ask.action != without
        and ask.action in statement["Action"]
        and any(_like(pattern, ask.resource) for pattern in _several(statement["Resource"]))
        and _holds(statement.get("Condition", {}), ask.context)
        for statement in policy["Statement"]
    )


def _holds(condition: Mapping[str, Mapping[str, str]], context: Mapping[str, str]) -> bool:
    return all(
        operator in ("StringEquals", "ArnEquals") and context.get(key) == value
        for operator, tests in condition.items()
        for key, value in tests.items()
    )


def _like(pattern: str, text: str) -> bool:
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), text) is not None


def _several(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)
