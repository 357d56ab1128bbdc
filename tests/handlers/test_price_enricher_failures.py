"""The price enricher: what it sets aside and gives back, and items that are not as ours."""

import json
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from cryptoctl.core.enrichment import Announcement
from cryptoctl.handlers import clients, history, logs, price_enricher
from handlers.conftest import connect_directly
from handlers.enriched import MS, add, assert_right
from handlers.events import Context, Mapping, SlowAws, announcements, enrich, send_prices
from handlers.fake_aws import FakeAws, FaultError, Item


@pytest.fixture(autouse=True)
def _no_hint() -> None:
    history.lagging.clear()


SYMBOLS = "ABCDEFGHIJKLM"
POISON: list[dict[str, Any]] = [
    {},
    {"price": {"S": "free"}},
    {"price": {"N": "-1"}},
    {"price": {"N": "0"}},
    {"price": {"NULL": True}},
    {"price": {"N": "5"}, "volume": {"S": "much"}},
    {"price": {"N": "5"}, "exchange": {"L": []}},
    {"price": {"N": "5"}, "exchange": {"S": "x" * 3000}},
]


@pytest.mark.parametrize("attributes", POISON, ids=lambda attributes: str(attributes)[:40])
def test_a_poison_record_goes_whole_to_the_queue_and_the_rest_is_enriched(
    aws: FakeAws, attributes: dict[str, Any]
) -> None:
    add(*range(1, 11))
    aws.put({"symbol": {"S": "BTC"}, "timestamp": {"N": str(MS + 10)}, **attributes})
    add(*range(1, 11), start=11)
    mapping = Mapping(aws)
    mapping.run()
    assert mapping.invocations == 3
    (letter,) = aws.queue
    body = json.loads(letter["MessageBody"])
    assert body["kind"] == "record" and body["reason"]
    assert body["record"] == aws.inserts()[10]
    assert letter["MessageAttributes"]["Symbol"]["StringValue"] == "BTC"
    assert letter["MessageAttributes"]["Reason"]["StringValue"] == body["reason"]
    assert len(aws.announced) == 20
    aws.delete("BTC", str(MS + 10))
    assert_right(aws)


@pytest.mark.parametrize(
    "record", [{}, {"dynamodb": None}, {"dynamodb": {"NewImage": 5}}, {"dynamodb": {"Keys": []}}]
)
def test_a_record_of_any_shape_is_set_aside(aws: FakeAws, record: dict[str, Any]) -> None:
    assert enrich([{"eventName": "INSERT", **record}]) == []
    assert len(aws.queue) == 1


def test_a_record_that_cannot_be_set_aside_is_given_back(aws: FakeAws) -> None:
    def no_queue(operation: str, moment: str) -> None:
        if operation == "SendMessage":
            raise FaultError("InternalError")

    aws.put({"symbol": {"S": "BTC"}, "timestamp": {"N": "5"}})
    add(1, symbol="ETH")
    aws.fault = no_queue
    assert enrich(aws.inserts()) == ["100000000000"]
    assert_right(aws, "ETH")


def test_a_poison_record_that_will_come_again_is_set_aside_only_then(aws: FakeAws) -> None:
    add(1, symbol="ETH")
    add(1, symbol="BTC")
    aws.put({"symbol": {"S": "BTC"}, "timestamp": {"N": "5"}})
    aws.refuse_updates = lambda symbol: "ThrottlingError" if symbol == "BTC" else None
    mapping = Mapping(aws)
    with pytest.raises(AssertionError, match="never ends"):
        mapping.run(attempts=3)
    assert not aws.queue
    aws.refuse_updates = lambda symbol: None
    mapping.run()
    assert len(aws.queue) == 1


