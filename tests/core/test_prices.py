"""Which prices are taken in, as what, and which are refused, and why."""

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cryptoctl.core import json_text, prices
from cryptoctl.core.prices import Price, Rejected, TimeLimits, TooLarge, parse_request, parse_request_value

NOW = 1_795_383_931_429
CLOCK = TimeLimits(now_ms=NOW, arrival_ms=NOW - 7)
GOOD = {"symbol": "BTC", "price": 50000.0, "exchange": "coinbase"}


def price_of(**fields: Any) -> Price:
    price = parse_request(json.dumps({**GOOD, **fields}), CLOCK).prices[0]
    assert isinstance(price, Price), price
    return price


def refusal(**fields: Any) -> Rejected:
    rejected = parse_request(json.dumps({**GOOD, **fields}), CLOCK).prices[0]
    assert isinstance(rejected, Rejected), rejected
    return rejected


def without(name: str) -> Rejected:
    rejected = parse_request(
        json.dumps({key: value for key, value in GOOD.items() if key != name}), CLOCK
    ).prices[0]
    assert isinstance(rejected, Rejected)
    return rejected


def test_a_price_with_everything_is_taken_as_it_is() -> None:
    text = (
        ' {"symbol":" btc ","price":50000.10,"exchange":" Coinbase ","volume":1e-18,'
        '"timestamp":1675329600138,"id":7}\n'
    )
    assert parse_request(text, CLOCK).prices == (
        Price(
            symbol="BTC",
            exchange="Coinbase",
            price=Decimal("50000.1"),
            volume=Decimal("1e-18"),
            timestamp_ms=1675329600138,
            id="7",
            raw=text.strip(),
        ),
    )


def test_what_is_absent_has_its_default() -> None:
    price = price_of()
    assert (price.volume, price.timestamp_ms, price.id) == (Decimal(0), NOW - 7, None)


@pytest.mark.parametrize("name", ["symbol", "price", "exchange"])
def test_what_a_price_needs_is_named_when_it_is_missing(name: str) -> None:
    assert str(without(name)) == f"{name}: is missing"


@pytest.mark.parametrize("value", [0, -1, "NaN", "abc", "1" * 39, "1e400", None, True, [], {}, "1e-131"])
def test_a_price_that_is_none_is_refused(value: object) -> None:
    assert refusal(price=value).field == "price"


@pytest.mark.parametrize("value", [-1, "NaN", "abc", "1" * 39, None, True, [], {}])
def test_a_volume_that_is_none_is_refused(value: object) -> None:
    assert refusal(volume=value).field == "volume"


@pytest.mark.parametrize(
    "value", ["", "  ", "B T", "ßTC", "BTC\u0000", "x" * 65, 5, None, [], ["BTC"], {}, True, "ı", 'a"b']
)
def test_a_symbol_that_is_none_is_refused(value: object) -> None:
    assert refusal(symbol=value).field == "symbol"


@pytest.mark.parametrize("value", ["", "  ", "a\tb", "a\u200bb", "x" * 65, 5, None, [], 'a"b'])
def test_an_exchange_that_is_none_is_refused(value: object) -> None:
    assert refusal(exchange=value).field == "exchange"


@pytest.mark.parametrize("value", ["", " ", "a b", "é", "x" * 129, 1.5, None, True, [], {}])
def test_an_id_that_is_none_is_refused(value: object) -> None:
    assert refusal(id=value).field == "id"


@pytest.mark.parametrize(
    "symbol", ["BINANCE:BTCUSDT.P", "BTC/USD", "ETH_USDT", "1INCH-USD", "BTC1!", "$WIF", "x" * 64]
)
def test_the_symbols_of_the_field_are_taken(symbol: str) -> None:
    assert price_of(symbol=symbol.lower()).symbol == symbol.upper()


@pytest.mark.parametrize("value", [0, -1, 1.5, "1", None, True, [], 10**9 + 1, 10**400])
def test_an_occurrence_that_is_none_is_refused(value: object) -> None:
    assert refusal(occurrence=value).field == "occurrence"


def test_an_occurrence_is_a_whole_number_and_an_id_makes_it_needless() -> None:
    assert price_of(occurrence=3).occurrence == 3
    assert price_of().occurrence is None
    assert price_of(occurrence="any", id=7).occurrence is None
    parsed = parse_request_value({**GOOD, "occurrence": 10**9}, CLOCK).prices[0]
    assert isinstance(parsed, Price) and parsed.occurrence == 10**9


def test_a_number_may_come_as_a_string() -> None:
    price = price_of(price="1666.80", volume=" 26.062 ", timestamp="1675329600138", id=12)
    assert (price.price, price.volume, price.timestamp_ms, price.id) == (
        Decimal("1666.8"),
        Decimal("26.062"),
        1675329600138,
        "12",
    )


