"""Somebody else has changed a queue, or sent text that would like to be a line of ours."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from cryptoctl.ops.dead_letters.messages import QueueName
from dead_letters.command_line import Dlq, run
from dead_letters.environment import ENRICHER, FROM_LAMBDA, WEBHOOK, DeadLetterEnvironment

pytestmark = pytest.mark.engine


def _set(env: DeadLetterEnvironment, queue: QueueName, **attributes: str) -> None:
    url = env.queues[queue].url
    env.aws.call("sqs", "SetQueueAttributes", QueueUrl=url, Attributes=attributes)


def test_a_queue_with_a_redrive_policy_is_not_looked_into(env: DeadLetterEnvironment, dlq: Dlq) -> None:
    """With one, each look counts as a receive, and the messages move on to the other queue."""
    env.send_events([env.price(number) for number in range(3)])
    Path("file.jsonl").write_text('{"queue": "webhook", "body": "x"}', encoding="utf-8")
    target = env.queues[ENRICHER].identity.partition("@")[0]
    policy = json.dumps({"deadLetterTargetArn": target, "maxReceiveCount": "1"})
    _set(env, WEBHOOK, RedrivePolicy=policy)
    try:
        for words in (
            ("list",),
            ("peek",),
            ("replay", "--dry-run"),
            ("replay", "--queue", "enricher"),
            ("export", "new.jsonl"),
            ("import", "file.jsonl"),
            ("purge", "--yes"),
        ):
            result = dlq(*words)
            assert result.code == 6, words
            assert f"webhook-processor-dlq-{env.name} has a redrive policy" in result.err
            assert "cryptoctl up" in result.err
        assert not Path("new.jsonl").exists()
    finally:
        _set(env, WEBHOOK, RedrivePolicy="")
    assert env.depths == {"webhook": (3, 0), "enricher": (0, 0)}
    assert dlq("list").code == 0


def test_delayed_messages_are_counted_and_shown(env: DeadLetterEnvironment, dlq: Dlq) -> None:
    _set(env, WEBHOOK, DelaySeconds="900")
    try:
        env.send_events([env.price(1), env.price(2)])
        assert "0 waiting, 0 in flight, 2 delayed" in dlq("list").out
        assert dlq("list", "--output", "json").json["queues"][0]["delayed"] == 2
        assert "2 delayed" in run("status", environment=env.name).out
    finally:
        _set(env, WEBHOOK, DelaySeconds="0")


BREAKS = ("\n", "\r", "\r\n", "\u2028", "\u2029", "\x0b", "\x0c", "\x85")


def test_no_text_from_a_message_makes_a_line_of_its_own(env: DeadLetterEnvironment, dlq: Dlq) -> None:
    """Each of what breaks lines is in messages of its own, with an error that has a row of its own."""
    forgeries = [
        f"no{line_break}✓ webhook {number} event  store it at its own time: price stored"
        for number, line_break in enumerate(BREAKS, start=101)
    ]
    for name, forged, line_break in zip("abcdefgh", forgeries, BREAKS, strict=True):
        plain = line_break in ("\n", "\r", "\r\n")  # the others SQS itself refuses outside of JSON
        error = {"DataType": "String", "StringValue": f"{name} {forged}" if plain else name}
        attributes = {**FROM_LAMBDA, "ErrorMessage": error}
        event = json.dumps({"symbol": forged, "price": 1, "exchange": forged, "timestamp": 5})
        env.send(WEBHOOK, json.dumps({"body": event}), attributes)
        env.send(WEBHOOK, event, attributes)
        keys = {"symbol": {"S": forged}, "timestamp": {"N": "5"}}
        record = {"kind": "record", "reason": f"{name} {forged}", "record": {"dynamodb": {"Keys": keys}}}
        env.send(ENRICHER, json.dumps(record), {})
        env.send(ENRICHER, forged if plain else "scribble", {})
    for words in (
        ("list",),
        ("peek", "--limit", "100"),
        ("replay", "--dry-run"),
        *(("replay", "--dry-run", "--limit", "1", "--set", f"exchange={forged}") for forged in forgeries),
        ("replay", "--max-failures", "100"),
        ("peek", "--limit", "100"),
    ):
        result = dlq(*words)
        lines = (result.out + result.err).splitlines()
        assert len(lines) >= (1 if "--set" in words else len(BREAKS))
        told = [line for line in lines if re.match(r"\s*✓ webhook 1\d\d", line)]
        assert not told, (words, told)
