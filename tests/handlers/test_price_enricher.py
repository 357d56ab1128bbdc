"""The price enricher: what it writes, announces, corrects, sets aside and gives back."""

import json
from decimal import Decimal
from typing import Any

import pytest

from cryptoctl.core.indicators import indicators
from cryptoctl.core.numbers import plain
from cryptoctl.handlers import clients, history, logs
from handlers.events import Context, Mapping, SlowAws, announcements, enrich, send_prices
from handlers.fake_aws import FakeAws, FaultError

MS = 1_675_329_600_000


@pytest.fixture(autouse=True)
def _no_hint() -> None:
    history.lagging.clear()


def add(*prices: int, start: int = 0, symbol: str = "BTC") -> None:
    """Prices one millisecond apart, from `start` on."""
    sent = [
        {"symbol": symbol, "timestamp": MS + start + n, "id": start + n, "price": p}
        for n, p in enumerate(prices)
    ]
    assert send_prices(*sent)[0] == 200


def assert_right(aws: FakeAws, symbol: str = "BTC") -> None:
    items = [item for item in aws.of(symbol) if "N" in item.get("price", {})]
    prices = [Decimal(item["price"]["N"]) for item in items]
    for position, item in enumerate(items):
        right = indicators(prices[: position + 1])
        for name in ("ma_5", "ma_20", "volatility"):
            value = getattr(right, name)
            assert item.get(name) == (None if value is None else {"N": plain(value)}), (position, name)
        assert item["processed"] == {"BOOL": True}
        assert item["enriched_at"]["S"].endswith("+00:00")


def test_twenty_one_prices_are_enriched_and_announced_once_each(aws: FakeAws) -> None:
    add(*range(100, 121))
    Mapping(aws).run()
    assert_right(aws)
    assert [each["correction"] for each in announcements(aws)] == [False] * 21
    assert [each["price"] for each in announcements(aws)] == [str(price) for price in range(100, 121)]


def test_an_announcement_says_all_and_leaves_out_what_is_not_known_yet(aws: FakeAws) -> None:
    add(1, 2, 3, 4, 6)
    Mapping(aws).run()
    sort_key = aws.of("BTC")[-1]["timestamp"]["N"]
    common = {"symbol": "BTC", "exchange": "coinbase", "volume": "0", "correction": False}
    assert announcements(aws)[-1] == {
        **common, "timestamp": MS + 4, "sort_key": sort_key, "price": "6", "ma_5": "3.2",
    }  # fmt: skip
    assert set(announcements(aws)[0]) == {*common, "timestamp", "sort_key", "price"}
    assert aws.announced[0]["MessageAttributes"] == {
        "symbol": {"DataType": "String", "StringValue": "BTC"},
        "exchange": {"DataType": "String", "StringValue": "coinbase"},
    }


def test_a_batch_of_new_prices_costs_one_query_one_publish_and_one_update(aws: FakeAws) -> None:
    add(*range(1, 31))
    Mapping(aws).run()
    aws.calls.clear()
    add(*range(1, 11), start=100)
    Mapping(aws).step(aws.inserts()[-10:])
    assert aws.calls == {"PutItem": 10, "Query": 1, "PublishBatch": 1, "BatchExecuteStatement": 1}


def test_a_backlog_costs_one_query_a_batch(aws: FakeAws) -> None:
    add(*range(1, 201))
    aws.calls.clear()
    Mapping(aws).run()
    assert_right(aws)
    assert aws.calls["Query"] <= 20 + 4  # two more at its beginning and at its end


def test_a_late_price_corrects_those_after_it_and_says_so(aws: FakeAws) -> None:
    add(*range(1, 51))
    mapping = Mapping(aws)
    mapping.run()
    aws.announced.clear()
    send_prices(
        {"timestamp": MS + 9, "price": 1000}
    )  # without an id it comes before the id of its millisecond
    mapping.run()
    assert_right(aws)
    found = announcements(aws)
    assert [each["correction"] for each in found] == [False] + [True] * 19
    assert [each["timestamp"] for each in found] == [MS + 9, *range(MS + 9, MS + 28)]


def test_a_record_that_comes_again_announces_and_changes_nothing(aws: FakeAws) -> None:
    add(*range(1, 31))
    Mapping(aws).run()
    told, table = len(aws.announced), dict(aws.items)
    Mapping(aws, size=7).run()
    assert (len(aws.announced), aws.items) == (told, table)


def test_its_own_write_never_starts_it_again(aws: FakeAws) -> None:
    add(1, 2, 3)
    Mapping(aws).run()
    modified = [record for record in aws.stream if record["eventName"] == "MODIFY"]
    calls = aws.calls.copy()
    assert len(modified) == 3
    assert enrich([*modified, {"eventName": "REMOVE"}]) == []
    assert aws.calls == calls


def test_a_price_deleted_meanwhile_is_not_brought_back(aws: FakeAws) -> None:
    add(1, 2, 3)
    aws.delete("BTC", aws.of("BTC")[1]["timestamp"]["N"])
    Mapping(aws).run()
    assert_right(aws)
    assert len(aws.items) == 2 and len(aws.announced) == 2