@pytest.mark.parametrize(
    ("timestamp", "milliseconds"),
    [
        (1675329600, 1675329600000),
        (1675329600.138, 1675329600138),
        ("1675329600.1389", 1675329600138),
        (f"1675329600.138{'9' * 25}", 1675329600138),
        (1675329600138, 1675329600138),
        (1675329600138.9, 1675329600138),
        ("2023-02-02T09:20:00.138Z", 1675329600138),
        ("2023-02-02T10:20:00.138999+01:00", 1675329600138),
    ],
)
def test_a_timestamp_is_seconds_milliseconds_or_iso_8601(timestamp: object, milliseconds: int) -> None:
    assert price_of(timestamp=timestamp).timestamp_ms == milliseconds


@pytest.mark.parametrize("text", ["2023-02-02", "2023-02-02T09:20", "2023-02-02 09:20:00.138", "20230202T09"])
def test_what_a_time_without_an_offset_should_end_with_can_be_followed(text: str) -> None:
    end = refusal(timestamp=text).reason.removeprefix("says no offset from UTC; end it with ")
    for suffix in end.split(" or "):
        assert price_of(timestamp=f"{text}{suffix}").timestamp_ms >= 1675296000000


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        [],
        "",
        "yesterday",
        "2023-02-02T09:20:00",
        "0001-01-01T00:00:00Z",
        -1,
        0,
        "1e400",
        10**14,
        "NaN",
        "5-5",
    ],
)
def test_a_timestamp_that_is_none_is_refused(value: object) -> None:
    assert refusal(timestamp=value).field == "timestamp"


@pytest.mark.parametrize("timestamp", ["1969-12-31T23:59:59.999Z", "1970-01-01T00:59+01:00"])
def test_a_timestamp_before_1970_is_told_as_such(timestamp: str) -> None:
    assert refusal(timestamp=timestamp).reason == "lies before 1970"


def test_a_timestamp_may_be_five_minutes_ahead_and_no_more() -> None:
    assert price_of(timestamp=NOW + 300_000).timestamp_ms == NOW + 300_000
    assert "5 minutes ahead" in str(refusal(timestamp=NOW + 300_001))


def test_how_far_back_a_timestamp_may_lie_is_a_setting() -> None:
    clock = TimeLimits(now_ms=NOW, arrival_ms=NOW, max_behind=timedelta(days=1))
    for age_ms, accepted in ((86_400_000, True), (86_400_001, False)):
        parsed = parse_request(json.dumps({**GOOD, "timestamp": NOW - age_ms}), clock).prices[0]
        assert isinstance(parsed, Price) is accepted


def test_several_come_as_a_list_or_under_prices() -> None:
    texts = [json.dumps({**GOOD, "id": n}) for n in range(3)]
    for text in (f"[{','.join(texts)}]", f'{{"prices" : [ {" , ".join(texts)} ]}}'):
        request = parse_request(text, CLOCK)
        assert request.is_list
        assert [price.raw for price in request.prices if isinstance(price, Price)] == texts


def test_one_bad_price_among_good_ones_is_refused_alone() -> None:
    good = json.dumps(GOOD)
    parsed = parse_request(f'[{good},5,{{"symbol":"A","symbol":"B"}},{good}]', CLOCK).prices
    assert [isinstance(price, Price) for price in parsed] == [True, False, False, True]


def test_a_thousand_prices_are_taken_and_one_more_is_too_many() -> None:
    assert len(parse_request(json.dumps([GOOD] * 1000), CLOCK).prices) == 1000
    with pytest.raises(TooLarge, match="1000"):
        parse_request(json.dumps([GOOD] * 1001), CLOCK)


def test_a_body_or_a_price_that_is_too_long_is_refused_for_its_size() -> None:
    with pytest.raises(TooLarge):
        parse_request(json.dumps({**GOOD, "note": "x" * prices.MAX_BYTES}), CLOCK)
    assert isinstance(refusal(note="é" * prices.MAX_PRICE_BYTES), TooLarge)


TWO_LISTS = [
    '{"prices":1,"prices":[{"symbol":"BTC","price":3,"exchange":"x"}]}',
    '{"prices":[{"symbol":"BTC","price":3,"exchange":"x"}],"prices":[1]}',
]


@pytest.mark.parametrize(
    "text", ["", "{", "5x", "[]", '{"prices":[]}', '{"prices":{}}', '{"a":1,"a":2}', *TWO_LISTS]
)
def test_a_request_without_a_price_is_refused_as_a_whole(text: str) -> None:
    with pytest.raises(Rejected):
        parse_request(text, CLOCK)


