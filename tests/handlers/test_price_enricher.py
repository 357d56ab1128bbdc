"""The price enricher: what it writes, announces and corrects."""

from decimal import Decimal

import pytest

from cryptoctl.handlers import history
from handlers.enriched import MS, add, assert_right, enriched_before
from handlers.events import Mapping, announcements, enrich, send_prices
from handlers.fake_aws import FakeAws


@pytest.fixture(autouse=True)
def _no_hint() -> None:
    history.lagging.clear()


def test_twenty_one_prices_are_enriched_and_announced_once_each(aws: FakeAws) -> None:
    add(*range(100, 121))
    Mapping(aws).run()
    assert_right(aws)
    assert [announcement["correction"] for announcement in announcements(aws)] == [False] * 21
    assert [announcement["price"] for announcement in announcements(aws)] == [
        str(price) for price in range(100, 121)
    ]


def test_an_announcement_says_all_and_leaves_out_what_is_not_known_yet(aws: FakeAws) -> None:
    add(1, 2, 3, 4, 6)
    Mapping(aws).run()
    sort_key = aws.items_of("BTC")[-1]["timestamp"]["N"]
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


def test_a_backlog_costs_one_query_a_batch(direct: FakeAws) -> None:
    add(*range(1, 201))
    direct.calls.clear()
    Mapping(direct).run()
    assert_right(direct)
    assert direct.calls["Query"] <= 20 + 4  # two more at its beginning and at its end


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
    announced = announcements(aws)
    assert [announcement["correction"] for announcement in announced] == [False] + [True] * 19
    assert [announcement["timestamp"] for announcement in announced] == [MS + 9, *range(MS + 9, MS + 28)]


def test_a_record_that_comes_again_announces_and_changes_nothing(aws: FakeAws) -> None:
    add(*range(1, 31))
    Mapping(aws).run()
    count, table = len(aws.announced), dict(aws.items)
    Mapping(aws, size=7).run()
    assert (len(aws.announced), aws.items) == (count, table)


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
    aws.delete("BTC", aws.items_of("BTC")[1]["timestamp"]["N"])
    Mapping(aws).run()
    assert_right(aws)
    assert len(aws.items) == 2 and len(aws.announced) == 2


def test_a_price_deleted_between_reading_and_writing_is_not_brought_back_either(aws: FakeAws) -> None:
    add(1, 2, 3)
    sort_key = aws.items_of("BTC")[1]["timestamp"]["N"]

    def delete_it(operation: str, moment: str) -> None:
        if operation == "PublishBatch" and ("BTC", Decimal(sort_key)) in aws.items:
            aws.delete("BTC", sort_key)

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


def test_wrong_values_of_a_processed_price_are_corrected(aws: FakeAws) -> None:
    add(*range(1, 6))
    Mapping(aws).run()
    last = aws.items_of("BTC")[-1]
    aws.put({**last, "ma_5": {"S": "?"}, "volatility": {"N": "0"}})
    Mapping(aws).run()
    assert_right(aws)
    assert announcements(aws)[-1]["correction"] is True


def test_a_text_in_place_of_an_indicator_that_is_not_known_yet_is_removed(aws: FakeAws) -> None:
    add(*range(1, 4))
    Mapping(aws).run()
    last = aws.items_of("BTC")[-1]
    aws.put({**last, "ma_5": {"S": "?"}})
    Mapping(aws).run()
    assert_right(aws)


@pytest.mark.thorough
def test_scattered_new_prices_are_read_where_they_are_and_not_in_between(direct: FakeAws) -> None:
    add(*range(1, 601))
    mapping = Mapping(direct)
    mapping.run()
    send_prices(*({"timestamp": MS + 150 * n + 100, "price": 7} for n in range(4)))
    direct.units.clear()
    mapping.run()
    assert_right(direct)
    assert direct.units["read"] < 4 * 8
    assert len(announcements(direct)) == 604 + 4 * 19


@pytest.mark.thorough
@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("distance", [1, 2, 9, 17, 18, 19, 20, 21, 22, 39, 40, 41])
def test_two_late_prices_of_one_batch_at_any_distance(distance: int) -> None:
    aws, mapping = enriched_before(100)
    send_prices(*({"timestamp": MS + at, "price": 1000 + at} for at in (30, 30 + distance)))
    mapping.run()
    assert_right(aws)


@pytest.mark.thorough
@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("spacing", [1, 2, 3, 5, 8, 13])
def test_ten_late_prices_of_one_batch_at_any_spacing(spacing: int) -> None:
    aws, mapping = enriched_before(200)
    send_prices(*({"timestamp": MS + 30 + spacing * n, "price": 1000 + n} for n in range(10)))
    mapping.run()
    assert_right(aws)


@pytest.mark.thorough
@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("followers", [0, 1, 2, 5, 9, 10, 17, 18, 19, 20, 24])
@pytest.mark.parametrize("size", [1, 10])
def test_a_price_that_is_late_by_any_number_of_others(followers: int, size: int) -> None:
    aws, mapping = enriched_before(50, size)
    send_prices({"timestamp": MS + 50 - followers, "price": 1000})
    mapping.run()
    assert_right(aws)


def test_an_empty_event_is_nothing(aws: FakeAws) -> None:
    assert enrich([]) == []
