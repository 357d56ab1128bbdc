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
from dead_letters.workshop import ENRICHER, WEBHOOK, Told, Workshop, eventually, without

pytestmark = pytest.mark.engine

SYMBOLS = 4
NOWHERE = "arn:aws:sns:us-east-1:000000000000:nowhere"


def _texts(shop: Workshop, prefix: str, number: int) -> list[str]:
    """Prices of some symbols; the same for each prefix."""
    return [
        shop.price(index, symbol=f"{prefix}{index % SYMBOLS}", price=100 + index * 7 % 31)
        for index in range(number)
    ]


def _store(shop: Workshop, texts: Sequence[str]) -> None:
    for start in range(0, len(texts), 50):
        answer = shop.store(f"[{', '.join(texts[start : start + 50])}]")
        assert answer["statusCode"] == 200, answer


def _series(shop: Workshop, prefix: str) -> list[Any]:
    """A prefix's prices with their indicators, but for the prefix itself."""
    items = [item for item in shop.enriched() if item["symbol"]["S"].startswith(prefix)]
    return [
        {**without(item, "raw_data"), "symbol": item["symbol"]["S"].removeprefix(prefix)} for item in items
    ]


def _all_of_it(shop: Workshop, number: int) -> None:
    """`number` failures of each shape, then the replay, then the comparison."""
    reference = _texts(shop, "REF", number)
    _store(shop, reference)
    with shop.broken(shop.stack.webhook, DYNAMODB_TABLE="nowhere"):
        for index, text in enumerate(_texts(shop, "EVENT", number)):
            if index % 4:
                shop.invoke(shop.stack.webhook, {"body": text}, kind="Event")
            else:
                http = {"body": text, "requestContext": {"timeEpoch": shop.now_ms}}
                assert shop.invoke(shop.stack.webhook, http)["statusCode"] == 503
        shop.letters(WEBHOOK, number)
    with shop.broken(shop.stack.enricher, SUCCESS_TOPIC_ARN=NOWHERE):
        _store(shop, _texts(shop, "POINTER", number))
        eventually(lambda: _pointed_at(shop) >= number, within_s=300, what="pointers to every price")
    before = shop.waiting(ENRICHER)
    good = _poison(shop, "RECORD", number)
    shop.letters(ENRICHER, before + 1)
    eventually(lambda: _set_aside(shop) >= number, within_s=300, what="every poisoned record set aside")
    for item in good:
        shop.aws.call("dynamodb", "PutItem", TableName=shop.stack.prices.name, Item=item)
    listener = Told()
    summary = shop.replay(told=listener)
    assert summary.complete, [
        result.document() for result in listener.results if result.outcome is not Outcome.REPLAYED
    ]
    assert {result.letter.shape.value for result in listener.results} == {"event", "pointer", "record"}
    assert summary.outcomes[Outcome.REPLAYED] >= 2 * number
    expected = _series(shop, "REF")
    assert len(expected) == number
    assert _series(shop, "EVENT") == expected
    assert _series(shop, "POINTER") == expected
    assert _series(shop, "RECORD") == expected
    assert shop.depths == {"webhook": (0, 0), "enricher": (0, 0)}


def _poison(shop: Workshop, prefix: str, number: int) -> list[dict[str, Any]]:
    """Writes items that are no prices; gives what they should have been."""
    good = []
    for text in _texts(shop, prefix, number):
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
        shop.aws.call("dynamodb", "PutItem", TableName=shop.stack.prices.name, Item=bad)
        good.append(item)
    return good


def _pointed_at(shop: Workshop) -> int:
    return sum(int(body["DDBStreamBatchInfo"]["batchSize"]) for body in _bodies(shop, "DDBStreamBatchInfo"))


def _set_aside(shop: Workshop) -> int:
    keys = {
        json.dumps(body["record"]["dynamodb"]["Keys"], sort_keys=True) for body in _bodies(shop, "record")
    }
    return len(keys)


