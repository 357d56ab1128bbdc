"""A customer's key: when `up` refuses it beforehand, what doctor says of it, and who is given what of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from cryptoctl.alarm_settings import AlarmSettings
from cryptoctl.ops.doctor import CheckResult
from cryptoctl.ops.permissions import Purpose, policy
from cryptoctl.ops.security import examine_security
from cryptoctl.provisioners.customer_key import LOGS_NEED, allows
from cryptoctl.provisioners.function import Code
from cryptoctl.reconcile.delta import difference
from cryptoctl.reconcile.observe import make_plan
from cryptoctl.reconcile.plan import Goal
from cryptoctl.security_settings import FunctionSettings, Kind, SecuritySettings
from cryptoctl.settings import EnvironmentSettings, ErrorNotifierSettings
from cryptoctl.stack import Stack
from unit.answers import ACCOUNT, SCOPE, STACK, Answers

KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
LOGS = "logs.us-east-1.amazonaws.com"
ENABLED = {"KeyState": "Enabled", "KeyUsage": "ENCRYPT_DECRYPT", "KeySpec": "SYMMETRIC_DEFAULT"}


def stack(**settings: Any) -> Stack:
    values = {"security": SecuritySettings(customer_key=KEY), **settings}
    return Stack(SCOPE, EnvironmentSettings(**values), Code(zip_bytes=b"", sha256=""))


def key_policy(*services: str, actions: tuple[str, ...] = ("kms:*",)) -> dict[str, Any]:
    statements = [
        {"Effect": "Allow", "Principal": {"Service": service}, "Action": list(actions), "Resource": "*"}
        for service in services
    ]
    return {"Policy": json.dumps({"Statement": statements})}


def answers(metadata: Mapping[str, Any] | str | None = ENABLED, policy: Any = None) -> dict[str, Any]:
    """What KMS says of the key; nothing else is there."""
    described = metadata if isinstance(metadata, str) else {"KeyMetadata": metadata}
    return {
        **({"DescribeKey": described} if metadata is not None else {}),
        "GetKeyPolicy": policy or key_policy(LOGS, "cloudwatch.amazonaws.com"),
    }


def refused(configured: Stack, responses: dict[str, Any]) -> list[str]:
    """What stands in the way of making everything that can lie under the key."""
    kinds = [resource for resource in configured if resource.kind in ("table", "queue", "topic", "log group")]
    plan = make_plan(kinds, Answers({"DescribeLogGroups": {"logGroups": []}, **responses}), Goal.PRESENT)  # type: ignore[arg-type]
    return [obstacle.what for obstacle in plan.obstacles]


def test_a_key_that_serves_is_no_obstacle() -> None:
    assert refused(stack(), answers()) == []


@pytest.mark.parametrize(
    ("metadata", "why"),
    [
        (None, "does not exist"),
        ("AccessDeniedException", "cannot be looked at with these credentials (kms:DescribeKey)"),
        ({**ENABLED, "KeyState": "Disabled"}, "is not enabled: its state is Disabled"),
        ({**ENABLED, "KeyState": "PendingDeletion"}, "is not enabled: its state is PendingDeletion"),
        ({**ENABLED, "KeySpec": "RSA_2048"}, "is no symmetric encryption key"),
        ({**ENABLED, "KeyUsage": "GENERATE_VERIFY_MAC"}, "is no symmetric encryption key"),
    ],
)
def test_a_key_that_cannot_be_used_is_refused_before_anything_is_made(metadata: Any, why: str) -> None:
    assert refused(stack(), answers(metadata)) == [f"The customer's key {KEY} {why}."]
    [check] = examine_security(stack(), Answers(answers(metadata)))  # type: ignore[arg-type]
    assert (check.result, check.detail) == (CheckResult.BAD, f"{KEY} {why}")


@pytest.mark.parametrize("environment", [SCOPE.environment, "another"])
def test_the_key_of_an_environment_s_functions_is_refused_for_it_goes_with_them(environment: str) -> None:
    """`down --keep-data` would keep the table, and have the key deleted under which it lies."""
    tags = [{"TagKey": "ManagedBy", "TagValue": "cryptoctl"}]
    tags += [{"TagKey": "Environment", "TagValue": environment}]
    [obstacle] = refused(stack(), {**answers(), "ListResourceTags": {"Tags": tags}})
    assert f"is the key of the functions of {environment}, and is deleted with that" in obstacle
    somebodys = {"Tags": [{"TagKey": "ManagedBy", "TagValue": "terraform"}]}
    assert refused(stack(), {**answers(), "ListResourceTags": somebodys}) == []
    assert refused(stack(), {**answers(), "ListResourceTags": "AccessDeniedException"}) == []


def test_a_key_of_another_region_is_refused_without_asking_for_it() -> None:
    far = KEY.replace("us-east-1", "eu-west-1")
    configured = stack(security=SecuritySettings(customer_key=far))
    assert refused(configured, {}) == [
        f"The customer's key {far} is in eu-west-1, and the environment in us-east-1."
    ]


@pytest.mark.parametrize("named", [KEY, KEY.rpartition("/")[2]])
def test_a_key_that_somebody_has_named_by_its_id_is_the_same_key(named: str) -> None:
    """SQS and SNS show it as it was named; to put the ARN in its place would ask for consent."""
    queue, topic = (
        replace(resource, customer_key=KEY) for resource in (STACK.webhook_dead_letters, STACK.success)
    )
    shown = {"Attributes": {"KmsMasterKeyId": named}}
    answers = {"GetQueueUrl": {"QueueUrl": "https://queue"}, "ListQueueTags": {}, "GetQueueAttributes": shown}
    answers |= {"GetTopicAttributes": shown, "ListTagsForResource": {}}
    for resource in (queue, topic):
        observed = resource.observe(Answers(answers))  # type: ignore[arg-type]
        delta = difference(resource.desired(), observed, resource.exclusive)
        assert not [change for change in delta.changes if resource.key_field in (change.field, change.key)]


def test_log_groups_need_a_key_that_cloudwatch_logs_may_use() -> None:
    denied = answers(policy=key_policy())
    assert refused(stack(), denied) == [
        f"The policy of the customer's key {KEY} does not let CloudWatch Logs use it."
    ]
    others = SecuritySettings(customer_key=KEY, customer_key_encrypts=("table", "queues", "topics"))
    assert refused(stack(security=others), denied) == []


def test_a_policy_that_may_not_be_read_is_no_obstacle() -> None:
    assert refused(stack(), answers(policy="AccessDeniedException")) == []


@pytest.mark.parametrize(
    ("actions", "enough"),
    [
        (("kms:*",), True),
        (("*",), True),
        (("kms:Encrypt*", "kms:Decrypt*", "kms:GenerateDataKey*", "kms:Describe*"), True),
        (("kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey"), False),
        (("kms:encrypt", "kms:decrypt", "kms:generatedatakey", "kms:describekey"), True),
    ],
)
def test_what_a_key_policy_allows(actions: tuple[str, ...], enough: bool) -> None:
    assert allows(key_policy(LOGS, actions=actions)["Policy"], LOGS, LOGS_NEED) is enough
    assert not allows(key_policy("logs.eu-west-1.amazonaws.com", actions=actions)["Policy"], LOGS, LOGS_NEED)


def test_doctor_says_that_alarms_cannot_reach_a_topic_under_the_key() -> None:
    [check] = examine_security(stack(), Answers(answers(policy=key_policy(LOGS))))  # type: ignore[arg-type]
    assert check.result is CheckResult.UNKNOWN
    assert "cloudwatch.amazonaws.com" in check.detail
    [good] = examine_security(stack(), Answers(answers()))  # type: ignore[arg-type]
    assert good.result is CheckResult.GOOD


def test_doctor_names_what_a_protected_environment_has_not_set() -> None:
    none = Answers({})
    bare = stack(security=SecuritySettings(), protected=True)
    [check] = examine_security(bare, none)  # type: ignore[arg-type]
    assert check.detail == (
        "protected, and not set: security.customer_key, permissions_boundary, "
        "error_notifier.reserved_concurrency, log_retention_days of 365 or more, functions.tracing"
    )
    assert list(examine_security(stack(security=SecuritySettings()), none)) == []  # type: ignore[arg-type]
    configured = stack(
        protected=True,
        permissions_boundary=f"arn:aws:iam::{ACCOUNT}:policy/boundary",
        error_notifier=ErrorNotifierSettings(reserved_concurrency=2),
        log_retention_days="never expire",
        functions=FunctionSettings(tracing=True),
        alarms=AlarmSettings(enabled=True),
    )
    checks = list(examine_security(configured, Answers(answers())))  # type: ignore[arg-type]
    assert [check.name for check in checks] == ["customer key"]


def key_statements(configured: Stack, purpose: Purpose) -> dict[str, set[str]]:
    """What a printed policy allows with the key, through which service."""
    actions: dict[str, set[str]] = {}
    for statement in policy(configured, purpose)["Statement"]:
        resources = statement["Resource"]
        if KEY in ([resources] if isinstance(resources, str) else resources):
            via = statement.get("Condition", {}).get("StringEquals", {}).get("kms:ViaService", "")
            actions.setdefault(via.partition(".")[0], set()).update(statement["Action"])
    return actions


def test_people_use_the_key_through_the_services_alone() -> None:
    deploy, operate = key_statements(stack(), Purpose.DEPLOY), key_statements(stack(), Purpose.OPERATE)
    assert deploy.keys() == {"", "dynamodb"}
    assert deploy[""] == {"kms:DescribeKey"}
    assert {"kms:CreateGrant", "kms:Decrypt"} <= deploy["dynamodb"]
    both = {"kms:Decrypt", "kms:GenerateDataKey"}
    assert operate == {"": {"kms:DescribeKey"}, "dynamodb": both, "sqs": both}
    assert key_statements(stack(), Purpose.READ) == {
        "": {"kms:DescribeKey"},
        "dynamodb": {"kms:Decrypt"},
        "sqs": {"kms:Decrypt"},
    }


@pytest.mark.parametrize(
    ("kinds", "services"),
    [
        (("table",), {"webhook": ["dynamodb"], "enricher": ["dynamodb"], "notifier": []}),
        (("queues", "log_groups"), {"webhook": ["sqs"], "enricher": ["sqs"], "notifier": []}),
        (("topics",), {"webhook": [], "enricher": ["sns"], "notifier": ["sns"]}),
        ((), {"webhook": [], "enricher": [], "notifier": []}),
    ],
)
def test_a_function_uses_the_key_through_the_services_that_it_uses(
    kinds: tuple[Kind, ...], services: dict[str, list[str]]
) -> None:
    configured = stack(security=SecuritySettings(customer_key=KEY, customer_key_encrypts=kinds))
    roles = {
        "webhook": configured.webhook_role,
        "enricher": configured.enricher_role,
        "notifier": configured.notifier_role,
    }
    for name, role in roles.items():
        resources = [
            service.partition(".")[0]
            for statement in role.policies.get("customer-key-access", ())
            for service in statement.condition["StringEquals"]["kms:ViaService"]
        ]
        assert resources == services[name]
