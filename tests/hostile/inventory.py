"""Everything that an environment has left in an account, read without cryptoctl's own code."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import boto3
from botocore.config import Config

from hostile.clients import REGION

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[.\d]*(\+00:?00|Z)?")
ROLE_ID = re.compile(r"ARO[A-Z0-9]{10,}")
NOISE = (
    "ResponseMetadata",
    "RevisionId",
    "CreationDate",
    "CreateDate",
    "CreationDateTime",
    "creationTime",
    "LastModified",
    "RoleLastUsed",
    "ETag",
    "StateTransitionReason",
    "LastProcessingResult",
    "Location",
    "uploadSequenceToken",
    "TableId",
    "LatestRestorableDateTime",
    "EarliestRestorableDateTime",
    "TableSizeBytes",
    "ItemCount",
    "storedBytes",
    "AlarmConfigurationUpdatedTimestamp",
    "StateUpdatedTimestamp",
    "StateTransitionedTimestamp",
    "StateReason",
    "StateReasonData",
    "StateValue",
)
# What differs from run to run, and from one engine to another.
NORMAL = (
    (UUID, "UUID"),
    (MOMENT, "MOMENT"),
    (ROLE_ID, "ROLE-ID"),
    (re.compile(r"\b127\.0\.0\.1:\d+"), "ENGINE"),
)


SERVICES = (
    *("kms", "dynamodb", "sqs", "sns", "logs", "iam", "lambda", "ssm", "cloudwatch"),
    "resourcegroupstaggingapi",
)


class Account:
    """Plain clients of one engine, perhaps through a proxy."""

    def __init__(self, url: str, credentials: tuple[str, str], *, through: str = "") -> None:
        session = boto3.Session(
            aws_access_key_id=credentials[0], aws_secret_access_key=credentials[1], region_name=REGION
        )
        proxies = {"http": through} if through else {}
        config = Config(retries={"total_max_attempts": 1}, proxies=proxies, read_timeout=30)
        self._clients = {
            service: session.client(service, endpoint_url=url, config=config) for service in SERVICES
        }

    def __getitem__(self, service: str) -> Any:
        return self._clients[service]

    def close(self) -> None:
        for client in self._clients.values():
            client.close()

    def inventory(self, environment: str) -> dict[str, Any]:
        """What bears the environment's name or tag, without the ids and times that differ from run to run."""
        parts = dict(self._everything(environment))
        return {
            _normal(name, environment): json.loads(
                _normal(json.dumps(_without_noise(what), default=str), environment)
            )
            for name, what in sorted(parts.items())
        }

    def _everything(self, environment: str) -> Iterator[tuple[str, Any]]:
        yield from self._keys(environment)
        yield from self._tables(environment)
        yield from self._messaging(environment)
        yield from self._logs(environment)
        yield from self._roles(environment)
        yield from self._functions(environment)
        yield from self._monitoring(environment)

    def _keys(self, environment: str) -> Iterator[tuple[str, Any]]:
        kms = self["kms"]
        number = 0
        for alias in kms.get_paginator("list_aliases").paginate().search("Aliases"):
            if alias["AliasName"].endswith(f"-{environment}"):
                key = kms.describe_key(KeyId=alias["AliasName"])["KeyMetadata"]
                yield alias["AliasName"], {"state": key["KeyState"]}
        for key_id in self._key_ids(environment):
            tags = {tag["TagKey"]: tag["TagValue"] for tag in kms.list_resource_tags(KeyId=key_id)["Tags"]}
            state = kms.describe_key(KeyId=key_id)["KeyMetadata"]["KeyState"]
            if state != "PendingDeletion":
                number += 1
                policy = json.loads(kms.get_key_policy(KeyId=key_id, PolicyName="default")["Policy"])
                rotates = kms.get_key_rotation_status(KeyId=key_id)["KeyRotationEnabled"]
                yield (
                    f"key {number}",
                    {"state": state, "tags": tags, "policy": policy, "rotates": rotates},
                )

    def leaving_keys(self, environment: str) -> int:
        """How many keys of the environment are pending deletion."""
        keys = [self["kms"].describe_key(KeyId=key_id) for key_id in self._key_ids(environment)]
        return sum(key["KeyMetadata"]["KeyState"] == "PendingDeletion" for key in keys)

    def _key_ids(self, environment: str) -> list[str]:
        """By the index: an account of many tests has many keys, and each would be asked for its tags."""
        pages = self["resourcegroupstaggingapi"].get_paginator("get_resources")
        found = pages.paginate(
            TagFilters=[{"Key": "Environment", "Values": [environment]}], ResourceTypeFilters=["kms:key"]
        )
        arns = found.search("ResourceTagMappingList[].ResourceARN")
        return [str(arn).rpartition("/")[2] for arn in arns]

    def _tables(self, environment: str) -> Iterator[tuple[str, Any]]:
        dynamodb = self["dynamodb"]
        for name in dynamodb.get_paginator("list_tables").paginate().search("TableNames"):
            if name.endswith(f"-{environment}"):
                table = dynamodb.describe_table(TableName=name)["Table"]
                yield f"table {name}", table
                yield (
                    f"table {name} tags",
                    _tags(dynamodb.list_tags_of_resource(ResourceArn=table["TableArn"])),
                )
                yield f"table {name} backups", dynamodb.describe_continuous_backups(TableName=name)

    def _messaging(self, environment: str) -> Iterator[tuple[str, Any]]:
        sqs, sns = self["sqs"], self["sns"]
        for url in sqs.list_queues().get("QueueUrls", ()):
            if url.endswith(f"-{environment}"):
                names = ["MessageRetentionPeriod", "SqsManagedSseEnabled"]
                yield (
                    f"queue {url.rpartition('/')[2]}",
                    {
                        "attributes": sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)[
                            "Attributes"
                        ],
                        "tags": sqs.list_queue_tags(QueueUrl=url)["Tags"],
                    },
                )
        for arn in sns.get_paginator("list_topics").paginate().search("Topics[].TopicArn"):
            if arn.endswith(f"-{environment}"):
                yield f"topic {arn}", _tags(sns.list_tags_for_resource(ResourceArn=arn))

    def _logs(self, environment: str) -> Iterator[tuple[str, Any]]:
        logs = self["logs"]
        for group in logs.get_paginator("describe_log_groups").paginate().search("logGroups"):
            name = group["logGroupName"]
            if name.endswith(f"-{environment}"):
                filters = logs.describe_subscription_filters(logGroupName=name)["subscriptionFilters"]
                arn = group["arn"].removesuffix(":*")
                tags = logs.list_tags_for_resource(resourceArn=arn)["tags"]
                retention = group.get("retentionInDays")
                yield f"log group {name}", {"retention": retention, "filters": filters, "tags": tags}

    def _roles(self, environment: str) -> Iterator[tuple[str, Any]]:
        iam = self["iam"]
        for role in iam.get_paginator("list_roles").paginate().search("Roles"):
            name = role["RoleName"]
            if name.endswith(f"-{environment}-role"):
                policies = {
                    policy: iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
                    for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]
                }
                yield f"role {name}", {"role": iam.get_role(RoleName=name)["Role"], "policies": policies}

    def _functions(self, environment: str) -> Iterator[tuple[str, Any]]:
        functions = self["lambda"]
        for configuration in functions.get_paginator("list_functions").paginate().search("Functions"):
            name = configuration["FunctionName"]
            if name.endswith(f"-{environment}"):
                yield f"function {name}", functions.get_function(FunctionName=name)
                try:
                    policy = json.loads(functions.get_policy(FunctionName=name)["Policy"])["Statement"]
                except functions.exceptions.ResourceNotFoundException:
                    policy = []
                yield f"function {name} policy", sorted(policy, key=lambda statement: str(statement["Sid"]))
                with suppress(functions.exceptions.ResourceNotFoundException):
                    config = functions.get_function_event_invoke_config(FunctionName=name)
                    yield f"function {name} invoke", config
        number = 0
        mappings = functions.get_paginator("list_event_source_mappings").paginate()
        for mapping in mappings.search("EventSourceMappings"):
            if mapping["FunctionArn"].endswith(f"-{environment}"):
                number += 1
                tags = functions.list_tags(Resource=mapping["EventSourceMappingArn"])["Tags"]
                yield f"mapping {number}", {**mapping, "tags": tags}

    def _monitoring(self, environment: str) -> Iterator[tuple[str, Any]]:
        cloudwatch = self["cloudwatch"]
        for alarm in cloudwatch.get_paginator("describe_alarms").paginate().search("MetricAlarms"):
            if alarm["AlarmName"].startswith(f"cryptoctl-{environment}-"):
                tags = _tags(cloudwatch.list_tags_for_resource(ResourceARN=alarm["AlarmArn"]))
                yield f"alarm {alarm['AlarmName']}", {**alarm, "tags": tags}
        for entry in cloudwatch.get_paginator("list_dashboards").paginate().search("DashboardEntries"):
            name = entry["DashboardName"]
            if name.startswith(f"cryptoctl-{environment}-"):
                yield f"dashboard {name}", cloudwatch.get_dashboard(DashboardName=name)["DashboardBody"]


def _tags(answer: dict[str, Any]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in answer["Tags"]}


def _without_noise(document: Any) -> Any:
    if isinstance(document, dict):
        return {key: _without_noise(value) for key, value in document.items() if key not in NOISE}
    if isinstance(document, list):
        quiet = [_without_noise(value) for value in document]
        tags = all(isinstance(value, dict) and value.keys() == {"Key", "Value"} for value in quiet)
        return sorted(quiet, key=str) if tags else quiet
    return document


def _normal(text: str, environment: str) -> str:
    for pattern, instead in NORMAL:
        text = pattern.sub(instead, text)
    return re.sub(rf"\b{re.escape(environment)}\b", "ENV", text)
