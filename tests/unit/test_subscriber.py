"""A subscribed queue that does not let the topic send: told by plan, and no obstacle to it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from cryptoctl.aws import Caller
from cryptoctl.cli.command import CommandRun
from cryptoctl.cli.up import _mention_alerts, up
from cryptoctl.provisioners.function import Code
from cryptoctl.provisioners.queue import NO_SUCH_QUEUE
from cryptoctl.reconcile.permissions import Permission
from cryptoctl.reconcile.plan import Goal
from cryptoctl.reconcile.planner import build_plan
from cryptoctl.security_settings import SecuritySettings
from cryptoctl.session import Session, SessionOptions
from cryptoctl.settings import EnvironmentSettings, Settings, Target
from cryptoctl.stack import Stack
from cryptoctl.ui.screen import Screen
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
    return Stack(SCOPE, EnvironmentSettings(alert_subscribers=subscribers), Code(zip_bytes=b"", sha256=""))


def notes(stack: Stack, answers: Mapping[str, Any]) -> tuple[str, ...]:
    observed = stack.alerts.observe(Answers({**TOPIC, **answers}))  # type: ignore[arg-type]
    assert observed is not None
    return observed.notes


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
        {**LETS_IN, "Condition": {"ArnEquals": {"aws:SourceArn": stack(QUEUE).alerts.arn}}},
        {**LETS_IN, "Condition": {"StringEquals": {"aws:SourceAccount": SCOPE.account}}},
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
        ({**LETS_IN, "Condition": {"ArnEquals": {"aws:SourceArn": f"{stack(QUEUE).alerts.arn}-billing"}}},),
        ({**LETS_IN, "Condition": {"StringEquals": {"aws:SourceAccount": "9" * 12}}},),
    ],
)
def test_a_queue_that_does_not_let_sns_send_is_told(statements: tuple[dict[str, Any], ...]) -> None:
    configured = stack(QUEUE, "a@b.c")
    [note] = notes(configured, policy(*statements))
    assert note.startswith(f"the policy of {QUEUE} does not let {configured.alerts} send")
    assert f"aws:SourceArn {configured.alerts.arn}" in note


def test_a_queue_without_a_policy_is_told() -> None:
    assert notes(stack(QUEUE), {**policy(), "GetQueueAttributes": {}})


@pytest.mark.parametrize("code", ["AccessDenied", NO_SUCH_QUEUE])
def test_a_queue_that_may_not_be_read_stops_nothing(code: str) -> None:
    assert notes(stack(QUEUE), {"GetQueueUrl": code}) == ()


def test_a_queue_of_the_own_account_that_is_not_there_is_told() -> None:
    """Without that, a slip in its ARN loses all alerts, and nothing differs."""
    own = f"arn:aws:sqs:us-east-1:{SCOPE.account}:pagre"
    [note] = notes(stack(own, "a@b.c"), {"GetQueueUrl": NO_SUCH_QUEUE})
    assert note.startswith(f"there is no queue {own}: what topic price-alerts-dev sends there is lost")
    assert notes(stack(own), {"GetQueueUrl": "AccessDenied"}) == ()


def test_a_queue_elsewhere_is_not_taken_for_its_namesake_here() -> None:
    assert notes(stack(ELSEWHERE), policy()) == ()


def test_the_queue_is_asked_of_its_own_account() -> None:
    answers = Answers({**TOPIC, **policy()})
    stack(QUEUE).alerts.observe(answers)  # type: ignore[arg-type]
    assert ("GetQueueUrl", {"QueueName": "pager", "QueueOwnerAWSAccountId": "2" * 12}) in answers.requests


def test_reading_the_queue_is_among_the_permissions() -> None:
    def of_queues(permissions: list[Permission]) -> set[tuple[str, tuple[Any, ...]]]:
        return {
            (permission.action, permission.resources)
            for permission in permissions
            if permission.action.startswith("sqs:")
        }

    assert of_queues(list(stack(QUEUE, ELSEWHERE, "a@b.c").alerts.permissions())) == {
        ("sqs:GetQueueUrl", (QUEUE,)),
        ("sqs:GetQueueAttributes", (QUEUE,)),
    }


def test_a_subscriber_that_has_not_confirmed_is_told_by_every_plan() -> None:
    """Without that, alerts are lost for months, and nothing differs."""
    configured = stack("a@b.c", "d@e.f")
    listed = [
        {"Protocol": "email", "Endpoint": endpoint, "SubscriptionArn": arn}
        for endpoint, arn in (
            ("a@b.c", "PendingConfirmation"),
            ("d@e.f", f"{configured.alerts.arn}:1"),
            ("somebody@else.org", "PendingConfirmation"),
        )
    ]
    [note] = notes(
        configured, {"ListSubscriptionsByTopic": {"Subscriptions": listed}, "GetSubscriptionAttributes": {}}
    )
    assert note.startswith(f"the subscription of a@b.c to {configured.alerts} is not confirmed")


def filtered(policy: str | None, endpoint: str = "a@b.c") -> tuple[str, ...]:
    configured = stack("a@b.c")
    arn = f"{configured.alerts.arn}:1"
    listed = {"Protocol": "email", "Endpoint": endpoint, "SubscriptionArn": arn}
    attributes = {"Attributes": {} if policy is None else {"FilterPolicy": policy}}
    answers = {
        "ListSubscriptionsByTopic": {"Subscriptions": [listed]},
        "GetSubscriptionAttributes": attributes,
    }
    return notes(configured, answers)


def test_a_filter_that_keeps_alerts_from_a_subscriber_is_told_with_the_way_out() -> None:
    """Nothing differs, and nobody hears anything."""
    [note] = filtered('{"nobody": ["sends this"]}')
    assert note.startswith("the subscription of a@b.c to topic price-alerts-dev has a filter policy")
    assert '{"nobody": ["sends this"]}' in note
    assert "--subscription-arn arn:aws:sns:us-east-1:111111111111:price-alerts-dev:1 --attribute-name" in note


@pytest.mark.parametrize(
    ("policy", "endpoint"), [(None, "a@b.c"), ("", "a@b.c"), ("{}", "a@b.c"), ('{"a": ["b"]}', "d@e.f")]
)
def test_no_filter_or_somebody_elses_is_not_worth_a_word(policy: str | None, endpoint: str) -> None:
    assert filtered(policy, endpoint) == ()


def test_a_subscription_that_may_not_be_read_stops_nothing() -> None:
    configured = stack("a@b.c")
    listed = {"Protocol": "email", "Endpoint": "a@b.c", "SubscriptionArn": f"{configured.alerts.arn}:1"}
    answers = {"ListSubscriptionsByTopic": {"Subscriptions": [listed]}}
    assert notes(configured, {**answers, "GetSubscriptionAttributes": "AuthorizationError"}) == ()


def test_reading_a_subscription_is_among_the_permissions_where_somebody_is_subscribed() -> None:
    def reads(stack: Stack) -> bool:
        return "sns:GetSubscriptionAttributes" in {
            permission.action for permission in stack.alerts.permissions()
        }

    assert (reads(stack("a@b.c")), reads(stack())) == (True, False)


class Empty(Answers):
    """An account in which there is nothing until the topic is created, whose subscriber must confirm then."""

    caller = Caller(account=SCOPE.account, arn=f"arn:aws:iam::{SCOPE.account}:root")
    region, partition, made = SCOPE.region, SCOPE.partition, False

    def call(self, service: str, operation: str, *, once: bool = False, **params: Any) -> Any:
        """Creating is remembered."""
        self.made |= operation == "CreateTopic"
        return super().call(service, operation, **params)

    def find(self, service: str, operation: str, *, not_found: Any, **params: Any) -> Any:
        """Nothing before that."""
        return super().find(service, operation, not_found=not_found, **params) if self.made else None


@pytest.mark.parametrize("made", [False, True], ids=["made now", "there already"])
def test_up_says_once_that_a_subscriber_must_confirm(
    made: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CRYPTOCTL_STATE_DIR", str(tmp_path))
    config = EnvironmentSettings(
        alert_subscribers=("a@b.c",), security=SecuritySettings(refuse_plain_http=False)
    )
    configured = Stack(SCOPE, config, Code(zip_bytes=b"", sha256=""))
    listed = {"Protocol": "email", "Endpoint": "a@b.c", "SubscriptionArn": "PendingConfirmation"}
    tags = [{"Key": key, "Value": value} for key, value in SCOPE.tags.items()]
    answers = {"ListTagsForResource": {"Tags": tags}, "ListSubscriptionsByTopic": {"Subscriptions": [listed]}}
    aws = Empty({**TOPIC, **answers, "CreateTopic": {}, "Subscribe": {}})
    aws.made = made
    session = Session(SessionOptions(environment="dev", target=Target.AWS))
    session.__dict__ |= {"aws": aws, "stack": configured, "settings": Settings(), "last_location": None}
    up(CommandRun(session=session, screen=Screen(colour=False)), only=[configured.alerts.name])
    assert (
        capsys.readouterr().err.count(f"The subscription of a@b.c to {configured.alerts} is not confirmed")
        == 1
    )


@pytest.mark.parametrize(
    ("endpoints", "notice"),
    [
        (("a@b.c", QUEUE), "Alerts to a@b.c stay on this machine: `cryptoctl local outbox` shows them.\n"),
        ((QUEUE,), ""),
    ],
)
def test_what_the_engine_sends_to_a_queue_is_not_looked_for_in_its_outbox(
    endpoints: tuple[str, ...], notice: str, capsys: pytest.CaptureFixture[str]
) -> None:
    configured = stack(*endpoints)
    listed = [
        {"Protocol": subscriber.protocol, "Endpoint": subscriber.endpoint, "SubscriptionArn": "arn:1"}
        for subscriber in configured.alerts.subscribers
    ]
    answers = {**TOPIC, **policy(LETS_IN), "ListSubscriptionsByTopic": {"Subscriptions": listed}}
    observed = configured.alerts.observe(Answers({**answers, "GetSubscriptionAttributes": {}}))  # type: ignore[arg-type]
    session = Session(SessionOptions(environment="dev", target=Target.LOCAL))
    session.__dict__ |= {"stack": configured, "settings": Settings(), "last_location": None}
    plan = build_plan([configured.alerts], {configured.alerts: observed}, Goal.PRESENT)
    _mention_alerts(CommandRun(session=session, screen=Screen(colour=False)), plan)
    assert capsys.readouterr().err == notice
