"""Records of another shape become prices, with every digit."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cryptoctl.core import json_text
from cryptoctl.core.fields import FieldMapping, exact_number
from cryptoctl.core.numbers import decimal_from
from cryptoctl.core.prices import Price, Rejected, TimeLimits, TooLarge
from cryptoctl.handlers.exact_jmespath import ExactExpression

NOW_MS = 1_790_000_000_000
LIMITS = TimeLimits(now_ms=NOW_MS, arrival_ms=NOW_MS)


def mapping(
    prices: str | None = None, constants: dict[str, str] | None = None, **fields: str
) -> FieldMapping:
    return FieldMapping(
        fields={name: ExactExpression(expression) for name, expression in fields.items()} if fields else None,
        constants=constants or {},
        prices=ExactExpression(prices) if prices else None,
    )


def document(text: str) -> Any:
    return json_text.Document(text, exact_number).value


TRADES = mapping(
    "data", {"exchange": "finnhub"}, symbol="s", price="p", timestamp="t", volume="v", id="c && c[0]"
)


def test_a_list_of_trades_of_another_shape() -> None:
    text = """{"data": [{"p": 7296.89, "s": "BINANCE:BTCUSDT", "t": 1789999999999, "v": 0.011467, "c": [7]},
               {"p": "0.1", "s": "ETH", "t": "2026-09-21T14:13:20Z", "v": null}], "type": "trade"}"""
    request = TRADES.request(document(text), LIMITS)
    first, second = request.prices
    assert request.is_list
    assert isinstance(first, Price)
    assert isinstance(second, Price)
    assert (first.symbol, first.price, first.volume, first.id) == (
        "BINANCE:BTCUSDT",
        Decimal("7296.89"),
        Decimal("0.011467"),
        "7",
    )
    assert first.timestamp_ms == NOW_MS - 1
    assert (second.volume, second.exchange, second.timestamp_ms) == (Decimal(0), "finnhub", NOW_MS)
    assert json.loads(first.raw)["p"] == 7296.89


def test_without_expressions_a_list_of_prices_is_found_and_has_the_constants() -> None:
    request = mapping(constants={"exchange": "desk"}).request(
        document('{"prices": [{"symbol": "BTC", "price": 1}]}'), LIMITS
    )
    [price] = request.prices
    assert request.is_list and isinstance(price, Price)
    assert (price.symbol, price.exchange) == ("BTC", "desk")


NUMBER_TEXTS = st.from_regex(
    r"(0|[1-9][0-9]{0,20})(\.[0-9]{0,16}[1-9])?([eE][+-]?[0-9]{1,2})?", fullmatch=True
)


@given(NUMBER_TEXTS.filter(lambda text: Decimal(text) > 0))
def test_every_digit_of_a_number_is_kept(text: str) -> None:
    price = mapping(symbol="s", price="a.p", exchange="s").price(
        document(f'{{"s": "BTC", "a": {{"p": {text}}}}}'), LIMITS
    )
    assert price.price == Decimal(text)
    assert decimal_from(json_text.Document(price.raw).value["a"]["p"]) == Decimal(text)


def test_numbers_compare_as_numbers_in_an_expression() -> None:
    expression = mapping("trades[?size > `9`]", symbol="s", price="p", exchange="s")
    text = '{"trades": [{"s": "A", "p": 1, "size": 10}, {"s": "B", "p": 1, "size": 2}]}'
    (price,) = expression.request(document(text), LIMITS).prices
    assert isinstance(price, Price)
    assert price.symbol == "A"


@pytest.mark.parametrize("odd", ["NaN", "Infinity", "-Infinity", "1e999999999999999999999", "null", "[[]]"])
def test_odd_values_in_members_that_are_not_used_cost_nothing(odd: str) -> None:
    text = f'{{"s": "BTC", "p": 5, "odd": {odd}}}'
    assert mapping(symbol="s", price="p", exchange="s").price(document(text), LIMITS).price == 5


@pytest.mark.parametrize("odd", ["NaN", "null", '""'])
def test_an_optional_field_without_a_value_is_absent(odd: str) -> None:
    text = f'{{"symbol": "BTC", "price": 5, "exchange": "x", "volume": {odd}}}'
    assert FieldMapping().price(document(text), LIMITS).volume == 0


def test_a_required_field_without_a_value_is_missing() -> None:
    with pytest.raises(Rejected, match="price: is missing"):
        FieldMapping().price(document('{"symbol": "BTC", "price": NaN, "exchange": "x"}'), LIMITS)


@pytest.mark.parametrize(
    ("expression", "field"), [("join('-', s)", "symbol"), ("s > `1` && s", "symbol"), ("s", "symbol")]
)
def test_an_expression_that_does_not_fit_refuses_that_record_alone(expression: str, field: str) -> None:
    fields = mapping(symbol=expression, price="p", exchange="'x'")
    bad, good = fields.request(document('[{"s": [1], "p": 1}, {"s": ["A"], "p": 1}]'), LIMITS).prices
    assert isinstance(bad, Rejected)
    assert bad.field == field
    assert isinstance(good, Price) == (expression == "join('-', s)")


def test_the_bounds_of_a_request_hold() -> None:
    with pytest.raises(TooLarge):
        TRADES.request({"data": [{}] * 1001}, LIMITS)
    with pytest.raises(Rejected, match="the list is empty"):
        TRADES.request({"data": []}, LIMITS)
    with pytest.raises(Rejected, match="no list was found"):
        TRADES.request({"data": {}}, LIMITS)


@pytest.mark.parametrize(
    "mapping", [FieldMapping(prices=ExactExpression("data")), TRADES], ids=["ours", "theirs"]
)
@pytest.mark.parametrize("record", ["x", 5, None, True, [["symbol", "BTC"]]], ids=str)
def test_a_record_that_is_no_object_is_told_as_such(mapping: FieldMapping, record: object) -> None:
    (refused,) = mapping.request({"data": [record]}, LIMITS).prices
    assert str(refused) == "price: must be a JSON object"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(), max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["data", "s", "p", "t", "c"]), inner, max_size=4)
    ),
)


@given(st.sampled_from([TRADES, FieldMapping()]), JSON)
def test_whatever_is_mapped_becomes_prices_or_a_refusal(mapping: FieldMapping, value: Any) -> None:
    try:
        request = mapping.request(document(json.dumps(value)), LIMITS)
    except Rejected:
        return
    assert all(isinstance(price, Price | Rejected) for price in request.prices)
