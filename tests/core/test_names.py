"""The names of symbols and exchanges: as exchanges write them, in one form."""

import re
import unicodedata
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cryptoctl.core import names
from cryptoctl.core.names import BadName, folded_symbol, stored_exchange, stored_symbol

anything = st.text(max_size=70)
letters = st.text(st.characters(categories=["L", "M", "N", "P", "S"]), min_size=1, max_size=20)


def symbol_or_none(text: str) -> str | None:
    try:
        return stored_symbol(text)
    except BadName:
        return None


@pytest.mark.parametrize(
    "text",
    [
        "币安人生USDT",
        "@107",
        "USD₮0",
        "BTC+USDT",
        "^GSPC",
        "BTC=F",
        "BTC,USD",
        "XBT*",
        "XYZ:TSLA",
        "ŻABKA",
        "İZM",
        "🚀",
    ],
)
def test_symbols_are_taken_as_exchanges_write_them(text: str) -> None:
    assert stored_symbol(text) == text
    assert stored_symbol(f" {text.lower()}\n") == text


@pytest.mark.parametrize("text", ["Börse Stuttgart", "BtcTurk | Kripto", "Trader Joe's", "火币", "HTX (X)"])
def test_exchanges_keep_spaces_and_case(text: str) -> None:
    assert stored_exchange(f" {text} ") == text


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("BT\u200bC", "U+200B"),
        ("BTC\u202e", "U+202E"),
        ("BT\u00adC", "U+00AD"),
        ("B\u0000C", "U+0000"),
        ("B\u2028C", "U+2028"),
        ("B\u00a0C", "U+00A0"),
        ("B\u3164C", "U+3164"),
        ("B\u2800C", "U+2800"),
        ("❤\ufe0f", "U+FE0F"),
        ("B\ud800", "U+D800"),
        ("B\ue000", "U+E000"),
        ("B\U0010ffff", "U+10FFFF"),
        ("ＢTC", "U+FF22"),
        ("B™", "U+2122"),
        ("\u0301B", "U+0301"),
        ("B" + "\u0323" + "\u0301" * 5, "U+0301"),
        ('B"C', "U+0022"),
    ],
)
def test_what_hides_or_imitates_is_refused_by_its_code_point(text: str, code: str) -> None:
    for stored in (stored_symbol, stored_exchange):
        with pytest.raises(BadName, match=re.escape(code)):
            stored(text)


@pytest.mark.parametrize("stored", [stored_symbol, stored_exchange])
def test_a_name_has_64_characters_and_a_letter_4_marks_and_not_one_more(stored: Callable[[str], str]) -> None:
    for longest in ("B" * 64, "币" * 64, "Q\u0323\u0324\u0325\u0326"):
        assert stored(longest) == longest
    for longer in ("B" * 65, "币" * 65):
        with pytest.raises(BadName, match="65 characters; at most 64 are taken"):
            stored(longer)
    with pytest.raises(BadName, match=re.escape("U+032D")):
        stored("Q\u0323\u0324\u0325\u0326\u032d")


@pytest.mark.parametrize("stored", [stored_symbol, stored_exchange])
def test_a_placeholder_that_nobody_has_filled_in_is_no_name(stored: Callable[[str], str]) -> None:
    for text in ("{{ticker}}", "BINANCE:{{ticker}}", "{{ plot_0 }}"):
        with pytest.raises(BadName, match="has a placeholder that was not filled in"):
            stored(text)
    assert stored("{A}") == "{A}"


def test_a_mark_needs_a_letter_before_it_on_which_it_is_seen() -> None:
    assert stored_exchange("B\u0323 Q\u0323") == "\u1e04 Q\u0323"
    for text in ("A \u0301", "B\u0323 \u0323B"):
        with pytest.raises(BadName, match="has a combining mark where none can be"):
            stored_exchange(text)


@given(anything | letters)
def test_a_stored_name_is_in_one_form_and_storing_it_again_changes_nothing(text: str) -> None:
    for stored in (stored_symbol, stored_exchange):
        try:
            name = stored(text)
        except BadName:
            continue
        assert unicodedata.is_normalized("NFC", name) and unicodedata.is_normalized("NFKC", name)
        assert stored(name) == name
        assert 1 <= len(name) <= names.MAX_NAME_LENGTH
        assert not any(unicodedata.category(character)[0] in "CZ" and character != " " for character in name)


@given(letters, st.sampled_from(["NFC", "NFD", "NFKC", "NFKD"]))
def test_two_names_that_normalisation_makes_one_are_one_or_refused(text: str, form: str) -> None:
    stored = symbol_or_none(text)
    # The form's own normalisation only: what it writes may itself be refused.
    other = symbol_or_none(unicodedata.normalize(form, text))  # type: ignore[arg-type]
    assert stored is None or other == stored


@given(anything | letters)
def test_looking_for_a_symbol_finds_what_is_stored_of_it(text: str) -> None:
    stored = symbol_or_none(text)
    assert stored is None or folded_symbol(text) == stored


def test_no_two_letters_have_one_upper_case_unless_they_are_one_letter_in_two_cases() -> None:
    cased = [
        letter
        for letter in map(chr, range(33, 0x20000))
        if letter.upper() != letter or letter.lower() != letter
    ]
    stored: dict[str, set[str]] = {}
    for character in cased:
        symbol = symbol_or_none(f"x{character}")
        if symbol is not None:
            canonical = unicodedata.normalize("NFC", character)
            stored.setdefault(symbol, set()).add(unicodedata.normalize("NFC", canonical.lower()))
    assert len(stored) > 1000
    assert {folded: forms for folded, forms in stored.items() if len(forms) > 1} == {}
