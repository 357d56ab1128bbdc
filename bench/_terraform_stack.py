"""The stack as Terraform's configuration: each resource of it in the words of the AWS provider."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from cryptoctl.provisioners.alarm import Alarm
from cryptoctl.provisioners.dashboard import Dashboard
from cryptoctl.provisioners.function import Function
from cryptoctl.provisioners.function_url import FunctionUrl
from cryptoctl.provisioners.invoke_config import InvokeConfig
from cryptoctl.provisioners.key import Key
from cryptoctl.provisioners.log_group import LogGroup
from cryptoctl.provisioners.log_subscription import LogSubscription
from cryptoctl.provisioners.parameter import TYPE, Parameter
from cryptoctl.provisioners.policy import document
from cryptoctl.provisioners.queue import Queue
from cryptoctl.provisioners.role import Role
from cryptoctl.provisioners.stream_mapping import StreamMapping
from cryptoctl.provisioners.table import Table
from cryptoctl.provisioners.topic import Topic
from cryptoctl.reconcile.provisioner import Provisioner
from cryptoctl.reconcile.values import JsonDocument, Ref, map_leaves, serialize
from cryptoctl.stack import Stack

# The newest that the provider's last version 5 takes; the engine runs what it has. Nor does that version take
# a queue's messages above 256 KiB, or tags on a dashboard.
RUNTIME = "python3.13"
Block = tuple[str, str, dict[str, Any]]
"""Type, name, arguments."""
_TYPES: Mapping[type[Provisioner], str] = {
    Alarm: "aws_cloudwatch_metric_alarm",
    Dashboard: "aws_cloudwatch_dashboard",
    Function: "aws_lambda_function",
    Key: "aws_kms_key",
    LogGroup: "aws_cloudwatch_log_group",
    Queue: "aws_sqs_queue",
    Role: "aws_iam_role",
    StreamMapping: "aws_lambda_event_source_mapping",
    Table: "aws_dynamodb_table",
    Topic: "aws_sns_topic",
}
_OUTPUTS = {"Arn": "arn", "QueueUrl": "url", "LatestStreamArn": "stream_arn"}


def configuration(stack: Stack, zip_file: Path) -> str:
    """The text of a main.tf.json. What names another resource does so by reference, as a person writes it.

    The policies of queues and topics are left out, and to be applied on the engine the stack must have no
    alarms: see terraform.py.
    """
    arns = {str(entry.arn): f"${{{_address(entry)}.arn}}" for entry in stack if type(entry) in _TYPES}
    longest_first = sorted(arns, key=len, reverse=True)

    def refer(leaf: Any) -> Any:
        if isinstance(leaf, Ref):
            assert isinstance(leaf.resource, Provisioner)
            return f"${{{_address(leaf.resource)}.{_OUTPUTS[leaf.output]}}}"
        if isinstance(leaf, str):
            for arn in longest_first:
                leaf = leaf.replace(arn, arns[arn])
        return leaf

    resources: dict[str, dict[str, Any]] = {}
    for resource in stack:
        for kind, name, arguments in _BLOCKS[type(resource)](resource):
            if kind == "aws_lambda_function":
                arguments |= {"filename": str(zip_file), "source_code_hash": stack.code.sha256}
            resources.setdefault(kind, {})[name] = serialize(map_leaves(refer, arguments))
    provider = {"region": stack.scope.region, "default_tags": {"tags": stack.scope.tags}}
    needed = {"required_providers": {"aws": {"source": "hashicorp/aws", "version": "~> 5.0"}}}
    return json.dumps({"terraform": needed, "provider": {"aws": provider}, "resource": resources}, indent=1)


def _label(resource: Provisioner) -> str:
    return re.sub(r"\W+", "_", resource.name).strip("_")


def _address(resource: Provisioner) -> str:
    return f"{_TYPES[type(resource)]}.{_label(resource)}"


def _block(resource: Provisioner, **arguments: Any) -> Block:
    return _TYPES[type(resource)], _label(resource), arguments


def _key(key: Key) -> Iterator[Block]:
    yield _block(
        key,
        policy=JsonDocument(document(key.policy)),
        enable_key_rotation=True,
        deletion_window_in_days=key.deletion_window_days,
    )
    alias = {"name": key.name, "target_key_id": f"${{{_address(key)}.key_id}}"}
    yield "aws_kms_alias", _label(key), alias


def _table(table: Table) -> Iterator[Block]:
    keys = table.partition_key, table.sort_key
    encryption = {"enabled": True, "kms_key_arn": table.customer_key} if table.customer_key else None
    yield _block(
        table,
        name=table.name,
        billing_mode="PAY_PER_REQUEST",
        hash_key=table.partition_key[0],
        range_key=table.sort_key[0],
        attribute=[{"name": name, "type": kind} for name, kind in keys],
        stream_enabled=True,
        stream_view_type=table.desired()["StreamViewType"],
        point_in_time_recovery={"enabled": True},
        deletion_protection_enabled=table.deletion_protection,
        **_without_none(server_side_encryption=encryption),
    )


def _queue(queue: Queue) -> Iterator[Block]:
    yield _block(
        queue,
        name=queue.name,
        message_retention_seconds=queue.retention_s,
        **_without_none(kms_master_key_id=queue.customer_key),
        **({} if queue.customer_key else {"sqs_managed_sse_enabled": True}),
    )


def _topic(topic: Topic) -> Iterator[Block]:
    yield _block(topic, name=topic.name, **_without_none(kms_master_key_id=topic.customer_key))


def _log_group(group: LogGroup) -> Iterator[Block]:
    keeping = _without_none(retention_in_days=group.retention_days, kms_key_id=group.customer_key)
    yield _block(group, name=group.name, **keeping)


def _role(role: Role) -> Iterator[Block]:
    yield _block(
        role, name=role.name, assume_role_policy=JsonDocument(role.desired()["AssumeRolePolicyDocument"])
    )
    for name in role.policies:
        yield "aws_iam_role_policy", f"{_label(role)}_{name}", _policy(role, name)


def _policy(role: Role, name: str) -> dict[str, Any]:
    return {
        "name": name,
        "role": f"${{{_address(role)}.name}}",
        "policy": JsonDocument(document(role.policies[name])),
    }


def _function(function: Function) -> Iterator[Block]:
    rights = [f"aws_iam_role_policy.{_label(function.role)}_{name}" for name in function.role.policies]
    yield _block(
        function,
        function_name=function.name,
        runtime=RUNTIME,
        handler=function.handler,
        architectures=[function.architecture],
        memory_size=function.memory_mb,
        timeout=function.timeout_s,
        role=function.role.arn,
        kms_key_arn=function.key.arn,
        dead_letter_config={"target_arn": function.dead_letters.arn},
        logging_config={
            "log_format": "JSON",
            "log_group": f"${{{_address(function.log_group)}.name}}",
            "application_log_level": function.application_log_level,
            "system_log_level": function.system_log_level,
        },
        environment={"variables": dict(function.environment)},
        **_without_none(reserved_concurrent_executions=function.reserved_concurrency),
        **({"tracing_config": {"mode": "Active"}} if function.tracing else {}),
        depends_on=rights,
    )
    for sid, permission in function.resource_policy.items():
        if permission is not None:
            arguments = {
                "statement_id": sid,
                "function_name": f"${{{_address(function)}.function_name}}",
                "action": permission.action,
                "principal": permission.principal,
                "source_arn": permission.source_arn,
                "source_account": permission.source_account,
                "function_url_auth_type": permission.function_url_auth_type,
            }
            yield "aws_lambda_permission", sid, arguments


def _mapping(mapping: StreamMapping) -> Iterator[Block]:
    desired = mapping.desired()
    yield _block(
        mapping,
        function_name=mapping.function.arn,
        event_source_arn=mapping.table.stream_arn,
        starting_position="TRIM_HORIZON",
        batch_size=mapping.batch_size,
        maximum_batching_window_in_seconds=mapping.window_s,
        parallelization_factor=mapping.parallelization,
        bisect_batch_on_function_error=True,
        maximum_retry_attempts=mapping.retries,
        maximum_record_age_in_seconds=mapping.record_age_s,
        function_response_types=desired["FunctionResponseTypes"],
        filter_criteria={"filter": [{"pattern": JsonDocument(pattern)} for pattern in desired["Filters"]]},
        destination_config={"on_failure": {"destination_arn": mapping.dead_letters.arn}},
    )


def _invoke_config(config: InvokeConfig) -> Iterator[Block]:
    arguments = {
        "function_name": f"${{{_address(config.function)}.function_name}}",
        "maximum_event_age_in_seconds": config.event_age_s,
        "maximum_retry_attempts": config.retries,
        "destination_config": {"on_success": {"destination": config.on_success.arn}},
    }
    yield "aws_lambda_function_event_invoke_config", _label(config), arguments


def _subscription(subscription: LogSubscription) -> Iterator[Block]:
    arguments = {
        "name": subscription.name,
        "log_group_name": f"${{{_address(subscription.group)}.name}}",
        "filter_pattern": subscription.pattern,
        "destination_arn": subscription.destination.arn,
        "depends_on": [f"aws_lambda_permission.{sid}" for sid in subscription.destination.resource_policy],
    }
    yield "aws_cloudwatch_log_subscription_filter", _label(subscription), arguments


def _alarm(alarm: Alarm) -> Iterator[Block]:
    desired = alarm.desired()
    yield _block(
        alarm,
        alarm_name=alarm.name,
        alarm_description=desired["AlarmDescription"],
        namespace=desired["Namespace"],
        metric_name=desired["MetricName"],
        dimensions=desired["Dimensions"],
        statistic=desired["Statistic"],
        threshold=desired["Threshold"],
        comparison_operator=desired["ComparisonOperator"],
        period=desired["Period"],
        evaluation_periods=desired["EvaluationPeriods"],
        datapoints_to_alarm=desired["DatapointsToAlarm"],
        treat_missing_data=desired["TreatMissingData"],
        alarm_actions=desired["AlarmActions"],
        ok_actions=desired["OKActions"],
    )


def _url(url: FunctionUrl) -> Iterator[Block]:
    arguments = {
        "function_name": f"${{{_address(url.function)}.function_name}}",
        "authorization_type": url.desired()["AuthType"],
    }
    yield "aws_lambda_function_url", _label(url), arguments


def _parameter(parameter: Parameter) -> Iterator[Block]:
    """The secret's value is made by whoever applies it."""
    arguments = {"name": parameter.name, "type": TYPE, "key_id": parameter.key.arn, "value": "${uuid()}"}
    yield "aws_ssm_parameter", _label(parameter), arguments


def _without_none(**arguments: Any) -> dict[str, Any]:
    return {name: value for name, value in arguments.items() if value is not None}


def _dashboard(dashboard: Dashboard) -> Iterator[Block]:
    yield _block(dashboard, dashboard_name=dashboard.name, dashboard_body=dashboard.body)


_BLOCKS: Mapping[type[Provisioner], Callable[[Any], Iterator[Block]]] = {
    Alarm: _alarm,
    Dashboard: _dashboard,
    Function: _function,
    FunctionUrl: _url,
    InvokeConfig: _invoke_config,
    Key: _key,
    LogGroup: _log_group,
    LogSubscription: _subscription,
    Parameter: _parameter,
    Queue: _queue,
    Role: _role,
    StreamMapping: _mapping,
    Table: _table,
    Topic: _topic,
}
