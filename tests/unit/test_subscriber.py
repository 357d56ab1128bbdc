"""A subscribed queue that does not let the topic send: told by plan, and no obstacle to it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from cryptoctl.provisioners.function import Code
from cryptoctl.reconcile.permissions import Permission
from cryptoctl.settings import Environment
from cryptoctl.stack import Stack
from unit.answers import SCOPE, Answers

QUEUE = "arn:aws:sqs:us-east-1:222222222222:pager"
ELSEWHERE = "arn:aws:sqs:eu-west-1:222222222222:pager"
LETS_IN = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "SQS:SendMessage"}
TOPIC = {
    "GetTopicAttributes": {"Attributes": {}},
    "ListTagsForResource": {"Tags": []},
    "ListSubscriptionsByTopic": {"Subscriptions": []},
}


def stack(*subscribers: str) -> Stack:
    return Stack(SCOPE, Environment(alert_subscribers=subscribers), Code(zip_bytes=b"", sha256=""))


def notes(of: Stack, answers: Mapping[str, Any]) -> tuple[str, ...]:
    seen = of.alerts.observe(Answers({**TOPIC, **answers}))  # type: ignore[arg-type]
    assert seen is not None
    return seen.notes


def policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {
        "GetQueueUrl": {"QueueUrl": "u"},
        "GetQueueAttributes": {"Attributes": {"Policy": json.dumps({"Statement": statements})}},
    }


@pytest.mark.parametrize(
    "statement",
    [
        LETS_IN,
        {**LETS_IN, "Principal": "*"},
        {**LETS_IN, "Principal": {"AWS": "*"}, "Action": ["sqs:ReceiveMessage", "sqs:*"]},
        {**LETS_IN, "Action": "sqs:Send*"},
        {"Effect": "Allow", "Principal": "*", "NotAction": "sqs:DeleteQueue"},
    ],
)
def test_a_queue_that_lets_sns_send_is_not_worth_a_word(statement: dict[str, Any]) -> None:
    assert notes(stack(QUEUE), policy(statement)) == ()


@pytest.mark.parametrize(
    "statements",
    [
        (),
        ({**LETS_IN, "Principal": {"AWS": "arn:aws:iam::1:root"}},),
        ({**LETS_IN, "Action": "sqs:ReceiveMessage"},),
        ({**LETS_IN, "Effect": "Deny"},),
    ],
)
def test_a_queue_that_does_not_let_sns_send_is_told(statements: tuple[dict[str, Any], ...]) -> None:
    its = stack(QUEUE, "a@b.c")
    [note] = notes(its, policy(*statements))
    assert note.startswith(f"the policy of {QUEUE} does not let {its.alerts} send")
    assert f"aws:SourceArn {its.alerts.arn}" in note


def test_a_queue_without_a_policy_is_told() -> None:
    assert notes(stack(QUEUE), {**policy(), "GetQueueAttributes": {}})


@pytest.mark.parametrize("code", ["AccessDenied", "AWS.SimpleQueueService.NonExistentQueue"])
def test_a_queue_that_may_not_be_read_stops_nothing(code: str) -> None:
    assert notes(stack(QUEUE), {"GetQueueUrl": code}) == ()


def test_a_queue_elsewhere_is_not_taken_for_its_namesake_here() -> None:
    assert notes(stack(ELSEWHERE), policy()) == ()


def test_the_queue_is_asked_of_its_own_account() -> None:
    answers = Answers({**TOPIC, **policy()})
    stack(QUEUE).alerts.observe(answers)  # type: ignore[arg-type]
    assert ("GetQueueUrl", {"QueueName": "pager", "QueueOwnerAWSAccountId": "2" * 12}) in answers.asked


def test_reading_the_queue_is_among_the_permissions() -> None:
    def of_queues(permissions: list[Permission]) -> set[tuple[str, tuple[Any, ...]]]:
        return {(each.action, each.resources) for each in permissions if each.action.startswith("sqs:")}

    assert of_queues(list(stack(QUEUE, ELSEWHERE, "a@b.c").alerts.permissions())) == {
        ("sqs:GetQueueUrl", (QUEUE,)),
        ("sqs:GetQueueAttributes", (QUEUE,)),
    }
