"""Real functions fail in real ways; the cause is mended; the table is as if nothing had happened."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from cryptoctl.aws import AwsError
from cryptoctl.ops.dead_letters import enriching
from cryptoctl.ops.dead_letters.enriching import Enricher, key_item
from cryptoctl.ops.dead_letters.repair import RepairSearch, incorrect, repair
from cryptoctl.ops.dead_letters.results import Outcome, ReplayOptions
from dead_letters.environment import (
    ENRICHER,
    WEBHOOK,
    DeadLetterEnvironment,
    ReplayRecorder,
    eventually,
    without,
)

pytestmark = pytest.mark.engine

SYMBOLS = 4
NOWHERE = "arn:aws:sns:us-east-1:000000000000:nowhere"


def _texts(env: DeadLetterEnvironment, prefix: str, number: int, symbols: int = SYMBOLS) -> list[str]:
    """Prices of some symbols; the same for each prefix."""
    return [
        env.price(index, symbol=f"{prefix}{index % symbols}", price=100 + index * 7 % 31)
        for index in range(number)
    ]


def _store(env: DeadLetterEnvironment, texts: Sequence[str]) -> None:
    for start in range(0, len(texts), 50):
        answer = env.store(f"[{', '.join(texts[start : start + 50])}]")
        assert answer["statusCode"] == 200, answer


def _series(env: DeadLetterEnvironment, prefix: str) -> list[Any]:
    """A prefix's prices with their indicators, but for the prefix itself."""
    items = [item for item in env.enriched() if item["symbol"]["S"].startswith(prefix)]
    return [
        {**without(item, "raw_data"), "symbol": item["symbol"]["S"].removeprefix(prefix)} for item in items
    ]


def _all_of_it(env: DeadLetterEnvironment, number: int, symbols: int) -> None:
    """`number` failures of each shape, then the replay, then the comparison."""
    reference = _texts(env, "REF", number, symbols)
    _store(env, reference)
    with env.broken(env.stack.webhook, DYNAMODB_TABLE="nowhere"):
        for index, text in enumerate(_texts(env, "EVENT", number, symbols)):
            if index % 4:
                env.invoke(env.stack.webhook, {"body": text}, kind="Event")
            else:
                http = {"body": text, "requestContext": {"timeEpoch": env.now_ms}}
                assert env.invoke(env.stack.webhook, http)["statusCode"] == 503
        env.letters(WEBHOOK, number)
    with env.broken(env.stack.enricher, SUCCESS_TOPIC_ARN=NOWHERE):
        _store(env, _texts(env, "POINTER", number, symbols))
        _await_pointers(env, number)
    before = env.waiting(ENRICHER)
    good = _poison(env, _texts(env, "RECORD", number, symbols))
    env.letters(ENRICHER, before + 1)
    eventually(lambda: _set_aside(env) >= number, within_s=300, what="every poisoned record set aside")
    for item in good:
        env.aws.call("dynamodb", "PutItem", TableName=env.stack.prices.name, Item=item)
    listener = ReplayRecorder()
    summary = env.replay(listener=listener)
    assert summary.complete, [
        result.document() for result in listener.results if result.outcome is not Outcome.REPLAYED
    ]
    assert {result.letter.shape.value for result in listener.results} == {"event", "pointer", "record"}
    assert summary.outcomes[Outcome.REPLAYED] >= 2 * number
    expected = _series(env, "REF")
    assert len(expected) == number
    assert expected[-1]["ma_5"]["N"], "the averages are those of a whole window"
    assert _series(env, "EVENT") == expected
    assert _series(env, "POINTER") == expected
    assert _series(env, "RECORD") == expected
    assert env.depths == {"webhook": (0, 0), "enricher": (0, 0)}


def _poison(env: DeadLetterEnvironment, texts: Sequence[str]) -> list[dict[str, Any]]:
    """Writes items that are no prices; gives what they should have been."""
    good = []
    for text in texts:
        price = json.loads(text)
        item = {
            "symbol": {"S": price["symbol"]},
            "timestamp": {"N": str(price["timestamp"])},
            "price": {"N": str(price["price"])},
            "exchange": {"S": price["exchange"]},
            "volume": {"N": "0"},
            "processed": {"BOOL": False},
        }
        bad = {**item, "price": {"S": str(price["price"])}}
        env.aws.call("dynamodb", "PutItem", TableName=env.stack.prices.name, Item=bad)
        good.append(item)
    return good


