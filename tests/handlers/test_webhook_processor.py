"""The webhook processor: what it answers, and what it stores."""

import base64
import json
import random
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest

from handlers.events import ARRIVED_MS, GOOD, http, send, send_prices
from handlers.fake_aws import FakeAws

BODY = json.dumps(GOOD)
MS = 1_675_329_600_138


def test_one_price_is_stored_as_the_contract_says(aws: FakeAws) -> None:
    text = (
        '{"symbol":" btc ","price":0.10,"exchange":"Coinbase","volume":2,"timestamp":1675329600138,"id":"9"}'
    )
    status, answer = send({"body": text})
    (item,) = aws.items_of("BTC")
    assert status == 200
    assert answer == {
        "message": "price stored",
        "status": "stored",
        "symbol": "BTC",
        "timestamp": MS,
        "sort_key": item["timestamp"]["N"],
    }
    created_at = item.pop("created_at")["S"]
    assert created_at.endswith("+00:00")
    assert item == {
        "symbol": {"S": "BTC"},
        "timestamp": {"N": answer["sort_key"]},
        "price": {"N": "0.1"},
        "exchange": {"S": "Coinbase"},
        "volume": {"N": "2"},
        "raw_data": {"S": text},
        "processed": {"BOOL": False},
        "id": {"S": "9"},
    }
    assert aws.calls == {"PutItem": 1}


def test_a_bare_price_a_body_and_an_http_event_come_to_the_same(aws: FakeAws) -> None:
    price = {**GOOD, "timestamp": MS, "id": 1}
    encoded = base64.b64encode(json.dumps(price).encode()).decode()
    events = [
        price,
        {"body": json.dumps(price)},
        http(json.dumps(price)),
        http(encoded, isBase64Encoded=True),
        {"body": encoded, "isBase64Encoded": True},
    ]
    answers = [send(event) for event in events]
    assert [body["status"] for _, body in answers] == ["stored", *["duplicate"] * 4]
    assert len(aws.items) == 1


def test_without_a_timestamp_the_arrival_counts(aws: FakeAws) -> None:
    assert send(http(BODY))[1]["timestamp"] == ARRIVED_MS


@pytest.mark.parametrize("junk", [None, "x", True, -1, 0, {}, 1.5])
def test_an_arrival_that_is_none_is_now(aws: FakeAws, junk: object) -> None:
    over_http = {**http(BODY)["requestContext"], "timeEpoch": junk}
    for context in (over_http, {"timeEpoch": junk}):
        assert send(http(BODY, requestContext=context))[1]["timestamp"] > ARRIVED_MS


BAD_EVENTS: list[Any] = [None, 5, "x", [], {}, {"requestContext": {}}]
BAD_EVENTS += [{"body": body} for body in (None, 5, "", GOOD, "\ud800", BODY.replace("50000.0", "1" * 39))]
BAD_EVENTS += [{"body": body, "isBase64Encoded": True} for body in ("###", "/w==", BODY)]
BAD_EVENTS += [http(body) for body in ("{", "[" * 100_000, '{"symbol":"A","symbol":"B"}')]
BAD_EVENTS += [http(body, isBase64Encoded=True) for body in ("no base64!", "//4=")]
BAD_EVENTS += [http('{"symbol":"BTC","price":NaN,"exchange":"x"}'), {**GOOD, "price": float("nan")}]
BAD_EVENTS += [{**GOOD, "symbol": []}, {**GOOD, "symbol": "x" * 3000}, {**GOOD, "price": -1}]


@pytest.mark.parametrize("event", BAD_EVENTS, ids=lambda event: str(event)[:40])
def test_a_bad_request_is_a_400_with_a_reason_and_no_dead_letter(aws: FakeAws, event: Any) -> None:
    status, answer = send(event)
    assert status == 400
    assert answer["error"] == "invalid_request" and answer["message"]
    assert set(aws.calls) <= {"GetParameter"}


def test_beyond_the_limits_is_a_413(aws: FakeAws) -> None:
    for body in (json.dumps([GOOD] * 1001), json.dumps({**GOOD, "note": "x" * 500_000})):
        status, answer = send(http(body))
        assert (status, answer["error"]) == (413, "too_large")


def test_several_of_which_none_is_accepted_are_an_error(aws: FakeAws) -> None:
    status, answer = send_prices({"price": -1}, {"price": 0})
    assert (status, answer["error"], answer["message"]) == (400, "invalid_prices", "2 rejected")


