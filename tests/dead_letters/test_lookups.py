"""What a replay finds out from AWS: the stream's records, log lines, and whether a price is enriched."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, cast

import pytest

from cryptoctl.aws import Aws, AwsError
from cryptoctl.core.webhook_messages import Arrival, message_key
from cryptoctl.ops.dead_letters import enriching
from cryptoctl.ops.dead_letters.enriching import MAX_GROUPS_IN_VAIN, MAX_RECORDS, Enricher, Key
from cryptoctl.ops.dead_letters.lookups import (
    EMPTY_PAGES,
    TRIED_FOR_MS,
    StreamKeys,
    first_logged_ms,
    lines_of,
    read_stream_keys,
)
from cryptoctl.ops.dead_letters.messages import Message, QueueName, decode
from cryptoctl.ops.dead_letters.planning import ReplayAction, ReplayStep
from cryptoctl.ops.dead_letters.replayer import Replayer
from kit.clocks import FakeClock
from unit.answers import STACK, Answers

FIRST = 10**21


def record(number: int, name: str = "INSERT", keys: Any = None) -> dict[str, Any]:
    named = {"symbol": {"S": "BTC"}, "timestamp": {"N": str(number)}} if keys is None else keys
    return {"eventName": name, "dynamodb": {"SequenceNumber": str(FIRST + number), "Keys": named}}


class Stream(Answers):
    """A stream of these pages, or an error in the place of one; the last again and again, for a long time."""

    def __init__(self, *pages: list[Any] | str) -> None:
        super().__init__(responses={"GetShardIterator": {"ShardIterator": "0"}})
        self.pages = pages

    def call(self, service: str, operation: str, **params: Any) -> Any:
        if operation != "GetRecords":
            return super().call(service, operation, **params)
        number = int(params["ShardIterator"])
        self.requests.append((operation, params))
        page = self.pages[min(number, len(self.pages) - 1)]
        if isinstance(page, str):
            raise AwsError(service=service, operation=operation, code=page, message="")
        return {"Records": page, **({"NextShardIterator": str(number + 1)} if number < 200 else {})}


def read(stream: Stream, first: int, last: int, **overrides: Any) -> StreamKeys:
    info = {
        "streamArn": f"{STACK.prices.arn}/stream/2026",
        "shardId": "shardId-00000001577836800000-abcdefgh",
        "startSequenceNumber": str(FIRST + first),
        "endSequenceNumber": str(FIRST + last),
    }
    return read_stream_keys(cast("Aws", stream), STACK.prices, {**info, **overrides})


def sequence_numbers(reading: StreamKeys) -> list[int]:
    return [int(number) for _, number in reading.keys]


def test_a_pointers_records_are_those_from_its_first_to_its_last() -> None:
    reading = read(Stream([record(1), record(2, "MODIFY")], [], [record(3), record(4)]), 1, 3)
    assert (sequence_numbers(reading), reading.complete) == ([1, 3], True)


def test_where_the_first_or_the_last_is_gone_the_records_are_not_complete() -> None:
    reading = read(Stream([record(2), record(3)]), 1, 3)
    assert (sequence_numbers(reading), reading.complete) == ([2, 3], False)
    reading = read(Stream([record(1), record(2), record(4)]), 1, 3)
    assert (sequence_numbers(reading), reading.complete) == ([1, 2], False)
    reading = read(Stream([record(1)], "TrimmedDataAccessException"), 1, 3)
    assert (sequence_numbers(reading), reading.complete) == ([1], False)


def test_a_stream_that_cannot_be_read_is_no_stream_that_has_nothing_left() -> None:
    with pytest.raises(AwsError, match="AccessDeniedException"):
        read(Stream("AccessDeniedException"), 1, 3)


def test_items_of_messages_are_no_prices() -> None:
    symbol, number = message_key(Arrival(ms=1, sender="desk", message_id="7"))
    keys = {"symbol": {"S": symbol}, "timestamp": {"N": str(number)}}
    assert sequence_numbers(read(Stream([record(1), record(2, keys=keys), record(3)]), 1, 3)) == [1, 3]


def test_empty_pages_are_passed_over_up_to_many_in_a_row() -> None:
    pages: list[list[Any]] = [[]] * (EMPTY_PAGES - 1)
    reading = read(Stream([record(1)], *pages, [record(2)], *pages, [record(3)]), 1, 3)
    assert (sequence_numbers(reading), reading.complete) == ([1, 2, 3], True)
    stream = Stream([record(1)], [])
    assert not read(stream, 1, 3).complete
    assert len(stream.requests) == 1 + 1 + EMPTY_PAGES


@pytest.mark.parametrize(
    "overrides",
    [
        {"streamArn": "arn:aws:dynamodb:us-east-1:111111111111:table/another/stream/2026"},
        {"streamArn": None},
        {"shardId": "short"},
        {"startSequenceNumber": "1"},
    ],
)
def test_a_pointer_to_anything_else_is_not_followed(overrides: dict[str, Any]) -> None:
    stream = Stream([record(1)])
    with pytest.raises(ValueError, match=r"it (points at another stream|names no shard)"):
        read(stream, 1, 3, **overrides)
    assert stream.requests == []


def logs(*times_ms: int) -> Answers:
    events = [{"timestamp": time_ms, "message": "x", "eventId": str(time_ms)} for time_ms in times_ms]
    return Answers(responses={"FilterLogEvents": {"events": events}})


def test_log_lines_are_in_order_and_the_first_is_the_earliest() -> None:
    aws = cast("Aws", logs(30, 10, 20))
    request = "6a1c5a7e-0000-4000-8000-000000000000"
    dead_ms = TRIED_FOR_MS + 5
    assert [line.time_ms for line in lines_of(aws, STACK.webhook, request, dead_ms)] == [10, 20, 30]
    assert first_logged_ms(aws, STACK.webhook, request, dead_ms) == 10


@pytest.mark.parametrize("request_id", ["", "x", 'a" "b" "c"', "?ERROR ?INFO"])
def test_what_is_no_requests_id_is_looked_for_nowhere(request_id: str) -> None:
    aws = logs(10)
    assert first_logged_ms(cast("Aws", aws), STACK.webhook, request_id, 5) is None
    assert aws.requests == []


class Table(Answers):
    """A table, and an enricher that processes what it is given but for `stubborn` symbols."""

    def __init__(self, keys: Sequence[Key], stubborn: str = "", odd: str = "", cut: bool = False) -> None:
        super().__init__(responses={})
        self.items = {key: self._item(key, odd) for key in keys}
        self.stubborn, self.cut = stubborn, cut
        self.batches, self.read = list[list[Key]](), list[int]()
        self.changed = list[dict[str, Any]]()

    @staticmethod
    def _item(key: Key, odd: str) -> dict[str, Any]:
        price = {} if odd and key[0].startswith(odd) else {"price": {"N": "1"}}
        return {**enriching.key_item(key), **price, "exchange": {"S": "x"}}

    def call(self, service: str, operation: str, **params: Any) -> Any:
        if operation == "Invoke":
            records = json.loads(params["Payload"])["Records"]
            keys = [enriching.key_of(sent["dynamodb"]["Keys"]) for sent in records]
            self.batches.append(keys)
            for key in keys:
                if key in self.items and not (self.stubborn and key[0].startswith(self.stubborn)):
                    self.items[key] = {**self.items[key], "processed": {"BOOL": True}}
            return {"Payload": io.BytesIO(b"{}")}
        if operation == "UpdateItem":
            self.changed.append(params)
            if enriching.key_of(params["Key"]) not in self.items and "ConditionExpression" in params:
                code = "ConditionalCheckFailedException"
                raise AwsError(service=service, operation=operation, code=code, message="")
            return {}
        (name,) = params["RequestItems"]
        keys_asked = params["RequestItems"][name]["Keys"]
        assert len(keys_asked) <= 100
        self.read.append(len(keys_asked))
        served, unserved = (keys_asked[:1], keys_asked[1:]) if self.cut else (keys_asked, [])
        keys = [enriching.key_of(wire_key) for wire_key in served]
        items = [self.items[key] for key in keys if key in self.items]
        unprocessed = {name: {"Keys": unserved}} if unserved else {}
        return {"Responses": {name: items}, "UnprocessedKeys": unprocessed}


def keys(count: int, symbol: str = "BTC") -> list[Key]:
    return [(symbol, Decimal(number)) for number in range(1, count + 1)]


def enricher(table: Table) -> Enricher:
    return Enricher(aws=cast("Aws", table), stack=STACK)


def test_all_keys_are_read_however_many_and_each_once() -> None:
    table = Table(keys(2 * MAX_RECORDS + 5))
    assert enricher(table).enrich(keys(2 * MAX_RECORDS + 5)).enriched == 2 * MAX_RECORDS + 5
    assert table.read == [*[MAX_RECORDS] * 4, 5, 5], "each group before and after"
    table.read.clear()
    assert enricher(table).enrich([*keys(2), *keys(2)]).enriched == 2
    assert table.read == [2, 2], "DynamoDB refuses a key that stands there twice"


def test_what_dynamodb_leaves_out_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(enriching, "RealClock", FakeClock)
    table = Table(keys(3), cut=True)
    assert enricher(table).items(keys(3)).keys() == table.items.keys()


def test_a_price_counts_as_enriched_once_the_table_says_so() -> None:
    table = Table([*keys(2), *keys(1, "STUBBORN"), *keys(1, "ODD")], stubborn="STUBBORN", odd="ODD")
    keys_asked = [*keys(2), *keys(1, "STUBBORN"), *keys(1, "ODD"), *keys(1, "GONE")]
    result = enricher(table).enrich(keys_asked)
    assert (result.enriched, result.deleted, result.tried, result.given_up) == (2, 1, 5, False)
    assert {price.key[0]: price.tried for price in result.unenriched} == {"STUBBORN": True, "ODD": False}
    assert "still not enriched" in str(next(price for price in result.unenriched if price.tried))
    assert table.batches == [[*keys(2), *keys(1, "STUBBORN")]]


def test_an_enricher_that_keeps_failing_is_given_up_and_one_that_fails_now_and_then_is_not() -> None:
    bad, odd, good = (keys(MAX_RECORDS, name) for name in ("BAD", "ODD", "GOOD"))
    everything = [*keys(MAX_RECORDS * (MAX_GROUPS_IN_VAIN + 3), "BAD")]
    table = Table(everything, stubborn="BAD")
    result = enricher(table).enrich(everything)
    assert (result.given_up, len(result.unenriched)) == (True, MAX_RECORDS * MAX_GROUPS_IN_VAIN)
    assert {len(batch) for batch in table.batches} == {MAX_RECORDS}
    mixed = [*bad, *odd, *good] * MAX_GROUPS_IN_VAIN
    assert not enricher(Table(mixed, stubborn="BAD", odd="ODD")).enrich(mixed).given_up
    none = keys(MAX_RECORDS * (MAX_GROUPS_IN_VAIN + 3), "ODD")
    result = enricher(Table(none, odd="ODD")).enrich(none)
    assert (result.given_up, len(result.unenriched)) == (False, len(none)), "it was not even tried"


def step(**more: Any) -> ReplayStep:
    message = Message(queue=QueueName.ENRICHER, id="i", body="{}", attributes={}, sent_ms=1, receives=1)
    return ReplayStep(letter=decode(message), action=ReplayAction.ENRICH, how="enrich its prices", **more)


def attempt(table: Table, **more: Any) -> tuple[str, str, bool]:
    replayed = Replayer(aws=cast("Aws", table), stack=STACK).attempt(step(**more))
    return replayed.way, replayed.reason, replayed.trimmed


def test_a_step_has_succeeded_where_nothing_of_it_is_left_unenriched() -> None:
    two = tuple(keys(2))
    gone = "its item was deleted since: nothing is left to enrich"
    assert attempt(Table(keys(2)), keys=two) == ("enrich its prices", "", False)
    assert attempt(Table(keys(1)), keys=two) == ("enrich its prices", "", False), "one of them is gone"
    assert attempt(Table([]), keys=two) == (gone, "", False)
    assert attempt(Table(keys(2)), keys=two, search=True) == ("enrich its prices", "", True)
    way, reason, _ = attempt(Table(keys(2), stubborn="BTC"), keys=two)
    assert (way, "BTC at 1: the enricher ran" in reason) == ("", True)


def test_a_change_makes_no_item_where_there_is_none_any_more() -> None:
    changes = {"price": {"N": "5"}, "note": None}
    table = Table([])
    assert attempt(table, keys=tuple(keys(1)), changes=changes)[0].startswith("its item was deleted since")
    (request,) = table.changed
    assert request["ConditionExpression"] == "attribute_exists(#symbol)"
    assert request["UpdateExpression"] == "SET #0 = :0 REMOVE #1"
    assert attempt(Table(keys(1)), keys=tuple(keys(1)), changes=changes) == ("enrich its prices", "", False)