def _await_pointers(env: DeadLetterEnvironment, number: int) -> None:
    env.letters(ENRICHER, 1)  # after the retries; to count messages is cheap, to read them is not
    eventually(lambda: _pointed_at(env) >= number, within_s=300, what="pointers to every price")


def _pointed_at(env: DeadLetterEnvironment) -> int:
    return sum(int(body["DDBStreamBatchInfo"]["batchSize"]) for body in _bodies(env, "DDBStreamBatchInfo"))


def _set_aside(env: DeadLetterEnvironment) -> int:
    keys = {json.dumps(body["record"]["dynamodb"]["Keys"], sort_keys=True) for body in _bodies(env, "record")}
    return len(keys)


def _bodies(env: DeadLetterEnvironment, member: str) -> list[Any]:
    from cryptoctl.ops.dead_letters.receiving import selected_messages
    from cryptoctl.ops.dead_letters.selection import Selection

    with selected_messages(env.queues, Selection(queues=[ENRICHER])) as (letters, _):
        return [letter.content for letter in letters if member in letter.content]


def test_every_shape_comes_back_when_its_cause_is_mended(env: DeadLetterEnvironment) -> None:
    _all_of_it(env, 6, symbols=1)


@pytest.mark.torture
def test_two_hundred_of_every_shape_come_back(env: DeadLetterEnvironment) -> None:
    _all_of_it(env, 200, SYMBOLS)


def test_a_trimmed_pointer_stays_where_its_price_cannot_be_enriched(env: DeadLetterEnvironment) -> None:
    env.send(ENRICHER, _pointer(env.stream), {})
    env.put("BAD", 1, price={"S": "five"})
    env.letters(ENRICHER, 2)
    listener = ReplayRecorder()
    assert env.replay(ReplayOptions(selection=_pointers()), listener).outcomes == {Outcome.FAILED: 1}
    assert "its price is no number" in listener.results[0].reason
    assert env.depths["enricher"] == (2, 0)


def test_a_pointer_at_something_else_stays_and_does_not_stop_the_others(env: DeadLetterEnvironment) -> None:
    env.send(ENRICHER, _pointer("arn:aws:dynamodb:us-east-1:000000000000:table/other/stream/x"), {})
    env.send(ENRICHER, '{"DDBStreamBatchInfo": {"streamArn": 5}}', {})
    env.send_events([env.price(1)])
    listener = ReplayRecorder()
    assert env.replay(listener=listener).outcomes == {Outcome.REPLAYED: 1, Outcome.FAILED: 2}
    assert all(
        "another stream" in result.reason for result in listener.results if result.outcome is Outcome.FAILED
    )


def _pointer(stream: str) -> str:
    """A pointer at records that have left the stream long ago."""
    info = {
        "shardId": "shardId-00000001500000000000-00000001",
        "startSequenceNumber": "100000000000000000000",
        "endSequenceNumber": "100000000000000000000",
        "streamArn": stream,
    }
    return json.dumps({"DDBStreamBatchInfo": info})


def _pointers() -> Any:
    from cryptoctl.ops.dead_letters.selection import Selection

    return Selection(where="shape == 'pointer'")


def test_repair_enriches_what_is_not_and_names_what_cannot_be(env: DeadLetterEnvironment) -> None:
    with env.paused():
        _store(env, _texts(env, "R", 8))
        env.put("BAD", 1, price={"S": "five"})
        matching = repair(env.replayer.enricher, RepairSearch(symbol="R1"))
        late = repair(env.replayer.enricher, RepairSearch(symbol="R2", since_ms=env.now_ms))
        remaining = repair(env.replayer.enricher, RepairSearch())
    assert (matching.enriched, matching.unenriched) == (2, [])
    assert late.tried == 0
    assert remaining.enriched == 6
    assert [str(price) for price in remaining.unenriched] == [
        f"BAD at {env.now_ms - 600_000 + 1}: its price is no number"
    ]
    env.letters(ENRICHER, 1)  # else it comes into the next test


def test_an_enricher_that_does_nothing_is_not_believed(env: DeadLetterEnvironment, monkeypatch: Any) -> None:
    with env.paused():
        item = env.put("IDLE", 1)
        monkeypatch.setattr(Enricher, "invoke", lambda *_: None)
        result = repair(env.replayer.enricher, RepairSearch(symbol="IDLE"))
    assert item["processed"] == {"BOOL": False}
    assert [price.reason for price in result.unenriched] == [
        "the enricher ran, but the price is still not enriched"
    ]