def _bodies(shop: Workshop, member: str) -> list[Any]:
    from cryptoctl.ops.dead_letters.receiving import selected_messages
    from cryptoctl.ops.dead_letters.selection import Selection

    with selected_messages(shop.queues, Selection(queues=[ENRICHER])) as (letters, _):
        return [letter.content for letter in letters if member in letter.content]


def test_every_shape_comes_back_when_its_cause_is_mended(shop: Workshop) -> None:
    _all_of_it(shop, 12)


@pytest.mark.torture
def test_two_hundred_of_every_shape_come_back(shop: Workshop) -> None:
    _all_of_it(shop, 200)


def test_a_trimmed_pointer_stays_where_its_price_cannot_be_enriched(shop: Workshop) -> None:
    shop.send(ENRICHER, _pointer(shop.stream), {})
    shop.put("BAD", 1, price={"S": "five"})
    shop.letters(ENRICHER, 2)
    listener = Told()
    assert shop.replay(ReplayOptions(selection=_pointers()), listener).outcomes == {Outcome.FAILED: 1}
    assert "its price is no number" in listener.results[0].reason
    assert shop.depths["enricher"] == (2, 0)


def test_a_pointer_at_something_else_stays_and_does_not_stop_the_others(shop: Workshop) -> None:
    shop.send(ENRICHER, _pointer("arn:aws:dynamodb:us-east-1:000000000000:table/other/stream/x"), {})
    shop.send(ENRICHER, '{"DDBStreamBatchInfo": {"streamArn": 5}}', {})
    shop.send_events([shop.price(1)])
    listener = Told()
    assert shop.replay(told=listener).outcomes == {Outcome.REPLAYED: 1, Outcome.FAILED: 2}
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


def test_repair_enriches_what_is_not_and_names_what_cannot_be(shop: Workshop) -> None:
    with shop.broken(shop.stack.enricher, SUCCESS_TOPIC_ARN=NOWHERE):
        _store(shop, _texts(shop, "R", 8))
        eventually(lambda: _pointed_at(shop) >= 8, what="pointers to every price")
    shop.put("BAD", 1, price={"S": "five"})
    matching = repair(shop.replayer.enricher, RepairSearch(symbol="R1"))
    assert (matching.enriched, matching.unenriched) == (2, [])
    late = repair(shop.replayer.enricher, RepairSearch(symbol="R2", since_ms=shop.now_ms))
    assert late.tried == 0
    remaining = repair(shop.replayer.enricher, RepairSearch())
    assert remaining.enriched == 6
    assert [str(price) for price in remaining.unenriched] == [
        f"BAD at {shop.now_ms - 600_000 + 1}: its price is no number"
    ]


def test_an_enricher_that_does_nothing_is_not_believed(shop: Workshop, monkeypatch: Any) -> None:
    with shop.broken(shop.stack.enricher, SUCCESS_TOPIC_ARN=NOWHERE):
        item = shop.put("IDLE", 1)
        monkeypatch.setattr(Enricher, "invoke", lambda *_: None)
        result = repair(shop.replayer.enricher, RepairSearch(symbol="IDLE"))
    assert item["processed"] == {"BOOL": False}
    assert [price.reason for price in result.unenriched] == [
        "the enricher ran, but the price is still not enriched"
    ]


def test_what_has_left_the_stream_is_recovered_from_the_table(shop: Workshop) -> None:
    """Half of the records grow a day older, and the engine drops them as it drops all that are so old."""
    with shop.broken(shop.stack.enricher, SUCCESS_TOPIC_ARN=NOWHERE):
        _store(shop, _texts(shop, "GONE", 6))
        eventually(lambda: _pointed_at(shop) >= 6, what="pointers to every price")
    pointers = {
        body["DDBStreamBatchInfo"]["startSequenceNumber"] for body in _bodies(shop, "DDBStreamBatchInfo")
    }
    shop.age_the_stream(sorted(pointers)[2])
    listener = Told()
    summary = shop.replay(told=listener)
    assert summary.complete, [result.document() for result in listener.results]
    assert listener.units == [1], "the cost of the search is said, once for all of them"
    ways = sorted(result.way for result in listener.results)
    assert len(ways) == 6
    assert ways[:3] == ["enrich its prices, read again from the stream (1 of them)"] * 3
    assert all("recovered from the table" in way for way in ways[3:])
    assert len(shop.enriched()) == 6
    assert shop.depths == {"webhook": (0, 0), "enricher": (0, 0)}


