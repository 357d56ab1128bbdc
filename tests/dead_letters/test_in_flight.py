"""What another run has received is not taken for absent: it is counted and told, and nothing is complete."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cryptoctl.ops.dead_letters.messages import Message
from cryptoctl.ops.dead_letters.queues import DeadLetterQueue
from cryptoctl.ops.queue_depth import QueueDepth
from dead_letters.command_line import CommandResult, run
from dead_letters.environment import WEBHOOK, DeadLetterEnvironment

pytestmark = pytest.mark.engine

Dlq = Callable[..., CommandResult]
TOLD = (
    "2 more messages are in flight: another run has them, or one that was killed up to 10 minutes ago "
    "(on AWS the count may lag by a minute). Whether the filters select them is not known."
)


@pytest.fixture
def received(env: DeadLetterEnvironment) -> Iterator[list[Message]]:
    """Two messages that another run has received."""
    env.send_events([env.price(1), env.price(2)])
    received = env.queues[WEBHOOK].receive(visibility_s=600, wait_s=0)
    assert len(received) == 2
    yield received
    env.queues[WEBHOOK].set_visibility(received, 0)


@pytest.fixture
def dlq(
    env: DeadLetterEnvironment, received: list[Message], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Dlq:
    """A command on the queue, of whose messages another run has received two."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "1000")
    return lambda *words: run(*words, environment=env.name)


@pytest.mark.parametrize("visible", [0, 3], ids=["all", "some"])
def test_a_replay_is_not_complete(env: DeadLetterEnvironment, dlq: Dlq, visible: int) -> None:
    env.send_events([env.price(10 + number) for number in range(visible)])
    result = dlq("dlq", "replay", "--dry-run")
    assert result.code == 0 and TOLD in result.err
    assert dlq("dlq", "replay", "--dry-run", "--output", "json").json["in_flight"] == 2
    result = dlq("dlq", "replay", "--output", "json")
    summary = result.json["summary"]
    assert (result.code, summary["replayed"], summary["in_flight"], summary["complete"]) == (
        1,
        visible,
        2,
        False,
    )
    assert (result.json["failure"]["message"], result.json["in_flight"]) == (TOLD, 2)
    assert env.depths["webhook"] == (0, 2)


def test_a_replay_of_as_many_as_are_asked_for_or_of_those_that_are_named_is(
    env: DeadLetterEnvironment, dlq: Dlq
) -> None:
    env.send_events([env.price(10), env.price(11)])
    assert dlq("dlq", "replay", "--limit", "1", "--output", "json").json["summary"]["complete"]
    (message,) = dlq("dlq", "peek", "--output", "json").json["messages"]
    summary = dlq("dlq", "replay", "--id", message["id"], "--output", "json").json["summary"]
    assert (summary["replayed"], summary["complete"]) == (1, True)


@pytest.mark.parametrize("visible", [0, 3], ids=["all", "some"])
def test_a_purge_is_not_complete(env: DeadLetterEnvironment, dlq: Dlq, visible: int) -> None:
    env.send_events([env.price(10 + number) for number in range(visible)])
    result = dlq("dlq", "purge", "--yes", "--output", "json")
    document = {name: result.json[name] for name in ("found", "deleted", "in_flight", "complete")}
    assert document == {"found": visible, "deleted": visible, "in_flight": 2, "complete": False}
    assert (result.code, result.json["failure"]["message"]) == (1, TOLD)
    assert env.depths["webhook"] == (0, 2)


def test_an_export_tells_how_many_it_lacks(env: DeadLetterEnvironment, dlq: Dlq) -> None:
    env.send_events([env.price(10 + number) for number in range(3)])
    result = dlq("dlq", "export", "some.jsonl")
    assert (result.code, result.out) == (0, "3 messages are in some.jsonl.\n")
    assert result.err == f"{TOLD} Export again later.\n"
    assert dlq("dlq", "export", "more.jsonl", "--output", "json").json["in_flight"] == 2
    assert dlq("dlq", "export", "other.jsonl", "--queue", "enricher").err == ""


@pytest.mark.parametrize("visible", [0, 3], ids=["all", "some"])
def test_peek_says_that_it_does_not_show_them(env: DeadLetterEnvironment, dlq: Dlq, visible: int) -> None:
    env.send_events([env.price(10 + number) for number in range(visible)])
    assert dlq("dlq", "peek").err == f"{TOLD}\n"
    document = dlq("dlq", "peek", "--output", "json").json
    assert (len(document["messages"]), document["in_flight"]) == (visible, 2)


@pytest.mark.parametrize("visible", [0, 3], ids=["all", "some"])
def test_list_counts_them_beside_the_causes(env: DeadLetterEnvironment, dlq: Dlq, visible: int) -> None:
    env.send_events([env.price(10 + number) for number in range(visible)])
    document = dlq("dlq", "list", "--output", "json").json
    assert (sum(cause["count"] for cause in document["causes"]), document["in_flight"]) == (visible, 2)
    assert dlq("dlq", "list", "--queue", "enricher", "--output", "json").json["in_flight"] == 0


@pytest.mark.parametrize("visible", [0, 3], ids=["all", "some"])
def test_a_trace_says_that_it_has_not_seen_them(env: DeadLetterEnvironment, dlq: Dlq, visible: int) -> None:
    env.send_events([env.price(10 + number) for number in range(visible)])
    for words in (("BTC", "--id", "7"), ("--request", "6a1c5a7e-0000-4000-8000-00000000000f")):
        result = dlq("trace", *words)
        assert result.code == 1 and f"Not all dead letters were read. {TOLD}" in result.err
        assert "no dead letter about one" not in result.err
        notes = json.loads(dlq("trace", *words, "--output", "json").out)["notes"]
        assert [note for note in notes if TOLD in note]


def test_a_list_says_that_they_are_none_that_it_counts(dlq: Dlq) -> None:
    result = dlq("dlq", "list")
    assert "0 waiting, 2 in flight; 0 match" in result.out and result.err == f"{TOLD}\n"
    assert dlq("dlq", "list", "--queue", "enricher").err == ""


def test_a_list_does_not_say_it_of_those_that_it_counts(
    env: DeadLetterEnvironment, dlq: Dlq, received: list[Message], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another run's end meanwhile; on AWS the count is as old after one that has ended."""
    counted = DeadLetterQueue.depth

    def then_released(queue: DeadLetterQueue) -> QueueDepth:
        depth = counted(queue)
        env.queues[WEBHOOK].set_visibility(received, 0)
        received.clear()
        return depth

    monkeypatch.setattr(DeadLetterQueue, "depth", then_released)
    result = dlq("dlq", "list")
    assert "0 waiting, 2 in flight; 2 match" in result.out and result.err == ""
