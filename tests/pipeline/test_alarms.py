"""An alarm is raised and cleared, and what it tells people names the command to type."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import replace

import pytest

from cryptoctl.alarm_settings import AlarmSettings
from cryptoctl.local.engine import Engine
from cryptoctl.local.outbox import OutboxMessage
from cryptoctl.ops.alarms import alarm_states
from cryptoctl.ops.times import now_ms
from cryptoctl.provisioners.alarm import Alarm
from cryptoctl.reconcile.execute import StepOutcome
from cryptoctl.reconcile.graph import with_dependencies
from cryptoctl.reconcile.plan import Action
from cryptoctl.settings import EnvironmentSettings
from cryptoctl.stack import Stack
from kit.waiting import eventually
from live import Connect, Live

pytestmark = pytest.mark.engine


@pytest.fixture
def watched(connect: Connect) -> Iterator[Live]:
    """A queue, its alarm and the topic that it tells, with a subscriber."""
    config = EnvironmentSettings(
        alarms=AlarmSettings(lag_s="off", errors="off", throttles="off"),
        alert_subscribers=("person@example.com",),
    )
    live = connect(f"a{uuid.uuid4().hex[:8]}", config)
    report = live.up(list(with_dependencies([alarm_of(live), live.stack.webhook_dead_letters])))
    assert {result.outcome for result in report.results} == {StepOutcome.DONE}
    yield live
    live.down()


def alarm_of(live: Live) -> Alarm:
    alarm = live.stack.dead_letter_alarms[live.stack.webhook_dead_letters.name]
    assert alarm is not None
    return alarm


def alarm_messages(engine: Engine, name: str) -> list[OutboxMessage]:
    return [message for message in engine.outbox(100) if name in message.subject]


def test_a_dead_letter_raises_its_alarm_and_an_alarm_without_cause_is_cleared(
    watched: Live, engine: Engine
) -> None:
    alarm, queue = alarm_of(watched), watched.stack.webhook_dead_letters
    aws = watched.aws
    aws.call("cloudwatch", "SetAlarmState", AlarmName=alarm.name, StateValue="ALARM", StateReason="a trial")
    eventually(
        lambda: len(alarm_messages(engine, alarm.name)) > 1, within_s=180, what="the alarm to be cleared"
    )
    url = aws.call("sqs", "GetQueueUrl", QueueName=queue.name)["QueueUrl"]
    aws.call("sqs", "SendMessage", QueueUrl=url, MessageBody="{}")
    eventually(
        lambda: len(alarm_messages(engine, alarm.name)) > 2, within_s=180, what="the alarm to be raised"
    )
    (raised,) = [state for state in alarm_states(aws, watched.stack) if state.raised]
    assert (raised.name, raised.command) == (alarm.name, alarm.command)
    assert "Threshold Crossed" in raised.reason and abs(raised.since_ms - now_ms()) < 90_000
    messages = alarm_messages(engine, alarm.name)
    assert sorted(message.subject.partition(":")[0] for message in messages) == ["ALARM", "ALARM", "OK"]
    assert {message.recipient for message in messages} == {"person@example.com"}
    scope = watched.session.scope
    command = f"`cryptoctl dlq list --env {scope.environment} --region {scope.region}`"
    assert all(queue.name in message.text and command in message.text for message in messages)


def test_an_alarm_that_was_switched_off_is_removed(watched: Live) -> None:
    config = replace(watched.session.config, alarms=AlarmSettings(enabled=False))
    watched.stack = Stack(watched.session.scope, config, watched.stack.code)
    removed = [str(step.resource) for step in watched.plan().work if step.action is Action.DELETE]
    name = f"cryptoctl-{watched.session.environment}-webhook-processor-dlq"
    assert removed == [f"alarm {name}"]