# SNS takes no attribute without a value, and none with a control character.
@pytest.mark.parametrize("exchange", [{}, {"exchange": {"S": "kra\x00ken"}}, {"exchange": {"S": "kra\nken"}}])
def test_an_item_written_by_hand_with_an_odd_exchange_or_none_is_a_price(
    aws: FakeAws, exchange: Item
) -> None:
    aws.put({"symbol": {"S": "BTC"}, "timestamp": {"N": "5"}, "price": {"N": "7"}, **exchange})
    Mapping(aws).run()
    assert_right(aws)
    assert set(aws.announced[0]["MessageAttributes"]) == {"symbol"}


def test_what_fails_for_the_whole_batch_raises(aws: FakeAws) -> None:
    def no_reading(operation: str, moment: str) -> None:
        if operation == "Query":
            raise FaultError("ThrottlingException")

    add(1, 2)
    aws.fault = no_reading
    with pytest.raises(logs.RetryError):
        enrich(aws.inserts())
    assert not aws.announced


def test_what_fails_for_one_symbol_is_given_back_and_the_others_are_enriched(aws: FakeAws) -> None:
    add(1, symbol="ETH")
    add(1, 2, symbol="BTC")
    aws.refuse_updates = lambda symbol: "ThrottlingError" if symbol == "BTC" else None
    assert enrich(aws.inserts()) == [aws.inserts()[1]["dynamodb"]["SequenceNumber"]]
    assert_right(aws, "ETH")
    aws.refuse_updates = lambda symbol: None
    Mapping(aws).run()
    assert_right(aws)


def test_a_failed_announcement_leaves_its_price_unprocessed_and_comes_again(aws: FakeAws) -> None:
    add(*range(1, 6))
    aws.refuse_messages = lambda entry: '"price": "3"' in entry["Message"]
    mapping = Mapping(aws)
    with pytest.raises(AssertionError, match="never ends"):
        mapping.run(attempts=2)
    assert not any(item["processed"]["BOOL"] for item in aws.items_of("BTC"))
    aws.refuse_messages = lambda entry: False
    mapping.run()
    assert_right(aws)


def test_the_topic_out_of_reach_is_a_failure_and_nothing_is_lost(aws: FakeAws) -> None:
    def no_topic(operation: str, moment: str) -> None:
        if operation == "PublishBatch":
            raise FaultError("InternalError")

    add(1, 2)
    aws.fault = no_topic
    with pytest.raises(logs.RetryError):
        enrich(aws.inserts())
    aws.fault = lambda operation, moment: None
    Mapping(aws).run()
    assert [announcement["correction"] for announcement in announcements(aws)] == [False, False]


@pytest.mark.parametrize(
    ("status", "attempts", "heard"), [(404, 0, False), (403, 0, False), (400, 1, None), (500, 0, None)]
)
def test_what_the_topic_has_refused_nobody_has_heard_and_it_is_neither_repeated_nor_remembered(
    aws: FakeAws, status: int, attempts: int, heard: bool | None
) -> None:
    metadata = {"HTTPStatusCode": status, "RetryAttempts": attempts}

    def refused(operation: str, moment: str) -> None:
        if operation == "PublishBatch":
            raise FaultError("Odd", ResponseMetadata=metadata)

    connect_directly(aws)
    add(1, 2, 3)
    aws.fault = refused
    with pytest.raises(logs.RetryError):
        enrich(aws.inserts())
    assert aws.calls["PublishBatch"] == (1 if heard is False else 3)
    assert bool(price_enricher.unwritten) == (heard is None)


def test_a_price_that_was_deleted_after_it_was_announced_is_remembered_no_longer(aws: FakeAws) -> None:
    def unwritable(operation: str, moment: str) -> None:
        if operation == "BatchExecuteStatement":
            raise FaultError("InternalServerError")

    connect_directly(aws)
    add(1, 2)
    aws.fault = unwritable
    with pytest.raises(logs.RetryError):
        enrich(aws.inserts())
    announced = price_enricher.unwritten["BTC"]
    assert len(announced) == 2
    aws.fault = lambda operation, moment: None
    records = aws.inserts()
    aws.delete("BTC", str(max(announced)))
    enrich(records)
    assert price_enricher.unwritten == {}


