"""What IAM asks of a request, and whether a policy grants it.

The embedded engine does not enforce IAM as AWS does (`docs/permissions.md` says where), so requests are
weighed here.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import wraps
from typing import Any, TypeVar

from botocore.exceptions import ClientError

from hostile.inventory import Account
from hostile.wire import Request

Policy = Mapping[str, Any]
T = TypeVar("T")

ACTIONS = {
    "dynamodb:BatchExecuteStatement": "dynamodb:PartiQLUpdate",
    "lambda:Invoke": "lambda:InvokeFunction",
    "sns:PublishBatch": "sns:Publish",
    "sqs:DeleteMessageBatch": "sqs:DeleteMessage",
    "sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
    "sqs:SendMessageBatch": "sqs:SendMessage",
}
PREFIXES = {"resourcegroupstaggingapi": "tag", "dynamodbstreams": "dynamodb"}
# IAM asks for no right here.
FREE = {"sts:GetCallerIdentity"}
WITHOUT_RESOURCE = {
    "cloudwatch:DescribeAlarms",
    "cloudwatch:GetMetricData",
    "iam:ListRoles",
    "kms:ListKeys",
    "kms:CreateKey",
    "lambda:CreateEventSourceMapping",
    "lambda:GetAccountSettings",
    "lambda:ListEventSourceMappings",
    "logs:DescribeLogGroups",
    "sns:GetSubscriptionAttributes",
    "ssm:DescribeParameters",
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
    "ssm:PutParameter": "ssm:AddTagsToResource",
    "cloudwatch:PutMetricAlarm": "cloudwatch:TagResource",
    "cloudwatch:PutDashboard": "cloudwatch:TagResource",
}


@dataclass(frozen=True, kw_only=True)
class Ask:
    """One action on one resource, with the context that conditions look at."""

    action: str
    resource: str
    context: Mapping[str, str] = field(default_factory=dict)
    """What conditions look at; of a key with several values, the first."""

    def __str__(self) -> str:
        return f"{self.action} on {self.resource}"


def _kept(look: Callable[[Place, str], T]) -> Callable[[Place, str], T]:
    """Asks the engine once for a name, where the place keeps its answers."""

    @wraps(look)
    def ask(place: Place, name: str) -> T:
        if place.answers is None:
            return look(place, name)
        key = look.__name__, name
        if key not in place.answers:
            place.answers[key] = look(place, name)
        answer: T = place.answers[key]
        return answer

    return ask


@dataclass(frozen=True, kw_only=True)
class Place:
    """What ARNs are made of; and the engine, which is asked what conditions look at."""

    account: str
    region: str
    engine: Account
    answers: dict[tuple[str, str], Any] | None = None
    """What it has said, for as long as nobody changes that; None: it is asked each time."""

    def keeping_answers(self) -> Place:
        """The same, for while no key, role, function, mapping or parameter is changed."""
        return self if self.answers is not None else replace(self, answers={})

    def arn(self, service: str, resource: str) -> str:
        """The ARN of a resource here."""
        region = "" if service == "iam" else self.region
        return f"arn:aws:{service}:{region}:{self.account}:{resource}"

    @_kept
    def tags_of_key(self, key: str) -> dict[str, str] | None:
        """What a condition on `aws:ResourceTag` sees; None where there is no such key."""
        if not key:
            return None
        try:
            key_id = self.engine["kms"].describe_key(KeyId=key)["KeyMetadata"]["KeyId"]
            tags = self.engine["kms"].list_resource_tags(KeyId=key_id)["Tags"]
            aliases = self.engine["kms"].list_aliases(KeyId=key_id)["Aliases"]
        except ClientError:
            return None
        named = {"kms:ResourceAliases": aliases[0]["AliasName"]} if aliases else {}
        return {f"aws:ResourceTag/{tag['TagKey']}": tag["TagValue"] for tag in tags} | named

    @_kept
    def key_of(self, alias: str) -> str:
        """The id of the key that has an alias; empty where none has."""
        try:
            return str(self.engine["kms"].describe_key(KeyId=alias)["KeyMetadata"]["KeyId"])
        except ClientError:
            return ""

    @_kept
    def key_of_parameter(self, name: str) -> str:
        """The key that a parameter is encrypted under, as it was named when the value was written."""
        by_name = {"Key": "Name", "Option": "Equals", "Values": [name]}
        (parameter,) = self.engine["ssm"].describe_parameters(ParameterFilters=[by_name])["Parameters"]
        return str(parameter["KeyId"])

    @_kept
    def key_of_function(self, name: str) -> str:
        """The key of a function's environment variables; empty where there is none."""
        try:
            function = self.engine["lambda"].get_function(FunctionName=name)
        except ClientError:
            return ""
        return str(function["Configuration"].get("KMSKeyArn", ""))

    @_kept
    def boundary_of_role(self, name: str) -> dict[str, str]:
        """What a condition on `iam:PermissionsBoundary` sees of a role that is there."""
        try:
            role = self.engine["iam"].get_role(RoleName=name)["Role"]
        except ClientError:
            return {}
        arn = (role.get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn")
        return {"iam:PermissionsBoundary": arn} if arn else {}

    @_kept
    def tags_of_mapping(self, arn: str) -> dict[str, str]:
        """What a condition on `aws:ResourceTag` sees."""
        try:
            tags = self.engine["lambda"].list_tags(Resource=arn)["Tags"]
        except ClientError:
            return {}
        return {f"aws:ResourceTag/{key}": value for key, value in tags.items()}

    @_kept
    def function_of_mapping(self, uuid: str) -> str | None:
        """What a condition on `lambda:FunctionArn` sees; None where there is no such mapping."""
        try:
            return str(self.engine["lambda"].get_event_source_mapping(UUID=uuid)["FunctionArn"])
        except ClientError:
            return None


def asks(request: Request, place: Place) -> list[Ask]:
    """All that IAM decides on for a request: its own action, and those that it implies."""
    place = place.keeping_answers()
    if str(request) in FREE or _of_nothing(request, place):
        return []
    prefix = PREFIXES.get(request.service, request.service)
    action = ACTIONS.get(str(request), f"{prefix}:{request.operation}")
    context = _context(request, action, place)
    resources = ["*"] if action in WITHOUT_RESOURCE else list(_resources(request, place))
    assert resources, f"nothing is known of what {request} acts on"
    asks = [Ask(action=action, resource=resource, context=context) for resource in resources]
    tagging = TAGGED_AS_MADE.get(action)
    if tagging and not request.param("Overwrite"):
        tagged = {"kms:TagResource": place.arn("kms", "key/new")}
        if action == "lambda:CreateEventSourceMapping":
            tagged["lambda:TagResource"] = place.arn("lambda", "event-source-mapping:new")
        asks.append(Ask(action=tagging, resource=tagged.get(tagging, asks[0].resource), context=context))
    return [*asks, *_implied(request, action, place)]


def _implied(request: Request, action: str, place: Place) -> Iterator[Ask]:
    if request.param("Role") and request.service == "lambda":
        context = {"iam:PassedToService": "lambda.amazonaws.com"}
        yield Ask(action="iam:PassRole", resource=request.param("Role"), context=context)
    if action == "ssm:PutParameter":
        key = request.param("KeyId")
        yield Ask(action="kms:Encrypt", resource=key, context=_through("ssm", key, place))
    if action == "ssm:GetParameter":
        key = place.key_of_parameter(request.param("Name"))
        yield Ask(action="kms:Decrypt", resource=key, context=_through("ssm", key, place))
    key = request.param("KMSKeyArn")
    if key:
        for key_action in ("kms:CreateGrant", "kms:Encrypt"):
            yield Ask(action=key_action, resource=key, context=_through("lambda", key, place))
    if action == "lambda:GetFunction":
        key = place.key_of_function(request.param("FunctionName"))
        if key:
            yield Ask(action="kms:Decrypt", resource=key, context=_through("lambda", key, place))
        yield Ask(action="lambda:ListTags", resource=next(_function(request, place)))


def _through(service: str, key: str, place: Place) -> dict[str, str]:
    return {**(place.tags_of_key(key) or {}), "kms:ViaService": f"{service}.{place.region}.amazonaws.com"}


def _of_nothing(request: Request, place: Place) -> bool:
    """KMS and Lambda say that there is no such key or mapping before they decide who may ask for it.

    The conditions speak of what only a thing that is there has: its tags, its function.
    """
    if request.service == "kms" and _key_named(request):
        return place.tags_of_key(_key_named(request)) is None
    return bool(request.param("UUID")) and place.function_of_mapping(request.param("UUID")) is None


def _key_named(request: Request) -> str:
    return request.param("TargetKeyId", "KeyId") or request.param("AliasName")


def _context(request: Request, action: str, place: Place) -> dict[str, str]:
    context = _tags_asked_for(request)
    if request.service == "iam" and request.param("RoleName"):
        boundary = request.param("PermissionsBoundary")
        return context | (
            {"iam:PermissionsBoundary": boundary}
            if boundary
            else place.boundary_of_role(request.param("RoleName"))
        )
    if request.service == "kms":
        return {**context, **(place.tags_of_key(_key_named(request)) or {})}
    if "EventSourceMapping" in action:
        name, uuid = request.param("FunctionName"), request.param("UUID")
        function = place.function_of_mapping(uuid) if uuid else place.arn("lambda", f"function:{name}")
        context["lambda:FunctionArn"] = function or ""
    if ":event-source-mapping:" in request.param("Resource"):
        context |= place.tags_of_mapping(request.param("Resource"))
    return context


def _tags_asked_for(request: Request) -> dict[str, str]:
    tags = (request.params or {}).get("Tags", {})
    if isinstance(tags, list):
        tags = {tag.get("TagKey") or tag["Key"]: tag.get("TagValue") or tag["Value"] for tag in tags}
    return {f"aws:RequestTag/{key}": value for key, value in tags.items()}


def _resources(request: Request, place: Place) -> Iterator[str]:
    askers = {"sqs": _queue, "sns": _topic, "logs": _group, "iam": _role, "kms": _key, "lambda": _function}
    askers |= {"ssm": _parameter, "cloudwatch": _alarm}
    yield from askers.get(request.service, _table)(request, place)


def _queue(request: Request, place: Place) -> Iterator[str]:
    yield place.arn("sqs", request.param("QueueName") or request.param("QueueUrl").rpartition("/")[2])


def _topic(request: Request, place: Place) -> Iterator[str]:
    yield request.param("TopicArn", "ResourceArn") or place.arn("sns", request.param("Name"))


def _group(request: Request, place: Place) -> Iterator[str]:
    arn = request.param("resourceArn") or place.arn("logs", f"log-group:{request.param('logGroupName')}")
    yield arn
    yield f"{arn}:*"


def _role(request: Request, place: Place) -> Iterator[str]:
    yield request.param("PolicySourceArn") or place.arn("iam", f"role/{request.param('RoleName')}")


def _key(request: Request, place: Place) -> Iterator[str]:
    if request.param("AliasName"):
        yield place.arn("kms", request.param("AliasName"))
    key = request.param("TargetKeyId", "KeyId") or place.key_of(request.param("AliasName"))
    yield place.arn("kms", f"key/{key.rpartition('/')[2]}")


def _function(request: Request, place: Place) -> Iterator[str]:
    if request.param("Resource"):
        yield request.param("Resource")
    elif "EventSourceMapping" in request.operation and request.operation != "ListEventSourceMappings":
        yield place.arn("lambda", f"event-source-mapping:{request.param('UUID') or 'new'}")
    else:
        yield place.arn("lambda", f"function:{request.param('FunctionName').rpartition(':')[2]}")


def _parameter(request: Request, place: Place) -> Iterator[str]:
    yield place.arn("ssm", f"parameter{request.param('Name', 'ResourceId')}")


def _alarm(request: Request, place: Place) -> Iterator[str]:
    arn = request.param("ResourceARN")
    names = (
        [request.param("AlarmName")]
        if request.param("AlarmName")
        else (request.params or {}).get("AlarmNames", ())
    )
    boards = [request.param("DashboardName")] if request.param("DashboardName") else []
    boards += (request.params or {}).get("DashboardNames", ())
    if arn:
        yield arn
    yield from (place.arn("cloudwatch", f"alarm:{name}") for name in names)
    account = place.arn("cloudwatch", "x").split(":")[4]
    yield from (f"arn:aws:cloudwatch::{account}:dashboard/{name}" for name in boards)


def _table(request: Request, place: Place) -> Iterator[str]:
    params = request.params or {}
    names = [request.param("TableName"), *params.get("RequestItems", ())]
    statements = " ".join(statement["Statement"] for statement in params.get("Statements", ()))
    names += dict.fromkeys(re.findall(r'UPDATE "([^"]+)"', statements))
    yield from (place.arn("dynamodb", f"table/{name}") for name in names if name)
    if request.param("ResourceArn", "StreamArn"):
        yield request.param("ResourceArn", "StreamArn")
    if request.param("ShardIterator"):
        # AWS's iterators begin with the stream's ARN; the engine's have it inside.
        yield str(json.loads(base64.b64decode(request.param("ShardIterator")))[0])


def granted(policy: Policy, ask: Ask, without: str = "") -> bool:
    """Whether a policy of allowing statements grants it; `without` takes one action away."""
    return any(
        ask.action != without
        and ask.action in statement["Action"]
        and any(_like(pattern, ask.resource) for pattern in _several(statement["Resource"]))
        and _holds(statement.get("Condition", {}), ask.context)
        for statement in policy["Statement"]
    )


def actions_of(policy: Policy) -> list[str]:
    """Every action that the policy grants on anything, in order."""
    return sorted({action for statement in policy["Statement"] for action in statement["Action"]})


def idle(policy: Policy, asks: Iterable[Ask]) -> set[str]:
    """The actions without which all that was granted would be granted all the same."""
    return set(actions_of(policy)) - {ask.action for ask in asks if granted(policy, ask)}


def idle_grants(policy: Policy, asks: Iterable[Ask]) -> set[tuple[str, str]]:
    """The same, but for each action on each resource."""
    granted_asks = [ask for ask in asks if granted(policy, ask)]
    return {
        (action, resource)
        for statement in policy["Statement"]
        for action in statement["Action"]
        for resource in _several(statement["Resource"])
        if not any(ask.action == action and _like(resource, ask.resource) for ask in granted_asks)
    }


def _holds(condition: Mapping[str, Mapping[str, str]], context: Mapping[str, str]) -> bool:
    return all(
        _test(operator, context.get(key), value)
        for operator, tests in condition.items()
        for key, value in tests.items()
    )


def _test(operator: str, actual: str | None, expected: str) -> bool:
    if operator == "Null":
        return (actual is None) == (expected == "true")
    assert operator in ("StringEquals", "ArnEquals"), operator
    return actual == expected


def _like(pattern: str, text: str) -> bool:
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), text) is not None


def _several(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)
