"""The original event at its original time: what is not touched stays as it was written."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cryptoctl.core.prices import Price, TimeLimits, parse_request, parse_request_value
from cryptoctl.core.webhook_messages import Arrival, unwrap_event
from cryptoctl.ops.dead_letters.payloads import (
    EditError,
    Edits,
    Prices,
    arrival_of,
    attribute_value,
    item_changes,
    item_text,
    lacks_time,
    prices_in,
    with_bytes,
    with_changes,
    with_edits,
)

NOW_MS = 1_800_000_000_000
CLOCK = TimeLimits(now_ms=NOW_MS, arrival_ms=1)

ARRIVAL = Arrival(ms=5, sender="desk", message_id="msg_1")


@given(st.text())
def test_what_is_no_json_is_left_to_the_handler_to_refuse(text: str) -> None:
    assert unwrap_event(json.loads(Prices(text=text, in_body=True).replay_payload(ARRIVAL))) == (
        {"body": text},
        ARRIVAL,
    )


@pytest.mark.parametrize("text", ['{"prices": 1, "prices": [{}]}', '{"prices": [{}], "prices": 1}'])
def test_where_none_says_which_list_is_meant_it_is_left_to_the_handler_too(text: str) -> None:
    prices = Prices(text=text, in_body=True)
    assert not lacks_time(prices)
    with pytest.raises(EditError):
        with_changes(prices, {"price": "1"})


def test_an_http_event_is_replayed_without_its_context() -> None:
    event = {"body": "{}", "requestContext": {"timeEpoch": 5}}
    sent = json.loads(prices_in(event, json.dumps(event)).replay_payload(ARRIVAL))
    assert unwrap_event(sent) == ({"body": "{}"}, ARRIVAL)
    assert arrival_of(event) == Arrival(ms=5)
    assert arrival_of({"requestContext": {"timeEpoch": True}}) is None
    assert arrival_of([]) is None


def test_a_bare_price_is_replayed_as_it_was_written() -> None:
    text = '{"symbol": "BTC", "price": 1.10, "exchange": "k", "timestamp": 1700000000}'
    assert f'"event": {text},' in prices_in(json.loads(text), text).replay_payload(ARRIVAL)
    (price,) = parse_request_value(json.loads(text), CLOCK).prices
    assert isinstance(price, Price)


DIGITS = "50000.12345678901234567"


@pytest.mark.parametrize(
    "edits",
    [Edits(changes={"price": DIGITS}), Edits(editor=lambda text: text.replace("-1", DIGITS))],
    ids=["--set", "--edit"],
)
def test_what_is_edited_keeps_its_digits_where_the_event_itself_is_the_price(edits: Edits) -> None:
    text = f'{{"symbol": "BTC", "price": -1, "exchange": "k", "timestamp": {NOW_MS}}}'
    requests = unwrap_event(
        json.loads(with_edits(Prices(text=text, in_body=False), edits).replay_payload(ARRIVAL))
    )
    assert requests is not None
    (price,) = parse_request(requests[0]["body"], CLOCK).prices
    assert isinstance(price, Price) and str(price.price) == DIGITS
    assert with_edits(Prices(text=text, in_body=False), Edits()) == Prices(text=text, in_body=False)


@pytest.mark.parametrize("in_body", [True, False])
def test_a_price_with_a_key_twice_stays_as_it_is_and_the_others_are_changed(in_body: bool) -> None:
    odd = '{"symbol": "B", "symbol": "C", "price": 2}'
    prices = Prices(text=f'[{{"symbol": "A", "price": 1}}, {odd}]', in_body=in_body)
    changed = with_edits(prices, Edits(changes={"exchange": '"y"'}))
    text = f'[{{"symbol": "A", "price": 1, "exchange": "y"}}, {odd}]'
    assert changed == Prices(text=text, in_body=True)


def test_an_event_with_a_body_that_an_editor_has_mended_stays_an_event() -> None:
    text = '{"body": "e3", "isBase64Encoded": true}'
    edits = Edits(editor=lambda text: text.replace("e3", "e30="))
    sent = with_edits(prices_in(json.loads(text), text), edits).replay_payload(ARRIVAL)
    assert unwrap_event(json.loads(sent)) == ({"body": "e30=", "isBase64Encoded": True}, ARRIVAL)


def test_setting_keeps_the_digits_of_everything_else() -> None:
    text = '{"symbol":"BTC","price":-1,"volume":0.10000000000000000000000001,"exchange":"k"}'
    changed = with_changes(
        Prices(text=text, in_body=True),
        Edits.from_options(["price=50000.10", "exchange=kraken"], None).changes,
    ).text
    assert '"volume": 0.10000000000000000000000001' in changed
    assert '"price": 50000.10' in changed
    assert '"exchange": "kraken"' in changed


@pytest.mark.parametrize("assignment", ["price", "=5", " =5"])
def test_what_is_no_assignment_is_refused(assignment: str) -> None:
    with pytest.raises(EditError):
        Edits.from_options([assignment], None)


def test_nothing_can_be_set_where_there_is_no_price() -> None:
    with pytest.raises(EditError, match="--edit"):
        with_changes(Prices(text="[5]", in_body=True), {"price": "5"})


@pytest.mark.parametrize(
    ("text", "value"),
    [("5.10", {"N": "5.1"}), ('"x"', {"S": "x"}), ("true", {"BOOL": True})],
)
def test_attribute_values(text: str, value: object) -> None:
    assert attribute_value("price", text) == value


@pytest.mark.parametrize(("name", "text"), [("symbol", '"X"'), ("timestamp", "5"), ("price", "[1]")])
def test_neither_a_key_nor_a_list_can_be_set_on_an_item(name: str, text: str) -> None:
    with pytest.raises(EditError, match=name):
        attribute_value(name, text)


def test_what_the_editor_changed_in_an_item() -> None:
    image = {"symbol": {"S": "BTC"}, "price": {"S": "five"}, "odd": {"S": "x"}}
    edited = {"symbol": {"S": "BTC"}, "price": {"N": "5"}}
    assert item_changes(image, json.dumps(edited)) == {"price": {"N": "5"}, "odd": None}
    assert item_changes(image, item_text(image)) == {}
    with pytest.raises(EditError, match="as DynamoDB does"):
        item_changes(image, json.dumps({**image, "price": 5}))
    with pytest.raises(EditError, match="key"):
        item_changes(image, json.dumps({**image, "symbol": {"S": "ETH"}}))


def test_what_is_binary_in_an_item_is_base64_in_the_editor_and_bytes_in_the_table() -> None:
    """The changes themselves stay JSON: the journal holds them."""
    image: dict[str, Any] = {
        "symbol": {"S": "BTC"},
        "price": {"S": "five"},
        "one": {"B": b"\x00\x01"},
        "some": {"BS": [b"a", b"b"]},
        "deep": {"M": {"in": {"L": [{"B": b"\xff"}, {"N": "1"}]}}},
    }
    assert json.loads(item_text(image))["one"] == {"B": "AAE="}
    assert item_changes(image, item_text(image)) == {}
    edited = {**json.loads(item_text(image)), "one": {"B": "AAI="}, "new": {"L": [{"B": "/w=="}]}}
    changes = item_changes(image, json.dumps(edited))
    assert changes == {"one": {"B": "AAI="}, "new": {"L": [{"B": "/w=="}]}}
    assert {name: with_bytes(value) for name, value in changes.items()} == {
        "one": {"B": b"\x00\x02"},
        "new": {"L": [{"B": b"\xff"}]},
    }
    assert with_bytes(json.loads(item_text(image))["deep"]) == image["deep"]


@pytest.mark.parametrize("value", [{"B": "b'\\x00'"}, {"B": 5}, {"BS": 5}, {"L": 5}, {"M": []}], ids=str)
def test_what_is_not_binary_as_dynamodb_writes_it_is_refused(value: dict[str, Any]) -> None:
    image = {"symbol": {"S": "BTC"}, "one": {"B": b"x"}}
    with pytest.raises(EditError, match="one: write it as DynamoDB does"):
        item_changes(image, json.dumps({**json.loads(item_text(image)), "one": value}))


def test_a_text_that_cannot_be_used_is_named_as_the_edited_one() -> None:
    edits = Edits(editor=lambda _: '{"a": 1, "a": 2}')
    with pytest.raises(EditError, match="editing cannot be used: a key occurs twice"):
        edits.apply_editor("{}")