def test_a_price_deleted_between_reading_and_writing_is_not_brought_back_either(aws: FakeAws) -> None:
    add(1, 2, 3)
    gone = aws.of("BTC")[1]["timestamp"]["N"]

    def delete_it(operation: str, moment: str) -> None:
        if operation == "PublishBatch" and ("BTC", Decimal(gone)) in aws.items:
            aws.delete("BTC", gone)

    aws.fault = delete_it
    Mapping(aws).run()
    assert len(aws.items) == 2
    assert_right(aws)


def test_another_enricher_s_newer_values_are_not_overwritten_by_older_ones(aws: FakeAws) -> None:
    add(*range(1, 6))
    stale = aws.inserts()
    overtaken = False

    def overtake(operation: str, moment: str) -> None:
        nonlocal overtaken
        if operation == "PublishBatch" and not overtaken:
            overtaken = True
            send_prices({"timestamp": MS + 1, "price": 1000})
            Mapping(aws, size=100).run()

    aws.fault = overtake
    assert enrich(stale) == []
    assert_right(aws)


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


def test_an_item_written_by_hand_without_exchange_or_volume_is_a_price(aws: FakeAws) -> None:
    aws.put({"symbol": {"S": "BTC"}, "timestamp": {"N": "5"}, "price": {"N": "7"}})
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
    assert not any(item["processed"]["BOOL"] for item in aws.of("BTC"))
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
    assert [each["correction"] for each in announcements(aws)] == [False, False]


def test_an_average_that_fails_is_not_a_zero(aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(prices: object) -> None:
        raise ArithmeticError("average")

    add(1, 2)
    monkeypatch.setattr("cryptoctl.core.enrichment.indicators", broken)
    with pytest.raises(logs.RetryError):
        enrich(aws.inserts())
    assert all("ma_5" not in item and not item["processed"]["BOOL"] for item in aws.of("BTC"))


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
    assert failed == [aws.inserts()[3]["dynamodb"]["SequenceNumber"]]  # at 27 of 24 seconds
    assert [item["processed"]["BOOL"] for symbol in "ABCD" for item in aws.of(symbol)] == [True] * 3 + [False]


def test_wrong_values_of_a_processed_price_are_corrected(aws: FakeAws) -> None:
    add(*range(1, 6))
    Mapping(aws).run()
    last = aws.of("BTC")[-1]
    aws.put({**last, "ma_5": {"S": "?"}, "volatility": {"N": "0"}})
    Mapping(aws).run()
    assert_right(aws)
    assert announcements(aws)[-1]["correction"] is True


def test_scattered_new_prices_are_read_where_they_are_and_not_in_between(aws: FakeAws) -> None:
    add(*range(1, 601))
    mapping = Mapping(aws)
    mapping.run()
    send_prices(*({"timestamp": MS + 150 * n + 100, "price": 7} for n in range(4)))
    aws.units.clear()
    mapping.run()
    assert_right(aws)
    assert aws.units["read"] < 4 * 8
    assert len(announcements(aws)) == 604 + 4 * 19


@pytest.mark.parametrize("distance", [1, 2, 9, 17, 18, 19, 20, 21, 22, 39, 40, 41])
def test_two_late_prices_of_one_batch_at_any_distance(aws: FakeAws, distance: int) -> None:
    add(*range(1, 101))
    mapping = Mapping(aws)
    mapping.run()
    send_prices(*({"timestamp": MS + at, "price": 1000 + at} for at in (30, 30 + distance)))
    mapping.run()
    assert_right(aws)


@pytest.mark.parametrize("spacing", [1, 2, 3, 5, 8, 13])
def test_ten_late_prices_of_one_batch_at_any_spacing(aws: FakeAws, spacing: int) -> None:
    add(*range(1, 201))
    mapping = Mapping(aws)
    mapping.run()
    send_prices(*({"timestamp": MS + 30 + spacing * n, "price": 1000 + n} for n in range(10)))
    mapping.run()
    assert_right(aws)


@pytest.mark.parametrize("followers", [0, 1, 2, 5, 9, 10, 17, 18, 19, 20, 24])
@pytest.mark.parametrize("size", [1, 10])
def test_a_price_that_is_late_by_any_number_of_others(aws: FakeAws, followers: int, size: int) -> None:
    add(*range(1, 51))
    mapping = Mapping(aws, size)
    mapping.run()
    send_prices({"timestamp": MS + 50 - followers, "price": 1000})
    mapping.run()
    assert_right(aws)


def test_an_empty_event_is_nothing(aws: FakeAws) -> None:
    assert enrich([]) == []


# What an adopted table may hold: the present item's attributes are somebody else's.
ODD: list[dict[str, Any]] = [
    {"enriched_at": {"N": "1675329600"}},
    {"enriched_at": {"NULL": True}},
    {"enriched_at": {"M": {}}, "processed": {"S": "yes"}},
    {"rev": {"N": "7"}},
    {"rev": {"S": "somebody's"}},
    {"rev": {"NULL": True}, "ma_5": {"L": []}},
    {"id": {"BOOL": True}, "volatility": {"S": "high"}},
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
    assert key in {each["sort_key"] for each in announcements(aws)}


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
