"""The plan of a replay, without AWS: the same dead letters, edits and facts give the same steps."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cryptoctl.aws import AwsError
from cryptoctl.core.webhook_messages import INVOCATIONS, Arrival, arrival_in, message_item, unwrap_event
from cryptoctl.errors import ExitCode, Failure
from cryptoctl.ops.dead_letters.enriching import Image, Key
from cryptoctl.ops.dead_letters.lookups import StreamKeys
from cryptoctl.ops.dead_letters.messages import Attributes, DeadLetter, Message, QueueName, decode
from cryptoctl.ops.dead_letters.payloads import Edits
from cryptoctl.ops.dead_letters.planning import ReplayAction, ReplayStep, StoredAt, plan
from cryptoctl.ops.dead_letters.replayer import attempt_of_response

SENT_MS = 1_800_000_000_000
REASONS: Attributes = {"ErrorMessage": {"DataType": "String", "StringValue": "KeyError: 'x'"}}
TIMELESS = '{"symbol": "BTC", "price": 1.50, "exchange": "kraken"}'


@dataclass(frozen=True, kw_only=True)
class Known:
    """Facts as values."""

    back: bool = False
    used: StoredAt | None = None
    logged_ms: int | None = None
    reading: StreamKeys = field(default_factory=StreamKeys)
    image: Image | None = None
    fault: Exception | None = None

    def replayed_before(self, letter: DeadLetter) -> bool:
        return self.back

    def stored_at(self, letter: DeadLetter) -> StoredAt | None:
        return self.used

    def first_logged_ms(self, letter: DeadLetter) -> int | None:
        if self.fault is not None:
            raise self.fault
        return self.logged_ms

    def records(self, letter: DeadLetter) -> StreamKeys:
        return self.reading

    def item(self, key: Key) -> Image | None:
        return self.image


def letter(
    body: object, attributes: Attributes = REASONS, queue: QueueName = QueueName.WEBHOOK
) -> DeadLetter:
    text = body if isinstance(body, str) else json.dumps(body)
    return decode(Message(queue=queue, id="i", body=text, attributes=attributes, sent_ms=SENT_MS, receives=1))


def plan_one(dead_letter: DeadLetter, edits: Edits = Edits(), facts: Known = Known()) -> ReplayStep:  # noqa: B008
    (step,) = plan([dead_letter], edits, facts)
    return step


def record(number: object = "5") -> DeadLetter:
    keys = {"symbol": {"S": "BTC"}, "timestamp": {"N": number}}
    body = {"kind": "record", "reason": "no price", "record": {"dynamodb": {"Keys": keys}}}
    return letter(body, {}, QueueName.ENRICHER)


def pointer() -> DeadLetter:
    return letter({"DDBStreamBatchInfo": {}}, {}, QueueName.ENRICHER)


def _sent(step: ReplayStep) -> tuple[Any, Arrival]:
    """The event, and when it is said to have come."""
    request = unwrap_event(json.loads(step.payload))
    assert request is not None
    return request


def _timestamp(step: ReplayStep) -> int:
    return _sent(step)[1].ms


def test_the_time_is_that_of_the_http_event_else_of_the_log_else_of_the_queue() -> None:
    http = letter({"body": TIMELESS, "requestContext": {"timeEpoch": SENT_MS - 9}})
    plain = letter({"body": TIMELESS})
    logged = Known(logged_ms=SENT_MS - 5)
    assert plan_one(http, facts=logged).stored_at == StoredAt(
        ms=SENT_MS - 9, source="the time of its HTTP event"
    )
    assert plan_one(plain, facts=logged).stored_at == StoredAt(
        ms=SENT_MS - 5, source="the time of its first log line"
    )
    assert plan_one(plain).stored_at == StoredAt(ms=SENT_MS, source="the time it was queued")
    assert [_timestamp(plan_one(event, facts=logged)) for event in (http, plain)] == [
        SENT_MS - 9,
        SENT_MS - 5,
    ]


def test_a_price_with_a_time_of_its_own_is_sent_as_it_was_written() -> None:
    text = TIMELESS.replace("}", ', "timestamp": 1700000000}')
    step = plan_one(letter({"body": text}))
    assert (step.stored_at, _sent(step)[0]) == (None, {"body": text})


def test_what_may_come_again_is_sent_with_its_id_and_at_the_time_it_first_came() -> None:
    context = {"timeEpoch": SENT_MS - 9, "sender": "desk", "messageId": "msg_1"}
    desk = letter({"body": TIMELESS, "requestContext": context})
    request = {"RequestID": {"DataType": "String", "StringValue": "6f7c5d1e"}}
    lambdas = letter({"body": TIMELESS}, {**REASONS, **request})
    for dead_letter, sender, message_id in ((desk, "desk", "msg_1"), (lambdas, INVOCATIONS, "6f7c5d1e")):
        event, arrival = _sent(plan_one(dead_letter))
        assert event == {"body": TIMELESS}, "unchanged, to the digit"
        assert (arrival.sender, arrival.message_id) == (sender, message_id)
        step = plan_one(dead_letter, facts=Known(image=message_item(replace(arrival, ms=SENT_MS - 100))))
        assert step.stored_at == StoredAt(ms=SENT_MS - 100, source="the time it first came")
        assert _sent(step)[1] == replace(arrival, ms=SENT_MS - 100)


def test_what_could_not_be_read_is_sent_for_its_sender_to_be_asked_how_it_writes() -> None:
    context = {"timeEpoch": SENT_MS, "sender": "desk", "messageId": "", "contentType": "text/plain"}
    step = plan_one(letter({"body": '{"s": "BTC"}', "requestContext": context}))
    assert (step.summary, step.stored_at) == ("store what desk sent", None)
    assert _sent(step) == ({"body": '{"s": "BTC"}'}, arrival_in(context))


def test_the_time_that_a_failed_attempt_has_used_is_used_again_with_or_without_edits() -> None:
    used = StoredAt(ms=SENT_MS - 100, source="the time of its first log line")
    for edits in (Edits(), Edits(changes={"price": "2"}), Edits(editor=lambda text: text)):
        step = plan_one(letter({"body": TIMELESS}), edits, Known(used=used))
        assert (step.stored_at, _timestamp(step)) == (used, SENT_MS - 100)


def test_the_editor_sees_what_was_sent_and_may_give_it_a_time() -> None:
    texts: list[str] = []

    def edit(text: str) -> str:
        texts.append(text)
        return TIMED

    step = plan_one(letter({"body": TIMELESS}), Edits(editor=edit))
    assert texts == [TIMELESS]
    assert (step.stored_at, _sent(step)[0]) == (None, {"body": TIMED})


def test_a_message_brought_back_before_is_only_deleted() -> None:
    for dead_letter in (letter({"body": TIMELESS}), record(), pointer()):
        assert plan_one(dead_letter, facts=Known(back=True)).action is ReplayAction.DELETE


def test_a_record_is_its_item_enriched_and_a_change_is_made_to_the_item() -> None:
    step = plan_one(record(), Edits(changes={"price": "5.10"}))
    assert (step.action, step.keys) == (ReplayAction.ENRICH, (("BTC", Decimal(5)),))
    assert step.changes == {"price": {"N": "5.1"}}
    assert plan_one(record()).changes == {}
    image: Image = {"symbol": {"S": "BTC"}, "timestamp": {"N": "5"}, "price": {"S": "five"}}
    edits = Edits(editor=lambda text: text.replace('"S": "five"', '"N": "5"'))
    assert plan_one(record(), edits, Known(image=image)).changes == {"price": {"N": "5"}}
    assert "no longer in the table" in plan_one(record(), edits).problem


def test_a_record_of_our_own_items_has_nothing_to_enrich_or_to_change() -> None:
    item = message_item(Arrival(ms=SENT_MS, sender=INVOCATIONS, message_id="m"))
    stream = {"Keys": {name: item[name] for name in ("symbol", "timestamp")}, "NewImage": item}
    body = {"kind": "record", "reason": "it has no price", "record": {"dynamodb": stream}}
    dead_letter = letter(body, {}, QueueName.ENRICHER)
    for edits in (Edits(), Edits(changes={"price": "5.10"}), Edits(editor=lambda text: text + " ")):
        step = plan_one(dead_letter, edits)
        assert (step.action, step.keys, step.changes) == (ReplayAction.ENRICH, (), {})
        assert "has nothing to enrich" in step.summary
    assert dead_letter.symbols == ()


def test_a_pointer_is_the_prices_that_the_stream_has_and_a_search_for_the_rest() -> None:
    keys = [("BTC", Decimal(1)), ("ETH", Decimal("2.5"))]
    step = plan_one(pointer(), facts=Known(reading=StreamKeys(keys=keys, complete=True)))
    assert (step.keys, step.search) == (tuple(keys), False)
    assert step.summary == f"enrich its prices, read again from the stream ({len(keys)} of them)"
    part = plan_one(pointer(), facts=Known(reading=StreamKeys(keys=keys[:1])))
    assert (part.keys, part.search) == (tuple(keys[:1]), True)
    assert "search the table for the rest (1 of them)" in part.summary
    assert "no price that could be changed" in plan_one(pointer(), Edits(changes={"price": "1"})).problem


@pytest.mark.parametrize(
    "event",
    [{"body": TIMELESS, "requestContext": {"timeEpoch": 5}}, TIMELESS, f"[{TIMELESS}]"],
    ids=["HTTP", "bare", "several"],
)
def test_prices_in_the_enrichers_queue_are_stored_and_not_handed_to_it(event: object) -> None:
    assert plan_one(letter(event, queue=QueueName.ENRICHER)).action is ReplayAction.STORE


def test_an_event_of_the_enricher_is_its_prices_enriched_but_not_our_own_items() -> None:
    item = message_item(Arrival(ms=SENT_MS, sender="tv", message_id="m"))
    keys = [{"symbol": {"S": "BTC"}, "timestamp": {"N": number}} for number in ("5", "6", "5")]
    records = [{"eventName": "INSERT", "dynamodb": {"Keys": key}} for key in (*keys, item)]
    step = plan_one(letter({"Records": records}, queue=QueueName.ENRICHER))
    assert (step.action, step.keys, step.search) == (
        ReplayAction.ENRICH,
        (("BTC", Decimal(5)), ("BTC", Decimal(6))),
        False,
    )


@pytest.mark.parametrize(
    "event",
    [
        {},
        [],
        {"Records": []},
        {"Records": {"a": 1}},
        {"Records": [5]},
        {"Records": [{"dynamodb": {"Keys": {"symbol": {"S": 5}, "timestamp": {"N": "5"}}}}]},
        {"Records": [{"dynamodb": {"Keys": {"symbol": {"S": "BTC"}}}}]},
    ],
    ids=str,
)
def test_an_event_that_names_no_price_stays_in_the_enrichers_queue(event: object) -> None:
    step = plan_one(letter(event, queue=QueueName.ENRICHER))
    assert step.action is ReplayAction.NONE
    assert "neither prices nor records" in step.problem or "does not name an item" in step.problem


@pytest.mark.parametrize(
    "number",
    ["1e999999999", "1e-999999999", "9" * 400_000, "NaN", "1_0", "", None, [], {}, True, "1e126"],
    ids=lambda number: str(number)[:12],
)
def test_a_number_that_no_item_can_have_is_a_problem_before_it_is_expanded(number: object) -> None:
    step = plan_one(record(number))
    assert step.action is ReplayAction.NONE
    assert "does not name an item of the table" in step.problem
    assert len(step.problem) < 200


def test_one_odd_message_does_not_keep_the_others_from_being_planned() -> None:
    fault = AwsError(service="logs", operation="FilterLogEvents", code="AccessDenied", message="no")
    letters = [letter({"body": TIMELESS}), letter("scribble", {}), record("x"), record()]
    steps = list(plan(letters, Edits(), Known(fault=fault)))
    assert [step.action for step in steps] == [ReplayAction.NONE] * 3 + [ReplayAction.ENRICH]
    assert "AccessDenied" in steps[0].problem
    assert steps[1].problem == "it has none of the shapes that can be replayed"


def test_where_nothing_can_be_reached_there_is_no_plan() -> None:
    fault = Failure(ExitCode.UNREACHABLE, "no answer")
    with pytest.raises(Failure, match="no answer"):
        plan_one(letter({"body": TIMELESS}), facts=Known(fault=fault))


TIMED = TIMELESS.replace("}", ', "timestamp": 5}')
letters = st.one_of(
    st.sampled_from([TIMELESS, TIMED, f"[{TIMELESS}, {TIMED}]"]).map(lambda text: letter({"body": text})),
    st.integers(1, 10**30).map(str).map(record),
    st.just(pointer()),
    st.text(max_size=5).map(lambda text: letter(text, {})),
)
edits = st.sampled_from([Edits(), Edits(changes={"price": "7"})])
facts = st.builds(
    Known,
    back=st.booleans(),
    used=st.none() | st.builds(StoredAt, ms=st.integers(1, SENT_MS), source=st.just("some time")),
    logged_ms=st.none() | st.integers(1, SENT_MS),
    reading=st.builds(StreamKeys, keys=st.just([("BTC", Decimal("1.25"))]), complete=st.booleans()),
)


@given(st.lists(letters, max_size=4), edits, facts)
def test_planning_twice_gives_the_same_steps_and_the_journal_gives_them_back(
    letters: list[DeadLetter], edits: Edits, facts: Known
) -> None:
    steps = list(plan(letters, edits, facts))
    assert steps == list(plan(letters, edits, facts))
    for step, document in zip(steps, letters, strict=True):
        assert step.letter is document
        journaled: Any = json.loads(json.dumps(step.document()))
        assert ReplayStep.from_document(document, journaled) == replace(step, problem="")


def test_a_function_that_does_not_know_how_a_replay_comes_is_named_as_one_of_an_older_version() -> None:
    refused = {"error": "invalid_request", "message": "symbol: is missing", "field": "symbol"}
    step = plan_one(letter('{"symbol":"A","price":1,"exchange":"x"}'))
    for message, hinted in (("symbol: is missing", True), ("price: is missing", False)):
        answer = {"statusCode": 400, "body": json.dumps({**refused, "message": message})}
        result = attempt_of_response(answer, step)
        assert message in result.reason and ("`cryptoctl up`" in result.reason) is hinted


def test_what_is_stored_in_part_is_not_replayed() -> None:
    """Its message would be deleted, and with it the rest."""
    step = plan_one(letter('{"symbol":"A","price":1,"exchange":"x"}'))
    results = [{"status": "stored"}, {"status": "rejected", "field": "price", "reason": "is missing"}]
    body = json.dumps({"message": "1 of 2 prices stored", "results": results})
    assert attempt_of_response({"statusCode": 207, "body": body}, step).reason == (
        "refused with status 207: price: is missing"
    )
    assert attempt_of_response({"statusCode": 200, "body": body}, step).succeeded