def test_what_has_left_the_stream_is_recovered_from_the_table(env: DeadLetterEnvironment) -> None:
    """Half of the records grow a day older, and the engine drops them as it drops all that are so old."""
    with env.broken(env.stack.enricher, SUCCESS_TOPIC_ARN=NOWHERE):
        _store(env, _texts(env, "GONE", 4))
        _await_pointers(env, 4)
    pointers = {
        body["DDBStreamBatchInfo"]["startSequenceNumber"] for body in _bodies(env, "DDBStreamBatchInfo")
    }
    env.age_the_stream(sorted(pointers)[1])
    listener = ReplayRecorder()
    summary = env.replay(listener=listener)
    assert summary.complete, [result.document() for result in listener.results]
    assert listener.units == [1], "the cost of the search is said, once for all of them"
    ways = sorted(result.way for result in listener.results)
    assert len(ways) == 4
    assert ways[:2] == ["enrich its prices, read again from the stream (1 of them)"] * 2
    assert all("recovered from the table" in way for way in ways[2:])
    assert len(env.enriched()) == 4
    assert env.depths == {"webhook": (0, 0), "enricher": (0, 0)}


@pytest.mark.parametrize("code", ["TrimmedDataAccessException", "ResourceNotFoundException"])
def test_both_of_awss_words_for_gone_are_understood(
    env: DeadLetterEnvironment, code: str, monkeypatch: Any
) -> None:
    env.put("GONE", 1)
    env.enriched()
    env.send(ENRICHER, _pointer(env.stream), {})
    real = env.aws.call

    def call(service: str, operation: str, **params: Any) -> Any:
        if operation == "GetShardIterator":
            raise AwsError(service=service, operation=operation, code=code, message="gone")
        return real(service, operation, **params)

    monkeypatch.setattr(env.aws, "call", call)
    listener = ReplayRecorder()
    assert env.replay(listener=listener).complete
    assert "recovered from the table" in listener.results[0].way


def test_verify_finds_what_is_no_price_too_and_stops_at_none_of_it(
    env: DeadLetterEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(enriching, "MAX_RECORDS", 1)
    with env.paused():
        env.put("V1", 1, price={"S": "cheap"})
        env.put("V1", 2, price={"N": "0"})
        env.put("V1", 3)
        for number in range(enriching.MAX_GROUPS_IN_VAIN + 1):
            env.put("ODD", number, price={"S": "dear"}, processed={"BOOL": True})
        plain = repair(env.replayer.enricher, RepairSearch(symbol="V1"))
        env.put("V1", 3)
        result = repair(env.replayer.enricher, RepairSearch(symbol="V1", verify=True))
        since = RepairSearch(symbol="V1", since_ms=env.now_ms - 600_000 + 2, verify=True)
        later = repair(env.replayer.enricher, since)
        env.put("ODD", 10_000)
        odd = repair(env.replayer.enricher, RepairSearch(symbol="ODD", verify=True))
    assert result.enriched == plain.enriched == 1
    assert result.unenriched == plain.unenriched and len(result.unenriched) == 2
    assert [price.reason for price in later.unenriched] == ["its price is not greater than 0"]
    assert (odd.enriched, odd.given_up) == (1, False)
    assert len(odd.unenriched) == enriching.MAX_GROUPS_IN_VAIN + 1
    env.letters(ENRICHER, 2 + len(odd.unenriched))  # else they come into the next test


def test_verify_finds_what_is_enriched_wrongly_and_corrects_just_that(env: DeadLetterEnvironment) -> None:
    _store(env, [env.price(number * 1000, "V1") for number in range(30)])
    right = env.enriched()
    enricher, first_ms = env.replayer.enricher, env.now_ms - 600_000
    key = ("V1", Decimal(first_ms + 20_000))

    # A pass of the enricher that is still under way corrects what it meets.
    with env.paused():
        env.aws.call(
            "dynamodb",
            "UpdateItem",
            TableName=env.stack.prices.name,
            Key=key_item(key),
            UpdateExpression="SET ma_5 = :wrong",
            ExpressionAttributeValues={":wrong": {"N": "1"}},
        )
        assert list(incorrect(env.aws, env.stack.prices, RepairSearch(symbol="V1"))) == [key]
        assert repair(enricher, RepairSearch(symbol="V1")).tried == 0
        assert repair(enricher, RepairSearch(symbol="V1", since_ms=first_ms + 21_000, verify=True)).tried == 0
        result = repair(enricher, RepairSearch(symbol="V1", since_ms=first_ms + 15_000, verify=True))
        assert (result.enriched, result.unenriched) == (1, [])
    assert repair(enricher, RepairSearch(verify=True)).tried == 0
    assert env.enriched() == right
