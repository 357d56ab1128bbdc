"""Ways to change a resource behind our back.

Most come from its own dataclass fields: the same resource with one field wished otherwise, applied. What no
field wishes (a constant of the provisioner) is changed by a plain request, listed here by kind and field.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from cryptoctl.aws import Aws
from cryptoctl.provisioners.function import Code
from cryptoctl.provisioners.metric import Metric
from cryptoctl.provisioners.topic import subscriptions_of
from cryptoctl.reconcile.delta import difference
from cryptoctl.reconcile.plan import Goal, Plan
from cryptoctl.reconcile.planner import build_plan
from cryptoctl.reconcile.provisioner import Provisioner
from cryptoctl.reconcile.scope import Scope
from cryptoctl.reconcile.values import serialize

SOMETHING = "something that a sender has"
# Where a value must stay within an enumeration, another member of it.
OTHERWISE: dict[str, Any] = {
    "parallelization": 10,
    "retries": 1,
    "runtime": "python3.13",
    "architecture": "x86_64",
    "retention_days": 7,
    "service": "events.amazonaws.com",
    "statistic": "Minimum",
}


# The name is the identity; a subscriber taken out of the wish is left alone, since anybody may subscribe;
# another destination must first be permitted to be one, and a mapping of another function is not found by
# this one's name (see CONSTANTS).
NOT_VARIED = {"name", "subscribers", "destination", "function"}


@dataclass(frozen=True, kw_only=True)
class Drift:
    """One way, with the fields of AWS that it changes."""

    label: str
    fields: frozenset[str]
    resource: Provisioner


def variants(resource: Provisioner, stack: list[Provisioner]) -> Iterator[Drift]:
    """The resource with each of its fields wished otherwise, one at a time, where AWS shows a difference."""
    original = resource.desired()
    for field in fields(resource):
        if field.name in NOT_VARIED:
            continue
        for other in _others(field.name, getattr(resource, field.name), stack):
            variant = replace(resource, **{field.name: other})
            changed = {key for key, value in variant.desired().items() if value != original[key]}
            if changed:
                yield Drift(label=field.name, fields=frozenset(changed), resource=variant)


def drifts(resource: Provisioner, stack: list[Provisioner]) -> Iterator[Drift]:
    """The variants; those that the first resource of the kind has too, one at a time, all in one."""
    others = stack[: stack.index(resource)]
    first = next((other for other in others if type(other) is type(resource)), None)
    seen = {variant.label for variant in variants(first, stack)} if first else set()
    at_once = {}
    for variant in variants(resource, stack):
        if variant.label in seen:
            at_once[variant.label] = variant
        else:
            yield variant
    if at_once:
        values = {label: getattr(variant.resource, label) for label, variant in at_once.items()}
        fields_changed = frozenset[str]().union(*(variant.fields for variant in at_once.values()))
        yield Drift(label=", ".join(values), fields=fields_changed, resource=replace(resource, **values))


def _others(name: str, value: Any, stack: list[Provisioner]) -> Iterator[Any]:
    if name in OTHERWISE:
        yield OTHERWISE[name]
    elif name == "pattern":
        yield '"something else"' if isinstance(value, str) else {"eventName": ("MODIFY",)}
    elif name == "resource_policy":
        # Statements that somebody else has added are left; ours may have been changed.
        permissions = {
            sid: replace(permission, source_account="9" * 12)
            for sid, permission in value.items()
            if permission
        }
        yield from [permissions] if permissions else []
    elif isinstance(value, Metric):
        for field in fields(value):
            for other in _others(field.name, getattr(value, field.name), stack):
                yield replace(value, **{field.name: other})
    elif isinstance(value, Provisioner):
        yield from [
            resource for resource in stack if type(resource) is type(value) and resource is not value
        ][:1]
    else:
        yield from _plain_others(value)


def _plain_others(value: Any) -> Iterator[Any]:
    if isinstance(value, Scope):
        yield replace(value, extra_tags={**value.extra_tags, "Application": "something else"})
    elif isinstance(value, Code):
        content = value.zip_bytes + b"\0"
        yield Code(zip_bytes=content, sha256=base64.b64encode(hashlib.sha256(content).digest()).decode())
    elif isinstance(value, bool):
        yield not value
    elif isinstance(value, int):
        yield value + 60
    elif isinstance(value, str):
        yield f"{value}x"
    elif isinstance(value, Mapping) and value:
        yield dict(list(value.items())[1:])
        yield {**value, "unexpected": next(iter(value.values()))}
    elif isinstance(value, tuple) and value and isinstance(value[0], str):
        yield (f"{value[0]}x", *value[1:])
    elif isinstance(value, tuple) and value:
        yield value[:-1]


def calls_towards(variant: Provisioner, resource: Provisioner, now: Plan) -> Plan:
    """What makes AWS look as the variant of the resource wishes; `now` is the plan for what there is."""
    observed = {step.resource: step.delta.observed for step in now.steps}
    observed[variant] = observed.pop(resource)
    plan = build_plan(list(observed), observed, Goal.PRESENT)
    return replace(plan, known={**now.known, **plan.known})


SOMEBODYS_KEY = "arn:aws:kms:us-east-1:999999999999:key/1234abcd-12ab-34cd-56ef-1234567890ab"

Request = Callable[[Aws, Any], object]


def _table(**params: Any) -> Request:
    return lambda aws, table: aws.call("dynamodb", "UpdateTable", TableName=table.name, **params)


def _mapping(**params: Any) -> Request:
    return lambda aws, mapping: aws.call(
        "lambda", "UpdateEventSourceMapping", UUID=mapping.find(aws)["UUID"], **params
    )


def _function(**params: Any) -> Request:
    return lambda aws, function: aws.call(
        "lambda", "UpdateFunctionConfiguration", FunctionName=function.name, **params
    )


def _key(operation: str, **params: Any) -> Request:
    return lambda aws, key: aws.call("kms", operation, KeyId=_key_id(aws, key), **params)


def _key_id(aws: Aws, key: Any) -> str:
    return str(aws.call("kms", "DescribeKey", KeyId=key.name)["KeyMetadata"]["KeyId"])


def _unsubscribe(aws: Aws, topic: Any) -> None:
    for subscription in subscriptions_of(aws, topic.arn):
        aws.call("sns", "Unsubscribe", SubscriptionArn=subscription["SubscriptionArn"])


def _redirect(aws: Aws, subscription: Any) -> None:
    """To the function whose log group it is, which is permitted to be invoked for that."""
    other = subscription.group.name.removeprefix("/aws/lambda/")
    aws.call(
        "lambda",
        "AddPermission",
        FunctionName=other,
        StatementId="drift",
        Action="lambda:InvokeFunction",
        Principal="logs.amazonaws.com",
        SourceArn=subscription.group.streams_arn,
    )
    aws.call(
        "logs",
        "PutSubscriptionFilter",
        logGroupName=subscription.group.name,
        filterName=subscription.name,
        filterPattern=subscription.pattern,
        destinationArn=subscription.scope.arn("lambda", f"function:{other}"),
    )


def _other_queue(queue: Any) -> str:
    other = {"webhook-processor": "price-enricher", "price-enricher": "webhook-processor"}
    return str(queue.arn).replace(*next(pair for pair in other.items() if pair[0] in queue.name))


def _parameter(**params: Any) -> Request:
    return lambda aws, secret: aws.call("ssm", "PutParameter", Name=secret.name, Value=SOMETHING, **params)


def made_anew(**params: Any) -> Request:
    """Deletes a parameter and makes it otherwise."""

    def request(aws: Aws, parameter: Any) -> None:
        aws.call("ssm", "DeleteParameter", Name=parameter.name)
        tags = [{"Key": name, "Value": value} for name, value in parameter.scope.tags.items()]
        _parameter(**{"Type": "SecureString", "KeyId": parameter.key.name, "Tags": tags, **params})(
            aws, parameter
        )

    return request


def _address(**params: Any) -> Request:
    return lambda aws, url: aws.call(
        "lambda", "UpdateFunctionUrlConfig", FunctionName=url.function.name, **params
    )


def _alarm(**params: Any) -> Request:
    def request(aws: Aws, alarm: Any) -> None:
        (call,) = alarm.apply(difference(alarm.desired(), None, frozenset()))
        aws.call("cloudwatch", "PutMetricAlarm", **{**serialize(call.params), **params})

    return request


def _move_to_a_version(aws: Aws, mapping: Any) -> None:
    version = aws.call("lambda", "PublishVersion", FunctionName=mapping.function.name)["Version"]
    _mapping(FunctionName=f"{mapping.function.arn}:{version}")(aws, mapping)


def _failure_destination(aws: Aws, config: Any) -> None:
    aws.call(
        "lambda",
        "PutFunctionEventInvokeConfig",
        FunctionName=config.function.name,
        MaximumRetryAttempts=config.retries,
        MaximumEventAgeInSeconds=config.event_age_s,
        DestinationConfig={
            "OnSuccess": {"Destination": config.on_success.arn},
            "OnFailure": {"Destination": config.on_success.arn},
        },
    )


CONSTANTS: dict[str, dict[str, Request]] = {
    "invoke config": {"OnFailure": _failure_destination},
    "dashboard": {
        "Settings": lambda aws, dashboard: aws.call(
            "cloudwatch",
            "PutDashboard",
            DashboardName=dashboard.name,
            DashboardBody=json.dumps({**json.loads(dashboard.body), "start": "-PT3H"}),
        ),
    },
    "alarm": {
        "ComparisonOperator": _alarm(ComparisonOperator="LessThanThreshold"),
        "Period": _alarm(Period=300),
        "EvaluationPeriods": _alarm(EvaluationPeriods=6),
        "DatapointsToAlarm": _alarm(DatapointsToAlarm=2),
        "TreatMissingData": _alarm(TreatMissingData="breaching"),
        "Unit": _alarm(Unit="Bytes"),
        "InsufficientDataActions": lambda aws, alarm: _alarm(InsufficientDataActions=[alarm.topic.arn])(
            aws, alarm
        ),
        "ActionsEnabled": lambda aws, alarm: aws.call(
            "cloudwatch", "DisableAlarmActions", AlarmNames=[alarm.name]
        ),
    },
    "parameter": {
        "KeyId": _parameter(Type="SecureString", Overwrite=True),
    },
    "function URL": {
        "AuthType": _address(AuthType="AWS_IAM"),
        "InvokeMode": _address(InvokeMode="RESPONSE_STREAM"),
        "Cors": _address(Cors={"AllowOrigins": ["https://example.com"]}),
    },
    "key": {
        "KeyState": _key("DisableKey"),
        "KeyRotationEnabled": _key("DisableKeyRotation"),
        "RotationPeriodInDays": _key("EnableKeyRotation", RotationPeriodInDays=2560),
        "Alias": lambda aws, key: aws.call("kms", "DeleteAlias", AliasName=key.name),
    },
    "table": {
        "BillingMode": _table(
            BillingMode="PROVISIONED",
            ProvisionedThroughput={"ReadCapacityUnits": 1, "WriteCapacityUnits": 1},
        ),
        "StreamViewType": _table(StreamSpecification={"StreamEnabled": False}),
        "PointInTimeRecoveryStatus": lambda aws, table: aws.call(
            "dynamodb",
            "UpdateContinuousBackups",
            TableName=table.name,
            PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": False},
        ),
        "KMSMasterKeyArn": _table(
            SSESpecification={"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": SOMEBODYS_KEY}
        ),
    },
    "queue": {
        "Attributes": lambda aws, queue: aws.call(
            "sqs",
            "SetQueueAttributes",
            QueueUrl=aws.call("sqs", "GetQueueUrl", QueueName=queue.name)["QueueUrl"],
            Attributes={
                "DelaySeconds": "30",
                "MaximumMessageSize": "262144",
                "SqsManagedSseEnabled": "false",
                "RedrivePolicy": json.dumps(
                    {"deadLetterTargetArn": _other_queue(queue), "maxReceiveCount": 2}
                ),
            },
        ),
    },
    "topic": {
        "Subscriptions": _unsubscribe,
        "KmsMasterKeyId": lambda aws, topic: aws.call(
            "sns",
            "SetTopicAttributes",
            TopicArn=topic.arn,
            AttributeName="KmsMasterKeyId",
            AttributeValue=SOMEBODYS_KEY,
        ),
    },
    "log group": {
        "kmsKeyId": lambda aws, group: aws.call(
            "logs", "AssociateKmsKey", logGroupName=group.name, kmsKeyId=SOMEBODYS_KEY
        ),
    },
    "role": {
        "AttachedPolicies": lambda aws, role: aws.call(
            "iam",
            "AttachRolePolicy",
            RoleName=role.name,
            PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess",
        ),
    },
    "function": {
        "LogLevels": lambda aws, function: _function(
            LoggingConfig={
                "LogFormat": "JSON",
                "LogGroup": function.log_group.name,
                "ApplicationLogLevel": "FATAL",
                "SystemLogLevel": "WARN",
            }
        )(aws, function),
        "LogFormat": _function(LoggingConfig={"LogFormat": "Text"}),
        "KMSKeyArn": _function(KMSKeyArn=""),
        "ReservedConcurrentExecutions": lambda aws, function: aws.call(
            "lambda",
            "PutFunctionConcurrency",
            FunctionName=function.name,
            ReservedConcurrentExecutions=7,
        ),
    },
    "log subscription": {"destinationArn": _redirect},
    "stream mapping": {
        "FunctionArn": _move_to_a_version,
        "State": _mapping(Enabled=False),
        "TumblingWindowInSeconds": _mapping(TumblingWindowInSeconds=60),
        "BisectBatchOnFunctionError": _mapping(BisectBatchOnFunctionError=False),
        "FunctionResponseTypes": _mapping(FunctionResponseTypes=[]),
    },
}

# Fields that only another resource's change, or AWS itself, can make differ, or that the engine does not
# keep; the law of disappearance and the tests of what is in the way cover them.
FROM_ELSEWHERE: dict[str, frozenset[str]] = {
    "table": frozenset({"TableStatus", "RecoveryPeriodInDays"}),
    "function": frozenset({"RoleId", "State", "LastUpdateStatus", "PackageType"}),
    "stream mapping": frozenset({"EventSourceArn", "KMSKeyArn"}),
    "log subscription": frozenset({"fieldSelectionCriteria", "applyOnTransformedLogs"}),
    "parameter": frozenset({"Value", "Type"}),
    "role": frozenset({"Path"}),
    "log group": frozenset({"logGroupClass"}),
}
