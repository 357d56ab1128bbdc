"""What a message is told to be, whatever is in it."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cryptoctl.ops.causes import MAX_CAUSE_LENGTH, cause_of
from cryptoctl.ops.dead_letters import file_format
from cryptoctl.ops.dead_letters.causes import abbreviated
from cryptoctl.ops.dead_letters.messages import (
    Attributes,
    DeadLetter,
    Message,
    QueueName,
    Shape,
    decode,
)
from cryptoctl.ops.dead_letters.selection import Selection

REASONS: Attributes = {"ErrorMessage": {"DataType": "String", "StringValue": "ValueError: no"}}
PRICE = {"symbol": "btc ", "price": 1, "exchange": "kraken"}

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
)
member = st.sampled_from(
    [
        "DDBStreamBatchInfo",
        "kind",
        "record",
        "reason",
        "dynamodb",
        "Keys",
        "NewImage",
        "Records",
        "body",
        "prices",
    ]
)
treacherous = st.recursive(
    anything, lambda inner: st.dictionaries(member, inner | st.just("record"), max_size=4), max_leaves=12
)


def letter(
    body: object, attributes: Attributes = REASONS, queue: QueueName = QueueName.WEBHOOK, sent_ms: int = 0
) -> DeadLetter:
    text = body if isinstance(body, str) else json.dumps(body)
    return decode(Message(queue=queue, id="i", body=text, attributes=attributes, sent_ms=sent_ms, receives=1))


@pytest.mark.parametrize(
    ("body", "attributes", "shape"),
    [
        ({"body": "{}"}, REASONS, Shape.EVENT),
        ([PRICE], REASONS, Shape.EVENT),
        ({"DDBStreamBatchInfo": {}}, {}, Shape.POINTER),
        ({"kind": "record", "record": {}}, {}, Shape.RECORD),
        ({"kind": "record", "record": "x"}, {}, Shape.UNKNOWN),
        ({"body": "{}"}, {}, Shape.UNKNOWN),
        ("scribble", REASONS, Shape.UNKNOWN),
        ("[" * 5000, REASONS, Shape.UNKNOWN),
        ("[" * 300 + "]" * 300, REASONS, Shape.UNKNOWN),
        ("[" * 30 + "]" * 30, REASONS, Shape.EVENT),
        ("5", REASONS, Shape.UNKNOWN),
    ],
)
def test_the_shapes(body: object, attributes: Attributes, shape: Shape) -> None:
    assert letter(body, attributes).shape is shape


@pytest.mark.parametrize(
    "event",
    [
        PRICE,
        [PRICE],
        {"prices": [PRICE]},
        {"body": json.dumps(PRICE)},
        {"body": json.dumps({"prices": [PRICE]}), "requestContext": {}},
        {"body": base64.b64encode(json.dumps(PRICE).encode()).decode(), "isBase64Encoded": True},
    ],
    ids=str,
)
def test_whose_prices_an_event_is_about(event: object) -> None:
    dead_letter = letter(event)
    assert (dead_letter.symbols, dead_letter.exchanges, dead_letter.cause) == (
        ("BTC",),
        ("kraken",),
        "ValueError",
    )


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        ("KeyError: 'x'", "KeyError"),
        ("botocore.exceptions.ReadTimeoutError: no", "ReadTimeoutError"),
        ("An error occurred (AccessDenied) when calling the Query operation: a", "AccessDenied"),
        (
            "2026-01-01T00:00:00Z 6a1c5a7e-0000-4000-8000-000000000000 Task timed out after 60.06 seconds",
            "Task timed out",
        ),
        ("order 1234 of 6a1c5a7e-0000-4000-8000-000000000000 is 5.5 late", "order … of … is … late"),
        ("", ""),
    ],
)
def test_errors_of_one_cause_have_one_name(error: str, cause: str) -> None:
    assert cause_of(error) == cause


def test_a_cause_that_is_cut_shows_that_it_is() -> None:
    assert cause_of("x" * MAX_CAUSE_LENGTH) == "x" * MAX_CAUSE_LENGTH
    assert cause_of("x" * (MAX_CAUSE_LENGTH + 1)) == "x" * (MAX_CAUSE_LENGTH - 1) + "…"


@given(treacherous, st.sampled_from(list(QueueName)), st.booleans())
def test_no_message_is_too_odd_to_be_shown(body: Any, queue: QueueName, reasons: bool) -> None:
    dead_letter = letter(json.dumps(body), REASONS if reasons else {}, queue)
    assert json.loads(json.dumps(dead_letter.document(0), allow_nan=False))
    assert dead_letter.function


def test_the_time_it_was_sent_is_written_as_in_every_document() -> None:
    dead_letter = letter("{}", sent_ms=1_767_323_045_006)
    assert dead_letter.document(0)["sent_at"] == "2026-01-02T03:04:05.006Z"


def test_a_number_that_no_float_holds_stays_its_text() -> None:
    dead_letter = letter('{"a": 1e999, "b": [-1e999, NaN], "c": 1.5, "d": 0.10, "e": 1E+2}')
    assert dead_letter.content == {"a": "1e999", "b": ["-1e999", "NaN"], "c": 1.5, "d": 0.1, "e": 100.0}
    for text in ("50000.12345678901234567890123", "1e-999", f"1e-{'9' * 30}"):
        assert letter(f'{{"price": {text}}}').content == {"price": text}


# What SQS gives out, and takes again.
taken = st.text(
    st.sampled_from("\t\n\r")
    | st.characters(exclude_categories=["Cs"], min_codepoint=32).filter(
        lambda character: character not in "\ufffe\uffff"
    ),
    min_size=1,
)


@given(taken, st.dictionaries(taken, taken, max_size=3), st.binary(min_size=1))
def test_a_message_comes_back_from_its_line_to_the_character(
    body: str, attributes: dict[str, str], binary: bytes
) -> None:
    message_attributes = {
        name: {"DataType": "Number", "StringValue": value} for name, value in attributes.items()
    }
    message_attributes["b"] = {"DataType": "Binary", "BinaryValue": base64.b64encode(binary).decode()}
    message = Message(
        queue=QueueName.ENRICHER, id="i", body=body, attributes=message_attributes, sent_ms=5, receives=2
    )
    line = file_format.line_of(message)
    assert "\n" not in line and line.isascii()
    assert file_format.message_of(line) == message


@pytest.mark.parametrize(
    ("given_filter", "expected"),
    [
        (Selection(), True),
        (Selection(error="valueERROR"), True),
        (Selection(error="KeyError"), False),
        (Selection(symbol="Btc"), True),
        (Selection(symbol="ETH"), False),
        (Selection(exchange="KRAKEN"), True),
        (Selection(exchange="coinbase"), False),
        (Selection(sent_before_ms=1000), False),
        (Selection(sent_before_ms=1001), True),
        (Selection(sent_after_ms=1000), True),
        (Selection(sent_after_ms=1001), False),
        (Selection(ids=("i",)), True),
        (Selection(ids=("j",)), False),
        (Selection(where="age_s > `8`"), True),
        (Selection(where="age_s > `9`"), False),
        (Selection(where="contains(symbols, 'BTC')"), True),
        (Selection(where="length(age_s)"), False),
        (Selection(where="nothing"), False),
        (Selection(error="Value", symbol="ETH"), False),
    ],
    ids=str,
)
def test_every_filter_given_must_agree(given_filter: Selection, expected: bool) -> None:
    assert given_filter.matches(letter({"body": json.dumps(PRICE)}, sent_ms=1000), 10_000) is expected


def test_of_a_very_long_name_the_beginning_is_shown() -> None:
    """In a pipe a table is as wide as its widest cell, in each of its rows."""
    assert abbreviated(["x" * 1000, "y"]) == "x" * 60 + "…, y"
    assert abbreviated(["x" * 60]) == "x" * 60
    assert (abbreviated(["a", "b", "c"]), abbreviated(["a", "b", "c", "d"])) == ("a, b, c", "a, b, c, …")