@pytest.mark.parametrize("code", ["TrimmedDataAccessException", "ResourceNotFoundException"])
def test_both_of_awss_words_for_gone_are_understood(shop: Workshop, code: str, monkeypatch: Any) -> None:
    shop.put("GONE", 1)
    shop.enriched()
    shop.send(ENRICHER, _pointer(shop.stream), {})
    real = shop.aws.call

    def call(service: str, operation: str, **params: Any) -> Any:
        if operation == "GetShardIterator":
            raise AwsError(service=service, operation=operation, code=code, message="gone")
        return real(service, operation, **params)

    monkeypatch.setattr(shop.aws, "call", call)
    listener = Told()
    assert shop.replay(told=listener).complete
    assert "recovered from the table" in listener.results[0].way


def test_verify_finds_what_is_no_price_too_and_stops_at_none_of_it(
    shop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(enriching, "MAX_RECORDS", 1)
    with shop.paused():
        shop.put("V1", 1, price={"S": "cheap"})
        shop.put("V1", 2, price={"N": "0"})
        shop.put("V1", 3)
        for number in range(enriching.MAX_GROUPS_IN_VAIN + 1):
            shop.put("ODD", number, price={"S": "dear"}, processed={"BOOL": True})
        plain = repair(shop.replayer.enricher, RepairSearch(symbol="V1"))
        shop.put("V1", 3)
        result = repair(shop.replayer.enricher, RepairSearch(symbol="V1", verify=True))
        since = RepairSearch(symbol="V1", since_ms=shop.now_ms - 600_000 + 2, verify=True)
        later = repair(shop.replayer.enricher, since)
        shop.put("ODD", 10_000)
        odd = repair(shop.replayer.enricher, RepairSearch(symbol="ODD", verify=True))
    assert result.enriched == plain.enriched == 1
    assert result.unenriched == plain.unenriched and len(result.unenriched) == 2
    assert [price.reason for price in later.unenriched] == ["its price is not greater than 0"]
    assert (odd.enriched, odd.given_up) == (1, False)
    assert len(odd.unenriched) == enriching.MAX_GROUPS_IN_VAIN + 1
    shop.letters(ENRICHER, 2 + len(odd.unenriched))  # else they come into the next test


def test_verify_finds_what_is_enriched_wrongly_and_corrects_just_that(shop: Workshop) -> None:
    for number in range(30):
        shop.store(shop.price(number * 1000, "V1"))
    right = shop.enriched()
    enricher, first_ms = shop.replayer.enricher, shop.now_ms - 600_000
    key = ("V1", Decimal(first_ms + 20_000))

    # A pass of the enricher that is still under way corrects what it meets.
    with shop.paused():
        shop.aws.call(
            "dynamodb",
            "UpdateItem",
            TableName=shop.stack.prices.name,
            Key=key_item(key),
            UpdateExpression="SET ma_5 = :wrong",
            ExpressionAttributeValues={":wrong": {"N": "1"}},
        )
        assert list(incorrect(shop.aws, shop.stack.prices, RepairSearch(symbol="V1"))) == [key]
        assert repair(enricher, RepairSearch(symbol="V1")).tried == 0
        assert repair(enricher, RepairSearch(symbol="V1", since_ms=first_ms + 21_000, verify=True)).tried == 0
        result = repair(enricher, RepairSearch(symbol="V1", since_ms=first_ms + 15_000, verify=True))
        assert (result.enriched, result.unenriched) == (1, [])
    assert repair(enricher, RepairSearch(verify=True)).tried == 0
    assert shop.enriched() == right