@pytest.mark.parametrize("attempts", [0, 1])
def test_a_message_refused_in_an_answer_was_heard_by_nobody_unless_an_attempt_before_was_lost(
    aws: FakeAws, attempts: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    metadata = {"HTTPStatusCode": 200, "RetryAttempts": attempts}
    answer = {"Failed": [{"Id": "0", "Code": "Odd"}], "ResponseMetadata": metadata}
    topic = SimpleNamespace(publish_batch=lambda **_: answer)
    monkeypatch.setattr("cryptoctl.handlers.announcing.client", lambda _: topic)
    add(1)
    with pytest.raises(logs.RetryError):
        enrich(aws.inserts())
    assert bool(price_enricher.unwritten) == bool(attempts)


def test_an_average_that_fails_is_not_a_zero(aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(prices: object) -> None:
        raise ArithmeticError("average")

    add(1, 2)
    monkeypatch.setattr("cryptoctl.core.enrichment.indicators", broken)
    with pytest.raises(logs.RetryError):
        enrich(aws.inserts())
    assert all("ma_5" not in item and not item["processed"]["BOOL"] for item in aws.items_of("BTC"))


def test_without_time_left_nothing_is_begun(aws: FakeAws) -> None:
    add(1)
    with pytest.raises(RuntimeError, match="time"):
        enrich(aws.inserts(), Context(remaining_ms=0))
    assert aws.calls["Query"] == 0


def test_symbols_for_which_no_time_is_left_are_given_back_and_the_others_enriched(
    aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    for symbol in "ABCD":
        add(1, symbol=symbol)
    slow = SlowAws("Query", 9)
    monkeypatch.setattr(clients, "time", slow)
    aws.fault = slow
    failed = enrich(aws.inserts(), Context(remaining_ms=30_000))
    assert failed == [aws.inserts()[n]["dynamodb"]["SequenceNumber"] for n in (2, 3)]  # at 18 of 12 seconds
    assert [item["processed"]["BOOL"] for symbol in "ABCD" for item in aws.items_of(symbol)] == [
        True,
        True,
        False,
        False,
    ]


@pytest.mark.parametrize("operation", ["Query", "PublishBatch", "BatchExecuteStatement"])
def test_slow_answers_cut_no_invocation_off_and_each_finishes_a_part(
    aws: FakeAws, monkeypatch: pytest.MonkeyPatch, operation: str
) -> None:
    for symbol in SYMBOLS:
        add(*range(1, 26), symbol=symbol)
    Mapping(aws, size=50).run()
    send_prices(*({"symbol": symbol, "timestamp": MS + 4, "price": 7} for symbol in SYMBOLS))
    slow = SlowAws(operation, 2.9)
    monkeypatch.setattr(clients, "time", slow)
    aws.fault = slow
    late = aws.inserts()[-len(SYMBOLS) :]
    for attempt in range(10):
        price_enricher.unwritten.clear()  # each comes to another execution environment
        began = slow.now
        failed = enrich(late, Context(30_000))
        assert slow.now - began < 30
        if not failed:
            assert attempt
            break
        assert len(failed) < len(late)
        late = [record for record in late if record["dynamodb"]["SequenceNumber"] in failed]
    assert not failed
    for symbol in SYMBOLS:
        assert_right(aws, symbol)


def test_what_is_written_before_a_later_call_fails_is_named(
    aws: FakeAws, capsys: pytest.CaptureFixture[str]
) -> None:
    def second_write(operation: str, moment: str) -> None:
        if operation == "BatchExecuteStatement" and aws.calls[operation] % 3 == 2:
            raise FaultError("ThrottlingException")

    add(*range(1, 61))
    aws.fault = second_write
    assert enrich(aws.inserts()) == []
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (named,) = [line["keys"]["BTC"] for line in lines if line.get("message") == "prices enriched"]
    assert sorted(named) == [item["timestamp"]["N"] for item in aws.items_of("BTC")]
    assert_right(aws)


def test_a_throttled_write_is_not_announced_again(aws: FakeAws) -> None:
    def first_write(operation: str, moment: str) -> None:
        if operation == "BatchExecuteStatement" and aws.calls[operation] == 1:
            raise FaultError("ThrottlingException")

    add(1, 2, 3)
    aws.fault = first_write
    assert enrich(aws.inserts()) == []
    assert len(aws.announced) == 3
    assert_right(aws)


def test_what_could_not_be_written_is_not_remembered_without_bound(aws: FakeAws) -> None:
    price_enricher.unwritten.update({f"S{number}": {} for number in range(1500)})
    announcement = Announcement(indicators=None, revision=None)
    price_enricher.unwritten["S1499"] = {Decimal(number): announcement for number in range(1500)}
    assert enrich([]) == []
    assert len(price_enricher.unwritten) == 1000
    assert list(price_enricher.unwritten["S1499"]) == list(range(500, 1500))


# What an adopted table may hold: the present item's attributes are somebody else's.
ODD: list[dict[str, Any]] = [
    {"enriched_at": {"N": "1675329600"}},
    {"enriched_at": {"NULL": True}},
    {"enriched_at": {"M": {}}, "processed": {"S": "yes"}},
    {"rev": {"N": "7"}},
    {"rev": {"S": "somebody's"}},
    {"rev": {"NULL": True}, "ma_5": {"L": []}},
    {"id": {"BOOL": True}, "volatility": {"S": "high"}},
    {"ma_20": {"S": "much"}, "volatility": {"NULL": True}},
]


@pytest.mark.parametrize("processed", [True, False])
@pytest.mark.parametrize("attributes", ODD, ids=str)
def test_an_item_with_odd_attributes_is_enriched_and_so_are_its_neighbours(
    aws: FakeAws, attributes: dict[str, Any], processed: bool
) -> None:
    add(*range(1, 11))
    odd = {"symbol": {"S": "BTC"}, "timestamp": {"N": str(MS + 10)}, "price": {"N": "5"}}
    aws.put({**odd, "processed": {"BOOL": processed}, **attributes})
    add(*range(1, 11), start=11)
    mapping = Mapping(aws)
    mapping.run()
    send_prices({"timestamp": MS + 5, "price": 1000})
    mapping.run()
    assert_right(aws)
    assert mapping.invocations == 4
    assert not aws.queue


@pytest.mark.parametrize(
    "key", ["1" + "0" * 25, "-1" + "0" * 17, "253402300800000", "0", "1" + "0" * 125, "-5"]
)
def test_a_key_far_from_any_time_is_a_price_like_others(aws: FakeAws, key: str) -> None:
    add(*range(1, 11))
    aws.put({"symbol": {"S": "BTC"}, "timestamp": {"N": key}, "price": {"N": "5"}})
    add(*range(1, 11), start=11)
    Mapping(aws).run()
    assert_right(aws)
    assert key in {announcement["sort_key"] for announcement in announcements(aws)}


@pytest.mark.parametrize(
    "number", ["1e999999999", "-1e-999999999", "9" * 5000, "1e999999999999999999999", "NaN"]
)
@pytest.mark.parametrize("name", ["price", "volume", "timestamp"])
def test_a_number_in_a_record_is_bounded_before_it_is_expanded(aws: FakeAws, name: str, number: str) -> None:
    image = {"symbol": {"S": "BTC"}, "timestamp": {"N": "5"}, "price": {"N": "5"}, name: {"N": number}}
    stream = {"SequenceNumber": "9" * 5000, "NewImage": image}
    assert enrich([{"eventName": "INSERT", "dynamodb": stream}]) == []
    (letter,) = aws.queue
    assert name in json.loads(letter["MessageBody"])["reason"]
