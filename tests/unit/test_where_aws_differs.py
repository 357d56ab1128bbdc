"""Regions, partitions and states of a resource in which AWS answers as it does nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from cryptoctl.aws_errors import AwsError
from cryptoctl.provisioners.function import Code
from cryptoctl.provisioners.function_url import FunctionUrl
from cryptoctl.reconcile.observe import make_plan
from cryptoctl.reconcile.plan import Action, Goal, Plan, Step
from cryptoctl.reconcile.planner import build_plan
from cryptoctl.settings import EnvironmentSettings
from cryptoctl.stack import Stack
from unit.answers import SCOPE, STACK, Answers
from unit.resource_answers import mapping
from unit.test_out_of_use import table

URL = FunctionUrl(scope=SCOPE, name=STACK.webhook.name, function=STACK.webhook)


class WithoutUrls(Answers):
    """Lambda in a region where it has no function URLs: it takes the request for one of nobody's service."""

    def call(self, service: str, operation: str, **params: Any) -> Any:
        """One request."""
        message = "Unable to determine service/operation name to be authorized"
        raise AwsError(service=service, operation=operation, code="AccessDeniedException", message=message)


def url_plan(answers: Answers, goal: Goal) -> Plan:
    return make_plan([URL], answers, goal)  # type: ignore[arg-type]


def test_where_lambda_has_no_function_urls_there_is_none_and_none_can_be_made() -> None:
    answers = WithoutUrls({"GetFunctionUrlConfig": {}})
    assert URL.observe(answers) is None  # type: ignore[arg-type]
    [obstacle] = url_plan(answers, Goal.PRESENT).obstacles
    assert "no function URLs in us-east-1" in obstacle.what
    absent = url_plan(answers, Goal.ABSENT)
    assert (absent.work, absent.obstacles) == ((), ())


def test_where_there_are_function_urls_nothing_is_in_the_way() -> None:
    assert url_plan(Answers({}), Goal.PRESENT).obstacles == ()


def test_who_may_not_ask_for_an_address_is_told_so() -> None:
    with pytest.raises(AwsError, match="AccessDeniedException"):
        URL.observe(Answers({"GetFunctionUrlConfig": "AccessDeniedException"}))  # type: ignore[arg-type]


@pytest.mark.parametrize("status", ["ARCHIVING", "ARCHIVED"])
def test_an_archived_table_is_there_though_dynamodb_knows_nothing_of_its_backups(status: str) -> None:
    """Else `up` would create it, and `down` leave it."""
    answers = {**table(TableStatus=status), "DescribeContinuousBackups": "TableNotFoundException"}
    observed = STACK.prices.observe(Answers(answers))  # type: ignore[arg-type]
    assert observed is not None
    assert (observed.fields["TableStatus"], observed.fields["PointInTimeRecoveryStatus"]) == (
        status,
        "DISABLED",
    )


def mapping_step(partition: str, goal: Goal, *listed: Mapping[str, Any]) -> Step:
    scope = replace(SCOPE, partition=partition)
    enricher_mapping = Stack(
        scope, EnvironmentSettings(), Code(zip_bytes=b"code", sha256="hash")
    ).prices_to_enricher
    mappings = [
        {
            **listed_mapping,
            "EventSourceArn": f"{enricher_mapping.table.arn}/stream/2026",
            "FunctionArn": enricher_mapping.function.arn,
        }
        for listed_mapping in listed
    ]
    refused = {"ListTags": "InvalidParameterValueException"}
    answers = Answers({"ListEventSourceMappings": {"EventSourceMappings": mappings}, **refused})
    observed = enricher_mapping.observe(answers)  # type: ignore[arg-type]
    [step] = build_plan([enricher_mapping], {enricher_mapping: observed}, goal).steps
    return step


@pytest.mark.parametrize("partition", ["aws-us-gov", "aws-cn"])
def test_where_mappings_carry_no_tags_that_of_our_function_is_ours(partition: str) -> None:
    create = mapping_step(partition, Goal.PRESENT).calls[0]
    assert (create.operation, "Tags" in create.params) == ("CreateEventSourceMapping", False)
    step = mapping_step(partition, Goal.PRESENT, mapping("ours"))
    assert step.action is not Action.REFUSED
    assert "Tags" not in {change.field for change in step.changes}
    assert mapping_step(partition, Goal.ABSENT, mapping("ours")).action is Action.DELETE


@pytest.mark.parametrize(("partition", "expected"), [("aws", True), ("aws-us-gov", False)])
def test_rights_to_tags_are_asked_for_where_mappings_carry_them(partition: str, expected: bool) -> None:
    enricher_mapping = replace(STACK.prices_to_enricher, scope=replace(SCOPE, partition=partition))
    actions = {permission.action for permission in enricher_mapping.permissions()}
    assert ({"lambda:ListTags", "lambda:TagResource"} <= actions) is expected
    assert expected or list(enricher_mapping.candidate_arns(Answers({}))) == []  # type: ignore[arg-type]


def test_elsewhere_a_new_mapping_is_tagged() -> None:
    assert mapping_step("aws", Goal.PRESENT).calls[0].params["Tags"] == SCOPE.tags
