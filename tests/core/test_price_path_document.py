"""docs/price-path.md says what the code does."""

from pathlib import Path

import pytest

from cryptoctl.core import indicators, json_text, keys, numbers, prices

TEXT = (Path(__file__).parents[2] / "docs" / "price-path.md").read_text(encoding="utf-8")


AHEAD_MINUTES, BEHIND_DAYS = prices.MOST_AHEAD.seconds // 60, prices.MOST_BEHIND.days


@pytest.mark.parametrize(
    "claim",
    [
        f"1 to {prices.LONGEST_SYMBOL} characters after trimming: letters, digits and",
        f"1 to {prices.LONGEST_EXCHANGE} characters after trimming: letters, digits, space and",
        f"1 to {prices.LONGEST_ID} printable ASCII characters",
        f"At most {prices.MOST_PRICES} prices and\n{prices.MOST_BYTES} bytes in a request",
        f"{prices.MOST_PRICE_BYTES} bytes for one price: 413",
        f"At most {AHEAD_MINUTES} minutes ahead of the clock and {BEHIND_DAYS} days behind",
        f"more than {json_text.DEEPEST_NESTING} levels of nesting",
        f"at most {numbers.SIGNIFICANT_DIGITS} significant digits, 1E{numbers.SMALLEST_EXPONENT} to 9.99E+",
        f"a fraction of {keys.FRACTION_DIGITS} digits",
        f"`01` to `{keys.LONGEST_NUMERIC_ID}`",
        f"changes up to {indicators.LONG_WINDOW - 1} prices after it",
        "letters, digits and `. _ : / + ! $ -`",
        "letters, digits, space and `. _ : / + & ( ) -`",
    ],
)
def test_a_limit_in_the_document_is_the_limit_of_the_code(claim: str) -> None:
    assert claim in TEXT


@pytest.mark.parametrize(
    ("pattern", "characters"),
    [
        (prices._SYMBOL, "._:/+!$-"),
        (prices._EXCHANGE, " ._:/+&()-"),
        (prices._ID, "".join(map(chr, range(33, 127)))),
    ],
    ids=["symbol", "exchange", "id"],
)
def test_the_characters_are_those_of_the_document(pattern: object, characters: str) -> None:
    match = pattern.fullmatch  # type: ignore[attr-defined]
    allowed = {chr(code) for code in range(0x3000) if match(chr(code))}
    letters = {chr(code) for code in range(128) if chr(code).isalnum()}
    assert allowed == letters | set(characters)