def test_a_price_beside_a_list_is_refused_and_not_lost() -> None:
    with pytest.raises(Rejected, match="prices: stands beside price"):
        parse_request(json.dumps({**GOOD, "prices": [GOOD]}), CLOCK)
    with pytest.raises(Rejected, match="prices: stands beside price"):
        parse_request_value({**GOOD, "prices": [GOOD]}, CLOCK)


@pytest.mark.parametrize("text", ["5", '"x"', "null", "true"])
def test_a_price_must_be_an_object(text: str) -> None:
    assert parse_request(text, CLOCK).prices[0].args == ("price: must be a JSON object",)  # type: ignore[union-attr]


def test_parsed_fields_follow_the_same_rules() -> None:
    request = parse_request_value([{**GOOD, "price": 0.1}, {**GOOD, "price": float("nan")}, 5], CLOCK)
    first = request.prices[0]
    assert isinstance(first, Price) and first.price == Decimal("0.1")
    assert json.loads(first.raw) == {**GOOD, "price": 0.1}
    assert all(isinstance(price, Rejected) for price in request.prices[1:])


@pytest.mark.parametrize("levels", [1, 13, 14, 15, 16, 17, 200, 700])
@pytest.mark.parametrize("several", [False, True])
def test_parsed_or_not_an_event_may_be_nested_as_deep(levels: int, several: bool) -> None:
    price = json.dumps({**GOOD, "extra": []}).replace("[]", "[" * levels + "]" * levels)
    text = f"[{price}]" if several else price
    if levels + 1 + several <= json_text.MAX_NESTING:
        assert isinstance(parse_request(text, CLOCK).prices[0], Price)
        assert isinstance(parse_request_value(json.loads(text), CLOCK).prices[0], Price)
        return
    with pytest.raises(Rejected) as of_text:
        parse_request(text, CLOCK)
    with pytest.raises(Rejected) as of_value:
        parse_request_value(json.loads(text), CLOCK)
    assert str(of_text.value) == str(of_value.value) == "body: nested deeper than 16 levels"


def test_parsed_infinity_costs_nothing_where_nobody_uses_it() -> None:
    fields = json.loads(json.dumps({**GOOD, "rsi": 0}).replace("0}", "1e400}"))
    price = parse_request_value(fields, CLOCK).prices[0]
    assert isinstance(price, Price) and json.loads(price.raw) == fields


@pytest.mark.thorough
@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(["symbol", "price", "exchange", "volume", "timestamp", "id", "prices"]), inner
            )
        ),
    )
)
def test_whatever_is_sent_is_taken_or_refused_and_nothing_else(value: object) -> None:
    for parsed in (True, False):
        try:
            request = parse_request_value(value, CLOCK) if parsed else parse_request(json.dumps(value), CLOCK)
        except Rejected as rejected:
            assert rejected.field and rejected.reason
        else:
            assert all(isinstance(price, (Price, Rejected)) for price in request.prices)


def test_the_reason_never_repeats_what_was_sent() -> None:
    secret = "hunter2" * 3
    for name in ("symbol", "price", "exchange", "volume", "timestamp", "id"):
        assert secret not in str(refusal(**{name: secret + "\u200b"}))


@pytest.mark.parametrize(
    ("written", "timestamp_ms"),
    [
        (99_999_999_999, 99_999_999_999_000),  # seconds
        (100_000_000_000, 100_000_000_000),
        (99_999_999_999_999, 99_999_999_999_999),
    ],
)
def test_a_number_of_twelve_digits_is_milliseconds_and_one_of_fourteen_the_largest(
    written: int, timestamp_ms: int
) -> None:
    whenever = TimeLimits(now_ms=10**14, arrival_ms=0, max_behind=timedelta.max)
    price = parse_request(json.dumps({**GOOD, "timestamp": written}), whenever).prices[0]
    assert isinstance(price, Price) and price.timestamp_ms == timestamp_ms
    beyond = parse_request(json.dumps({**GOOD, "timestamp": 10**14}), whenever).prices[0]
    assert isinstance(beyond, Rejected) and beyond.field == "timestamp"


def test_the_text_of_a_price_has_8000_bytes_and_not_one_more() -> None:
    text = json.dumps({**GOOD, "note": ""})
    longest = text.replace('""', f'"{"x" * (8000 - len(text))}"')
    assert isinstance(parse_request(longest, CLOCK).prices[0], Price)
    assert isinstance(parse_request(longest.replace('"x', '"xx'), CLOCK).prices[0], TooLarge)


def test_an_integer_that_python_does_not_write_is_refused() -> None:
    rejected = parse_request_value({**GOOD, "id": 10**5000}, CLOCK).prices[0]
    assert isinstance(rejected, Rejected) and str(rejected) == "price: cannot be written as JSON"
