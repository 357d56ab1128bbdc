"""Statements that others have put into policies: everybody who is let in is told, and alarms that are not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cryptoctl.alarm_settings import AlarmSettings
from cryptoctl.provisioners.function import Code
from cryptoctl.provisioners.resource_policy import allows_service, policy_notes
from cryptoctl.reconcile.observe import make_plan
from cryptoctl.reconcile.plan import Goal
from cryptoctl.settings import EnvironmentSettings
from cryptoctl.stack import Stack
from unit.answers import ACCOUNT, SCOPE, STACK, Answers

OPEN = {"Sid": "open", "Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage"}
WITHOUT_TLS = {"Bool": {"aws:SecureTransport": "true"}}


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def bound(operator: str, key: str, value: Any) -> dict[str, Any]:
    return {**OPEN, "Condition": {operator: {key: value}}}


@pytest.mark.parametrize(
    "statement",
    [
        OPEN,
        {**OPEN, "Principal": {"AWS": "*"}},
        {**OPEN, "Principal": {"AWS": [f"arn:aws:iam::{ACCOUNT}:root", "*"]}},
        {**OPEN, "Condition": WITHOUT_TLS},
        {"Sid": "open", "Effect": "Allow", "NotPrincipal": {"AWS": "1" * 12}, "NotAction": "sqs:DeleteQueue"},
        bound("StringNotEquals", "aws:PrincipalAccount", "9" * 12),
        bound("StringLike", "aws:PrincipalArn", "*"),
        bound("Null", "aws:SourceArn", "true"),
        bound("StringEqualsIfExists", "aws:SourceAccount", ACCOUNT),
        bound("ForAllValues:StringEquals", "aws:PrincipalOrgPaths", "o-a1b2c3d4e5/*"),
        bound("IpAddress", "aws:SourceIp", "0.0.0.0/0"),
        bound("IpAddress", "aws:SourceIp", ["192.0.2.0/24", "::/0"]),
        bound("IpAddress", "aws:SourceIp", ["0.0.0.0/1", "128.0.0.0/1"]),
        bound("ArnLike", "aws:SourceArn", "arn:*"),
        bound("ArnLike", "aws:SourceArn", "arn:aws:sns:*:*:*"),
        bound("StringLike", "aws:PrincipalArn", "arn:aws:iam::*:role/*"),
        bound("StringLike", "aws:SourceAccount", "?*"),
        bound("StringLike", "aws:PrincipalOrgID", "o-*"),
        bound("StringLike", "aws:SourceVpce", "vpce-*"),
        bound("StringLike", "aws:SourceVpc", "vpc-*"),
        bound("StringLike", "aws:SourceAccount", "1*"),
        bound("StringLike", "aws:userid", "AROA*:*"),
    ],
)
def test_a_statement_for_everybody_is_told(statement: dict[str, Any]) -> None:
    [note] = policy_notes(STACK.webhook_dead_letters, policy(statement), own_sid="")
    assert note.startswith(f"the policy of {STACK.webhook_dead_letters} lets everybody, in any account, do ")
    assert "(statement open)" in note


@pytest.mark.parametrize(
    "statement",
    [
        {**OPEN, "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}},
        {**OPEN, "Principal": {"AWS": "9" * 12}},
        {**OPEN, "Principal": {"Service": "sns.amazonaws.com"}},
        bound("StringEquals", "AWS:SourceOwner", ACCOUNT),
        bound("ArnLike", "aws:SourceArn", ["arn:aws:sns:us-east-1:111111111111:t"]),
        bound("StringEquals", "aws:PrincipalOrgID", "o-1"),
        bound("IpAddress", "aws:SourceIp", "192.0.2.0/24"),
        bound("IpAddress", "aws:SourceIp", "10.0.0.0/8"),
        bound("ArnLike", "aws:SourceArn", "arn:aws:sns:*:111111111111:*"),
        bound("ArnLike", "aws:SourceArn", "arn:aws:s3:::uploads-*"),
        bound("ForAnyValue:StringLike", "aws:PrincipalOrgPaths", "o-a1b2c3d4e5/*"),
        bound("StringLike", "aws:userid", "AROAEXAMPLEEXAMPLEID:*"),
        {**bound("StringEquals", "aws:SourceVpce", "vpce-1"), "Principal": {"AWS": "*"}},
    ],
)
def test_a_statement_for_some_is_not_worth_a_word(statement: dict[str, Any]) -> None:
    assert list(policy_notes("q", policy(statement), own_sid="")) == []


def test_our_own_statement_is_not_worth_a_word() -> None:
    assert list(policy_notes("q", policy(OPEN), own_sid="open")) == []
    assert list(policy_notes("q", None, own_sid="")) == []


@pytest.mark.parametrize(
    ("statement", "may"),
    [
        ({**OPEN, "Action": "SNS:*"}, True),
        ({**OPEN, "Action": ["sns:Subscribe", "sns:Pub*"], "Principal": {"Service": ["s", "x"]}}, True),
        ({"Effect": "Allow", "Principal": {"Service": "s"}, "NotAction": "sns:DeleteTopic"}, True),
        ({**OPEN, "Action": "sns:Subscribe"}, False),
        ({**OPEN, "Action": "sns:*", "Principal": {"Service": "another"}}, False),
        ({**OPEN, "Action": "sns:*", "Effect": "Deny"}, False),
    ],
)
def test_what_a_policy_lets_a_service_do(statement: dict[str, Any], may: bool) -> None:
    assert allows_service(policy(statement), "s", "sns:Publish") is may


SENDS = {"Sid": "s", "Effect": "Allow", "Principal": {"Service": "s"}, "Action": "sqs:SendMessage"}
DENIES = {**SENDS, "Effect": "Deny", "Principal": "*"}
TOPIC = f"arn:aws:sns:us-east-1:{ACCOUNT}:alerts"
OTHER = f"arn:aws:sns:us-east-1:{ACCOUNT}:billing"


def when(statement: dict[str, Any], operator: str, key: str, value: object) -> dict[str, Any]:
    return {**statement, "Condition": {operator: {key: value}}}


@pytest.mark.parametrize(
    ("statements", "may"),
    [
        ([when(SENDS, "ArnEquals", "aws:SourceArn", TOPIC)], True),
        ([when(SENDS, "ArnLike", "AWS:SourceArn", [OTHER, f"arn:aws:sns:*:{ACCOUNT}:*"])], True),
        ([when(SENDS, "ArnLike", "aws:SourceArn", OTHER)], False),
        (
            [when(SENDS, "ArnLike", "aws:SourceArn", OTHER), when(SENDS, "Bool", "aws:ViaAWSService", "x")],
            True,
        ),
        ([when(SENDS, "StringEquals", "aws:SourceAccount", "9" * 12)], False),
        ([when(SENDS, "StringEqualsIfExists", "aws:SourceAccount", ACCOUNT)], True),
        ([when(SENDS, "StringNotEquals", "aws:SourceAccount", ACCOUNT)], False),
        ([when(SENDS, "StringEquals", "aws:SourceAccount", "${aws:ResourceAccount}")], True),
        ([SENDS, when(DENIES, "StringNotEquals", "aws:SourceAccount", "${aws:ResourceAccount}")], True),
        ([when(SENDS, "StringEqualsIgnoreCase", "aws:SourceArn", TOPIC.upper())], True),
        ([when(SENDS, "StringEquals", "aws:SourceArn", f"{TOPIC[:-1]}*")], False),
        ([when(SENDS, "StringLike", "aws:SourceArn", f"{TOPIC[:-1]}*")], True),
        ([SENDS, DENIES], False),
        ([SENDS, when(DENIES, "ArnNotEquals", "aws:SourceArn", OTHER)], False),
        ([SENDS, when(DENIES, "ArnNotEquals", "aws:SourceArn", TOPIC)], True),
        ([SENDS, when(DENIES, "Bool", "aws:SecureTransport", "false")], True),
        ([SENDS, {**DENIES, "Action": "sqs:DeleteQueue"}], True),
    ],
)
def test_a_condition_on_what_is_known_of_a_request_counts(
    statements: list[dict[str, Any]], may: bool
) -> None:
    context = {"aws:sourcearn": TOPIC, "aws:sourceaccount": ACCOUNT}
    assert allows_service(policy(*statements), "s", "sqs:SendMessage", context) is may


# As SNS writes it into a new topic's policy.
FIRST = {
    "Sid": "__default_statement_ID",
    "Effect": "Allow",
    "Principal": {"AWS": "*"},
    "Action": ["SNS:GetTopicAttributes", "SNS:Publish"],
    "Condition": {"StringEquals": {"AWS:SourceOwner": ACCOUNT}},
}
OF_THE_ACCOUNT = {**FIRST, "Sid": "ours", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}}
OF_CLOUDWATCH = {**FIRST, "Sid": "alarms", "Principal": {"Service": "cloudwatch.amazonaws.com"}}

OF_ANOTHER_ACCOUNT = {"StringEquals": {"aws:SourceAccount": "9" * 12}}


def notes(stack: Stack, *statements: dict[str, Any], topic: str = "alerts") -> tuple[str, ...]:
    answers = {
        "GetTopicAttributes": {"Attributes": {"Policy": policy(*statements)}},
        "ListTagsForResource": {"Tags": [{"Key": key, "Value": value} for key, value in SCOPE.tags.items()]},
        "ListSubscriptionsByTopic": {"Subscriptions": []},
    }
    return make_plan([getattr(stack, topic)], Answers(answers), Goal.PRESENT).notes  # type: ignore[arg-type]


def test_a_topic_that_shuts_cloudwatch_out_is_told_for_no_alarm_reaches_anybody() -> None:
    assert notes(STACK, FIRST) == ()
    assert notes(STACK, OF_THE_ACCOUNT, OF_CLOUDWATCH) == ()
    assert notes(STACK, OF_THE_ACCOUNT, {**OF_CLOUDWATCH, "Condition": OF_ANOTHER_ACCOUNT}) != ()
    [note] = notes(STACK, OF_THE_ACCOUNT)
    assert note.startswith(f"the policy of {STACK.alerts} does not let CloudWatch publish: no alarm reaches")
    assert f"the aws:SourceAccount {ACCOUNT}" in note


def test_where_no_alarm_is_told_to_a_topic_cloudwatch_need_not_publish() -> None:
    off = Stack(
        SCOPE, EnvironmentSettings(alarms=AlarmSettings(enabled=False)), Code(zip_bytes=b"", sha256="")
    )
    assert notes(off, OF_THE_ACCOUNT) == ()
    assert notes(STACK, OF_THE_ACCOUNT, topic="success") == ()
