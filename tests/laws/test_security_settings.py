"""The settings that security teams demand, on one resource of each kind: made, mended, and taken back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from cryptoctl.provisioners.tls_policy import SID
from cryptoctl.reconcile.observe import observe
from cryptoctl.reconcile.plan import Action
from cryptoctl.reconcile.provisioner import Provisioner
from cryptoctl.security_settings import FunctionSettings, SecuritySettings
from cryptoctl.settings import EnvironmentSettings
from cryptoctl.stack import Stack
from laws.whole_stack import done
from live import Connect, Live, LivePart

pytestmark = pytest.mark.engine

# What differs between an environment with all of the settings and one with none of them.
SETTINGS = {
    "table": {"KMSMasterKeyArn"},
    "queue": {"Attributes", "Policy"},
    "topic": {"KmsMasterKeyId", "Policy"},
    "log group": {"kmsKeyId", "retentionInDays"},
    "function": {"LogLevels", "TracingMode"},
    "role": {"Policies"},
}


@dataclass(frozen=True, kw_only=True)
class Secured:
    """An environment with every setting on, and the same one with none."""

    on: Live
    off: Live
    key: str


@pytest.fixture(scope="module")
def secured(connect: Connect) -> Iterator[Secured]:
    key = connect("keeper").aws.call("kms", "CreateKey")["KeyMetadata"]["Arn"]
    config = EnvironmentSettings(
        log_retention_days="never expire",
        security=SecuritySettings(customer_key=key),
        functions=FunctionSettings(application_log_level="DEBUG", system_log_level="DEBUG", tracing=True),
    )
    without = EnvironmentSettings(security=SecuritySettings(refuse_plain_http=False))
    on, off = (LivePart(connect("secured", settings), one_of_each) for settings in (config, without))
    done(on.up())
    yield Secured(on=on, off=off, key=key)
    off.down()


def one_of_each(stack: Stack) -> list[Provisioner]:
    return [
        stack.prices,
        stack.webhook_dead_letters,
        stack.alerts,
        stack.webhook_logs,
        stack.webhook,
        stack.webhook_role,
    ]


def test_the_second_plan_is_empty(secured: Secured) -> None:
    assert secured.on.plan().nothing_to_do


def test_each_kind_carries_the_key(secured: Secured) -> None:
    settings = {
        resource.kind: observed.fields
        for resource, observed in observe(one_of_each(secured.on.stack), secured.on.aws).items()
        if observed
    }
    assert settings["table"]["KMSMasterKeyArn"] == secured.key
    assert settings["queue"]["Attributes"]["KmsMasterKeyId"] == secured.key
    assert settings["topic"]["KmsMasterKeyId"] == secured.key
    assert settings["log group"]["kmsKeyId"] == secured.key
    assert settings["log group"]["retentionInDays"] is None


def test_a_setting_that_is_taken_out_is_reverted_and_put_in_again_is_made(secured: Secured) -> None:
    for live in (secured.off, secured.on):
        plan = live.plan()
        assert {step.action for step in plan.work} == {Action.UPDATE}
        changed = {step.resource.kind: {change.field for change in step.changes} for step in plan.work}
        assert changed == SETTINGS
        done(live.run(plan))
        assert live.plan().nothing_to_do


def policies(live: Live) -> dict[str, dict[str, Any]]:
    """The statements of a queue's and a topic's policy under their ids, as AWS has them."""
    url = live.aws.call("sqs", "GetQueueUrl", QueueName=live.stack.webhook_dead_letters.name)["QueueUrl"]
    queue = live.aws.call("sqs", "GetQueueAttributes", QueueUrl=url, AttributeNames=["Policy"])
    topic = live.aws.call("sns", "GetTopicAttributes", TopicArn=live.stack.alerts.arn)
    texts = {"queue": queue.get("Attributes", {}).get("Policy"), "topic": topic["Attributes"].get("Policy")}
    return {
        kind: {statement["Sid"]: statement for statement in json.loads(text)["Statement"]} if text else {}
        for kind, text in texts.items()
    }


def test_what_others_wrote_in_a_policy_stays_to_the_letter(secured: Secured) -> None:
    live, queue, topic = secured.on, secured.on.stack.webhook_dead_letters, secured.on.stack.alerts
    first = policies(live)
    assert first.keys() == {"queue", "topic"} and all(SID in by_sid for by_sid in first.values())
    assert set(first["topic"]) == {SID, "__default_statement_ID"}
    whom = "1" * 12
    url = live.aws.call("sqs", "GetQueueUrl", QueueName=queue.name)["QueueUrl"]
    live.aws.call(
        "sqs", "AddPermission", QueueUrl=url, Label="theirs", AWSAccountIds=[whom], Actions=["SendMessage"]
    )
    live.aws.call(
        "sns",
        "AddPermission",
        TopicArn=topic.arn,
        Label="theirs",
        AWSAccountId=[whom],
        ActionName=["Publish"],
    )
    foreign = {kind: statements["theirs"] for kind, statements in policies(live).items()}
    done(secured.off.up([secured.off.stack.webhook_dead_letters, secured.off.stack.alerts]))
    off = policies(live)
    assert {kind: by_sid["theirs"] for kind, by_sid in off.items()} == foreign
    assert not any(SID in by_sid for by_sid in off.values())
    done(live.up([queue, topic]))
    on = policies(live)
    assert {kind: by_sid["theirs"] for kind, by_sid in on.items()} == foreign
    assert {kind: by_sid[SID] for kind, by_sid in on.items()} == {
        kind: by_sid[SID] for kind, by_sid in first.items()
    }
