"""docs/price-path.md says what the code does."""

from pathlib import Path

import pytest

from cryptoctl.core import indicators, json_text, keys, names, numbers, prices

TEXT = (Path(__file__).parents[2] / "docs" / "price-path.md").read_text(encoding="utf-8")


AHEAD_MINUTES, BEHIND_DAYS = prices.MAX_AHEAD.seconds // 60, prices.MAX_BEHIND.days


@pytest.mark.parametrize(
    "claim",
    [
        f"1 to {names.MAX_NAME_LENGTH} visible characters after trimming",
        f"more than {names.MAX_MARKS} combining marks on one",
        f"a whole number from 1 to {prices.MAX_OCCURRENCE}",
        f"1 to {prices.MAX_ID_LENGTH} printable ASCII characters",
        f"At most {prices.MAX_PRICES} prices and\n{prices.MAX_BYTES} bytes in a request",
        f"{prices.MAX_PRICE_BYTES} bytes for one price: 413",
        f"At most {AHEAD_MINUTES} minutes ahead of the clock and {BEHIND_DAYS} days behind",
        f"more than {json_text.MAX_NESTING} levels of nesting",
        f"at most {numbers.SIGNIFICANT_DIGITS} significant digits, 1E{numbers.MIN_EXPONENT} to 9.99E+",
        f"a fraction of {keys.FRACTION_DIGITS} digits",
        f"`01` to `{keys.MAX_NUMERIC_ID_LENGTH}`",
        f"changes up to {indicators.LONG_WINDOW - 1} prices after it",
        "`" + "`, `".join(sorted(names.REFUSED_ASCII.replace("`", ""))) + "` and the backtick",
    ],
)
def test_a_limit_in_the_document_is_the_limit_of_the_code(claim: str) -> None:
    assert claim in TEXT
