"""The printed policies fit where they are attached, and give no key and no role away."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cryptoctl.ops.permissions import Purpose, characters, policy, policy_documents
from cryptoctl.provisioners.function import Code
from cryptoctl.reconcile.scope import Scope
from cryptoctl.security_settings import FunctionSettings, SecuritySettings
from cryptoctl.settings import EnvironmentSettings
from cryptoctl.stack import Stack
from live import WITH_A_SENDER

PERMISSIONS = Path(__file__).parents[2] / "docs" / "permissions.md"
BOUNDARY = "arn:aws:iam::111111111111:policy/boundary"
# The longest names of regions and partitions that there are.
LONGEST = {"region": "us-isof-south-1", "partition": "aws-us-gov", "environment": "e" * 41}
SHORT = {"region": "us-east-1", "partition": "aws", "environment": "dev"}
# All that makes a policy longer.
EVERYTHING: dict[str, Any] = {
    "alert_subscribers": ("somebody@example.org",),
    "permissions_boundary": BOUNDARY.replace("boundary", "b" * 128),
    "security": SecuritySettings(
        customer_key="arn:aws-us-gov:kms:us-isof-south-1:222222222222:key/mrk-" + "1234567890abcdef" * 2
    ),
    "functions": FunctionSettings(tracing=True),
    "webhook": WITH_A_SENDER.webhook,
}


def stack(place: dict[str, str], **settings: Any) -> Stack:
    scope = Scope(
        account="1" * 12,
        environment=place["environment"],
        region=place["region"],
        partition=place["partition"],
    )
    return Stack(scope, EnvironmentSettings(**settings), Code(zip_bytes=b"", sha256=""))


def grants(document: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    for statement in document["Statement"]:
        resources = statement["Resource"]
        for action in statement["Action"]:
            for resource in [resources] if isinstance(resources, str) else resources:
                # An action counts on its own service's resources alone.
                if resource == "*" or resource.split(":")[2] == action.partition(":")[0]:
                    yield action, resource, json.dumps(statement.get("Condition"))


@pytest.mark.parametrize("purpose", list(Purpose))
@pytest.mark.parametrize("place", [SHORT, LONGEST], ids=["short", "longest"])
@pytest.mark.parametrize("settings", [{}, EVERYTHING], ids=["as it comes", "with everything"])
def test_each_part_fits_into_a_managed_policy_and_all_of_them_are_enough(
    purpose: Purpose, place: dict[str, str], settings: dict[str, Any]
) -> None:
    configured = stack(place, **settings)
    documents = policy_documents(configured, purpose)
    for document in documents:
        assert len(json.dumps(document, separators=(",", ":"))) <= 6144
    assert {grant for document in documents for grant in grants(document)} >= {
        *grants(policy(configured, purpose))
    }
    # Of the ten managed policies that a user, a group and a role take.
    assert len(documents) <= 2


@pytest.mark.parametrize("settings", [{}, EVERYTHING], ids=["as it comes", "with everything"])
def test_no_length_of_a_name_makes_a_part_that_does_not_fit(settings: dict[str, Any]) -> None:
    for length in range(1, 42):
        configured = stack({**SHORT, "environment": "e" * length}, **settings)
        for document in policy_documents(configured, Purpose.DEPLOY):
            assert len(json.dumps(document, separators=(",", ":"))) <= 6144, length


@pytest.mark.parametrize("purpose", list(Purpose))
def test_one_statement_of_many_resources_is_divided(purpose: Purpose) -> None:
    queues = tuple(
        f"arn:aws:sqs:us-east-1:{'1' * 12}:alerts-of-the-team-number-{number}" for number in range(200)
    )
    configured = stack(SHORT, alert_subscribers=queues)
    documents = policy_documents(configured, purpose)
    assert all(len(json.dumps(document, separators=(",", ":"))) <= 6144 for document in documents)
    granted = [grant for document in documents for grant in grants(document)]
    assert {*granted} == {*grants(policy(configured, purpose))}
    assert len(granted) == len({*granted})


@pytest.mark.parametrize("purpose", list(Purpose))
def test_usual_names_need_one_policy(purpose: Purpose) -> None:
    for name, region in (("dev", "us-east-1"), ("production", "us-east-1"), ("staging", "eu-central-1")):
        place = {**SHORT, "environment": name, "region": region}
        assert len(policy_documents(stack(place, alert_subscribers=("somebody@example.org",)), purpose)) == 1


def test_what_is_granted_beyond_need_so_that_it_fits_is_on_resources_of_the_environment_alone() -> None:
    configured = stack({**SHORT, "environment": "production"})
    [document] = policy_documents(configured, Purpose.DEPLOY)
    added = {*grants(document)} - {*grants(policy(configured, Purpose.DEPLOY))}
    assert {action.partition(":")[0] for action, _, _ in added} == {"cloudwatch", "lambda", "logs"}
    assert {condition for _, _, condition in added} == {"null"}
    prefixes = (":function:", ":log-group:/aws/lambda/", ":dashboard/cryptoctl-", ":alarm:cryptoctl-")
    assert all(any(prefix in resource for prefix in prefixes) for _, resource, _ in added)


def test_what_fits_as_it_is_grants_nothing_beyond_need() -> None:
    configured = stack(SHORT)
    for purpose in (Purpose.OPERATE, Purpose.READ):
        assert policy_documents(configured, purpose) == [policy(configured, purpose)]


def conditions(document: dict[str, Any], action: str) -> list[dict[str, Any]]:
    return [
        statement.get("Condition", {}) for statement in document["Statement"] if action in statement["Action"]
    ]


def test_no_key_that_is_there_already_can_be_tagged_as_ours() -> None:
    """A key with a tag of these names, or with an alias, is somebody's: only what has neither is new."""
    on_new, on_ours = conditions(policy(stack(SHORT), Purpose.DEPLOY), "kms:TagResource")
    owner = {"ManagedBy": "cryptoctl", "Environment": "dev"}
    assert on_new["StringEquals"] == {f"aws:RequestTag/{key}": value for key, value in owner.items()}
    assert on_new["Null"] == dict.fromkeys(
        ("aws:ResourceTag/ManagedBy", "aws:ResourceTag/Environment", "kms:ResourceAliases"), "true"
    )
    assert on_ours == {"StringEquals": {f"aws:ResourceTag/{key}": value for key, value in owner.items()}}


