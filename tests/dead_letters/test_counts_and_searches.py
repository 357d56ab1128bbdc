"""What `list` counts of dead letters, and what a search of the table says about a pointer; without AWS."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cryptoctl.aws import Aws
from cryptoctl.ops.dead_letters.causes import SLOTS, Cause, Causes, MessageGroup
from cryptoctl.ops.dead_letters.enriching import Enricher, EnrichResult, UnenrichedPrice
from cryptoctl.ops.dead_letters.messages import DeadLetter, Message, QueueName, decode
from cryptoctl.ops.dead_letters.repair import (
    MARGIN_MS,
    RepairSearch,
    incorrect,
    unenriched,
    unrecovered_reason,
)
from cryptoctl.ops.queue_depth import QueueDepth
from unit.answers import STACK, Answers

NOW_MS = 1_800_000_000_000
WEBHOOK, ENRICHER = QueueName.WEBHOOK, QueueName.ENRICHER
FAILED = {"ErrorMessage": {"DataType": "String", "StringValue": "KeyError"}}


def letter(body: object, queue: QueueName = WEBHOOK, sent_ms: int = NOW_MS) -> DeadLetter:
    text = body if isinstance(body, str) else json.dumps(body)
    return decode(Message(queue=queue, id="i", body=text, attributes=FAILED, sent_ms=sent_ms, receives=1))


def counted(sent_ms: list[int]) -> Causes:
    group = MessageGroup()
    for time_ms in sent_ms:
        group.add(letter({"body": "{}"}, sent_ms=time_ms))
    cause = Cause(queue="webhook", shape="event", function="webhook-processor", cause="KeyError")
    depth = QueueDepth(name="q", visible=len(sent_ms), in_flight=0, delayed=0)
    return Causes(
        at_ms=NOW_MS,
        depths={WEBHOOK: depth},
        matching={WEBHOOK: group},
        groups={cause: group} if sent_ms else {},
    )


def test_messages_that_come_evenly_are_one_in_each_twelfth_of_the_time() -> None:
    document = counted([NOW_MS - age_s * 1000 for age_s in range(0, 1200, 100)]).document()
    (cause,) = document["causes"]
    assert cause["over_time"] == [1] * SLOTS
    assert (cause["count"], cause["oldest_age_s"], cause["newest_age_s"]) == (12, 1100, 0)
    assert (document["queues"][0]["matching"], document["queues"][0]["oldest_age_s"]) == (12, 1100)


@given(st.lists(st.integers(-100_000, 10**9), min_size=1))
def test_every_message_is_counted_once_over_the_time_whatever_the_clocks_say(ages_ms: list[int]) -> None:
    (cause,) = counted([NOW_MS - age_ms for age_ms in ages_ms]).document()["causes"]
    assert sum(cause["over_time"]) == cause["count"] == len(ages_ms)
    assert cause["oldest_age_s"] >= cause["newest_age_s"] >= 0


@pytest.mark.parametrize(
    ("body", "queue", "function"),
    [
        ({"body": "{}"}, WEBHOOK, "webhook-processor"),
        ("scribble", WEBHOOK, "webhook-processor"),
        ({"Records": []}, ENRICHER, "price-enricher"),
        ("scribble", ENRICHER, "price-enricher"),
        ({"DDBStreamBatchInfo": {}}, ENRICHER, "price-enricher"),
    ],
)
def test_the_function_that_failed_is_the_one_of_the_queue(
    body: object, queue: QueueName, function: str
) -> None:
    assert letter(body, queue).function == function


ARRIVED = {
    "approximateArrivalOfFirstRecord": "2026-01-01T00:00:00.000Z",
    "approximateArrivalOfLastRecord": "2026-01-01T01:00:00.000Z",
}


@pytest.mark.parametrize(
    ("created_at", "settled"),
    [
        ("2026-01-01T00:30:00+00:00", False),
        ("2026-01-01T01:04:59+00:00", False),
        ("2025-12-31T23:55:01+00:00", False),
        ("2026-01-01T01:05:01+00:00", True),
        ("2025-12-31T23:54:59+00:00", True),
        ("", False),
    ],
)
def test_a_pointer_is_settled_where_nothing_of_its_time_is_left(created_at: str, settled: bool) -> None:
    assert MARGIN_MS == 300_000
    price = UnenrichedPrice(key=("BTC", Decimal(5)), reason="why", created_at=created_at)
    pointer = letter({"DDBStreamBatchInfo": ARRIVED}, ENRICHER)
    assert (unrecovered_reason(pointer, EnrichResult(unenriched=[price])) == "") is settled
    assert unrecovered_reason(pointer, EnrichResult()) == ""
    assert "kept failing" in unrecovered_reason(pointer, EnrichResult(given_up=True)), (
        "the rest was not looked at"
    )


@pytest.mark.parametrize("symbol", ["BTC", None])
@pytest.mark.parametrize("since_ms", [5, None])
def test_what_a_repair_or_a_replay_decides_by_is_no_stale_read(
    symbol: str | None, since_ms: int | None
) -> None:
    """An engine's reads are never stale."""
    answers = Answers(
        responses={"Query": {"Items": []}, "Scan": {"Items": []}, "BatchGetItem": {"Responses": {}}}
    )
    aws, search = cast("Aws", answers), RepairSearch(symbol=symbol, since_ms=since_ms)
    assert [*unenriched(aws, STACK.prices, search), *incorrect(aws, STACK.prices, search)] == []
    assert Enricher(aws=aws, stack=STACK).items([("BTC", Decimal(5))]) == {}
    requests: list[Any] = [dict(params) for _, params in answers.requests]
    batches = [batch for request in requests for batch in request.get("RequestItems", {}).values()]
    reads = [read for read in requests if "RequestItems" not in read] + batches
    assert len(reads) >= 3 and all(read["ConsistentRead"] for read in reads)