def test_several_are_answered_one_by_one(aws: FakeAws) -> None:
    status, answer = send_prices({"id": 1}, {"price": -1}, {"id": 1, "timestamp": 5}, {"id": 2})
    assert status == 207 and "error" not in answer
    assert answer["message"] == "2 stored, 2 rejected"
    assert [result["status"] for result in answer["results"]] == ["stored", "rejected", "rejected", "stored"]
    assert answer["results"][1] == {
        "index": 1,
        "status": "rejected",
        "field": "price",
        "reason": "must be greater than 0",
    }
    assert len(aws.items) == 2


def test_several_of_which_none_is_good_are_a_400_and_all_good_a_200(aws: FakeAws) -> None:
    assert send_prices({"price": 0}, {"symbol": ""})[0] == 400
    assert send_prices({"id": 1}, {"id": 2})[0] == 200


def test_prices_of_one_millisecond_are_all_kept_in_the_order_of_their_ids(aws: FakeAws) -> None:
    ids = random.Random(1).sample(range(10**9), 38)
    status, _ = send_prices(*({"timestamp": MS, "id": n, "price": n + 1} for n in ids))
    assert status == 200
    assert [int(item["id"]["S"]) for item in aws.items_of("BTC")] == sorted(ids)
    assert aws.calls == {"PutItem": 38}


def test_without_ids_they_are_kept_too_in_the_order_of_arrival(aws: FakeAws) -> None:
    _, answer = send_prices(*({"timestamp": MS, "price": n} for n in (5, 3, 9)))
    assert [result["sort_key"] for result in answer["results"]] == [
        f"{MS}", f"{MS}.000000000000000000000001", f"{MS}.000000000000000000000002",
    ]  # fmt: skip
    assert [item["price"]["N"] for item in aws.items_of("BTC")] == ["5", "3", "9"]
    assert aws.calls == {"PutItem": 3}


@pytest.mark.parametrize("ids", [True, False])
def test_the_same_request_again_is_all_duplicates(aws: FakeAws, ids: bool) -> None:
    prices = [{"timestamp": MS + n % 3, "price": n % 4 + 1, **({"id": n} if ids else {})} for n in range(40)]
    first = send_prices(*prices)[1]["results"]
    table = dict(aws.items)
    second = send_prices(*prices)[1]["results"]
    assert {result["status"] for result in first} == {"stored"}
    assert {result["status"] for result in second} == {"duplicate"}
    assert [result["sort_key"] for result in second] == [result["sort_key"] for result in first] or not ids
    assert aws.items == table and len(table) == 40


def test_two_identical_prices_in_one_request_are_two_trades_and_one_more_is_new(aws: FakeAws) -> None:
    same = {"timestamp": MS}
    assert send_prices(same, same)[1]["message"] == "2 stored"
    assert send_prices(same)[1]["message"] == "1 duplicate"
    assert send_prices(same, same, same)[1]["message"] == "1 stored, 2 duplicate"
    assert len(aws.items) == 3


def test_one_more_price_in_a_full_millisecond_costs_two_writes_and_a_query(aws: FakeAws) -> None:
    send_prices(*({"timestamp": MS, "price": n} for n in range(1, 39)))
    aws.calls.clear()
    assert send_prices({"timestamp": MS, "price": 39})[1]["message"] == "1 stored"
    assert aws.calls == {"PutItem": 2, "Query": 1}


def test_a_price_with_an_id_and_one_without_are_two(aws: FakeAws) -> None:
    assert send_prices({"timestamp": MS}, {"timestamp": MS, "id": 1})[1]["message"] == "2 stored"


@pytest.mark.parametrize(("change", "differs"), [({}, False), ({"price": 2}, True), ({"volume": 9}, True)])
def test_an_id_that_comes_again_with_other_values_is_told_as_such(
    aws: FakeAws, caplog: pytest.LogCaptureFixture, change: dict[str, int], differs: bool
) -> None:
    trade = {"timestamp": MS, "id": 1, "price": 1, "volume": 1}
    send_prices(trade)
    stored = aws.items_of("BTC")
    answer = send_prices({**trade, **change})[1]
    assert answer["message"] == "1 duplicate"
    assert answer["results"][0].get("differs", False) is differs
    assert getattr(caplog.records[-1], "differing", 0) == differs
    assert aws.items_of("BTC") == stored


def test_one_id_on_two_exchanges_or_at_two_times_is_two_trades(aws: FakeAws) -> None:
    trades = [{"timestamp": MS, "id": 1}, {"timestamp": MS + 1, "id": 1}]
    assert send_prices(*trades, {**trades[0], "exchange": "kraken"})[1]["message"] == "3 stored"