@pytest.mark.parametrize("action", ["kms:Decrypt", "kms:Encrypt", "kms:CreateGrant"])
def test_the_key_is_used_through_lambda_only(action: str) -> None:
    [condition] = conditions(policy(stack(SHORT), Purpose.DEPLOY), action)
    assert condition["StringEquals"]["kms:ViaService"] == "lambda.us-east-1.amazonaws.com"
    assert condition["StringEquals"]["aws:ResourceTag/ManagedBy"] == "cryptoctl"


@pytest.mark.parametrize("action", ["kms:Decrypt", "kms:Encrypt"])
def test_with_senders_it_is_used_through_parameter_store_too_by_those_who_deploy(action: str) -> None:
    configured = stack(SHORT, webhook=WITH_A_SENDER.webhook)
    services = [
        condition["StringEquals"]["kms:ViaService"]
        for condition in conditions(policy(configured, Purpose.DEPLOY), action)
    ]
    assert services == ["lambda.us-east-1.amazonaws.com", "ssm.us-east-1.amazonaws.com"]
    assert "ssm" not in json.dumps(conditions(policy(configured, Purpose.READ), action))


def test_of_the_senders_secrets_readers_see_no_value() -> None:
    configured = stack(SHORT, webhook=WITH_A_SENDER.webhook)
    for purpose in (Purpose.OPERATE, Purpose.READ):
        actions = {
            action for action, _, _ in grants(policy(configured, purpose)) if action.startswith("ssm:")
        }
        assert actions == {"ssm:DescribeParameters", "ssm:ListTagsForResource"}


def test_without_senders_what_one_has_left_is_looked_for_and_nothing_more() -> None:
    actions = {action for action, _, _ in grants(policy(stack(SHORT), Purpose.DEPLOY))}
    lookups = {
        action for action in actions if action.startswith("ssm:") or action.endswith("FunctionUrlConfig")
    }
    assert lookups == {"ssm:DescribeParameters", "lambda:GetFunctionUrlConfig"}


@pytest.mark.parametrize("purpose", [Purpose.DEPLOY, Purpose.READ])
def test_without_a_dashboard_one_that_is_left_is_known_by_its_tags(purpose: Purpose) -> None:
    granted = {grant[:2] for grant in grants(policy(stack(SHORT, dashboard=False), purpose))}
    dashboard_arn = "arn:aws:cloudwatch::111111111111:dashboard/cryptoctl-dev-us-east-1"
    assert {
        ("cloudwatch:ListTagsForResource", dashboard_arn),
        ("cloudwatch:GetDashboard", dashboard_arn),
    } <= granted
    assert ("cloudwatch:DeleteDashboards", dashboard_arn) not in granted


@pytest.mark.parametrize("action", ["iam:CreateRole", "iam:PutRolePolicy", "iam:PutRolePermissionsBoundary"])
def test_with_a_boundary_no_role_is_written_without_it(action: str) -> None:
    document = policy(stack(SHORT, permissions_boundary=BOUNDARY), Purpose.DEPLOY)
    assert conditions(document, action) == [{"ArnEquals": {"iam:PermissionsBoundary": BOUNDARY}}]


def test_nobody_may_take_a_boundary_off_or_attach_a_policy() -> None:
    document = policy(stack(SHORT, permissions_boundary=BOUNDARY), Purpose.DEPLOY)
    actions = {action for action, _, _ in grants(document)}
    assert not actions & {"iam:DeleteRolePermissionsBoundary", "iam:AttachRolePolicy"}


def test_the_document_has_the_sizes_of_the_policies() -> None:
    key = SecuritySettings(
        customer_key="arn:aws:kms:us-east-1:111111111111:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    )
    environments: dict[str, tuple[dict[str, str], dict[str, Any]]] = {
        "`dev` in us-east-1": (SHORT, {}),
        "`production` in us-east-1": ({**SHORT, "environment": "production"}, {}),
        "`dev`, with a permissions boundary": (SHORT, {"permissions_boundary": BOUNDARY}),
        "`dev`, with a sender": (SHORT, {"webhook": WITH_A_SENDER.webhook}),
        "`dev`, with a customer's key": (SHORT, {"security": key}),
        "a name of 41 characters, the longest region, all settings": (LONGEST, EVERYTHING),
    }
    text = PERMISSIONS.read_text(encoding="utf-8")
    for name, (place, settings) in environments.items():
        configured = stack(place, **settings)
        documents = policy_documents(configured, Purpose.DEPLOY)
        printed = f"one document of {characters(documents[0]):,}" if len(documents) == 1 else "two parts"
        exact = characters(policy(configured, Purpose.DEPLOY))
        assert f"| {name} | {exact:,} | {printed} |" in text
