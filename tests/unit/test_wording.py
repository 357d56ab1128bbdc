"""How messages begin, and the words that depend on a number."""

from __future__ import annotations

from decimal import Decimal

import pytest

from cryptoctl.ui.plans import sentence
from cryptoctl.wording import capitalised, number_text, pluralize


@pytest.mark.parametrize(
    ("text", "begins"),
    [
        ("the role trusts another account", "The role"),
        ("nothing's left", "Nothing's left"),
        ("deleted, but not for good", "Deleted, but"),
        ("reading it: no", "Reading it"),
        ("äußerst selten", "Äußerst"),
        ("arn:aws:s3:::bucket has this environment's tags", "arn:aws:s3:::bucket has"),
        ("error-notifier-dev is missing", "error-notifier-dev is"),
        ("sqs:ListQueues answered", "sqs:ListQueues answered"),
        ("a1 is a name", "a1 is"),
        ("`up` would replace it", "`up` would"),
        ("max_age is too long", "max_age is"),
        ("", ""),
    ],
)
def test_a_sentence_begins_with_a_capital_unless_it_begins_with_a_name(text: str, begins: str) -> None:
    assert capitalised(text).startswith(begins)
    assert capitalised(text)[1:] == text[1:]


def test_a_note_is_a_sentence_and_an_arn_in_it_can_be_copied() -> None:
    note = "arn:aws:s3:::bucket has this environment's tags"
    assert sentence(note) == f"{note}."
    assert sentence("something is left.") == "Something is left."


def test_one_is_told_as_one() -> None:
    assert [pluralize(count, "price") for count in (0, 1, 2)] == ["0 prices", "1 price", "2 prices"]
    assert pluralize(2, "entry", "entries") == "2 entries"


@pytest.mark.parametrize(
    ("number", "text"),
    [
        ("51754.69", "51754.69"),
        ("0.000000000123", "0.000000000123"),
        ("9.99E125", "9.99E+125"),
        ("1E-130", "1E-130"),
        ("12345678901234567890123456789012345678E80", "1.2345678901234567…E+117"),
        ("0.12345678901234567890123456789012345678", "0.12345678901234567890123456789012345678"),
    ],
)
def test_only_numbers_that_nothing_is_traded_at_have_an_exponent(number: str, text: str) -> None:
    assert number_text(Decimal(number)) == text