def test_a_key_that_another_price_holds_is_passed_over(aws: FakeAws) -> None:
    sort_key = send_prices({"timestamp": MS, "id": 1})[1]["results"][0]["sort_key"]
    item = aws.items["BTC", Decimal(sort_key)]
    aws.put({**item, "id": {"S": "another of the same hash"}})
    assert send_prices({"timestamp": MS, "id": 1})[1]["message"] == "1 stored"
    assert send_prices({"timestamp": MS, "id": 1})[1]["message"] == "1 duplicate"
    assert len(aws.items) == 2


def test_an_item_written_by_hand_holds_its_key_and_is_nobodys_repeat(aws: FakeAws) -> None:
    aws.put({"symbol": {"S": "BTC"}, "timestamp": {"N": str(MS)}, "price": {"S": "free"}})
    assert send_prices({"timestamp": MS}, {"timestamp": MS, "price": 2})[1]["message"] == "2 stored"
    assert aws.items["BTC", Decimal(MS)]["price"] == {"S": "free"}


def test_38_digits_and_a_price_of_1e_18_are_stored_digit_for_digit(aws: FakeAws) -> None:
    digits = "1.2345678901234567890123456789012345678"
    body = f'[{{"symbol":"A","exchange":"x","price":{digits}}},{{"symbol":"B","exchange":"x","price":1e-18}}]'
    assert send({"body": body})[0] == 200
    assert aws.items_of("A")[0]["price"]["N"] == digits
    assert aws.items_of("B")[0]["price"]["N"] == "0.000000000000000001"


def test_a_bare_event_s_float_is_read_by_its_shortest_text(aws: FakeAws) -> None:
    send({**GOOD, "price": 0.1, "volume": 1e-7})
    assert (aws.items_of("BTC")[0]["price"]["N"], aws.items_of("BTC")[0]["volume"]["N"]) == (
        "0.1",
        "0.0000001",
    )


@pytest.mark.parametrize("ids", [True, False])
@pytest.mark.parametrize("seed", range(5))
def test_requests_that_overlap_in_time_make_one_table(aws: FakeAws, ids: bool, seed: int) -> None:
    chance = random.Random(seed)
    trades = [{"timestamp": MS + n % 7, "price": n + 1, **({"id": n} if ids else {})} for n in range(60)]
    parts = [chance.sample(trades, 45) for _ in range(3)] + [trades]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda part: send_prices(*part), parts))
    assert all(status == 200 for status, _ in answers)
    assert sorted(int(item["price"]["N"]) for item in aws.items_of("BTC")) == list(range(1, 61))
    stored = [result for _, answer in answers for result in answer["results"] if result["status"] == "stored"]
    assert len(stored) == 60


def test_each_symbol_reaches_the_stream_in_key_order(aws: FakeAws) -> None:
    prices = [{"symbol": f"S{n % 5}", "timestamp": MS + n, "id": n} for n in range(100)]
    random.Random(3).shuffle(prices)
    assert send_prices(*prices)[0] == 200
    keys: dict[str, list[Decimal]] = {}
    for record in aws.inserts():
        image = record["dynamodb"]["NewImage"]
        keys.setdefault(image["symbol"]["S"], []).append(Decimal(image["timestamp"]["N"]))
    assert all(sort_keys == sorted(sort_keys) for sort_keys in keys.values())


def test_how_far_back_a_timestamp_may_lie_is_read_from_the_environment(
    aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAX_AGE_DAYS", "30")
    assert "30 days back" in send({**GOOD, "timestamp": MS})[1]["message"]


def test_a_limit_of_less_than_a_day_is_one(
    aws: FakeAws, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MAX_AGE_DAYS", "0.5")
    assert send({**GOOD, "timestamp": MS})[0] == 400
    assert "MAX_AGE_DAYS" not in capsys.readouterr().out


@pytest.mark.parametrize("days", ["20 years", "nan", "inf", "-inf", "1e12", "0", "-1", "1e-400"])
@pytest.mark.parametrize("event", [http(BODY), GOOD], ids=["HTTP", "direct"])
def test_a_limit_that_is_none_loses_no_price_and_is_told(
    aws: FakeAws,
    event: Any,
    days: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("MAX_AGE_DAYS", days)
    assert send(event)[0] == 200
    assert '"level":"ERROR","message":"MAX_AGE_DAYS' in capsys.readouterr().out
    assert "7305 days back" in send({**GOOD, "timestamp": 1})[1]["message"]


def test_a_hundred_prices_with_one_id_of_20_digits_in_one_millisecond_are_stored(direct: FakeAws) -> None:
    prices = [{"id": "9" * 20, "timestamp": 1_675_329_600_000, "exchange": f"e{n}"} for n in range(150)]
    assert send_prices(*prices)[1]["message"] == "150 stored"
    assert send_prices(*prices)[1]["message"] == "150 duplicate"
