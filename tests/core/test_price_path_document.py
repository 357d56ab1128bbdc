"""docs/price-path.md says what the code does."""

from pathlib import Path

import pytest

from cryptoctl.core import indicators, json_text, keys, names, numbers, prices

TEXT = (Path(__file__).parents[2] / "docs" / "price-path.md").read_text(encoding="utf-8")


AHEAD_MINUTES, BEHIND_DAYS = prices.MOST_AHEAD.seconds // 60, prices.MOST_BEHIND.days


@pytest.mark.parametrize(
    "claim",
    [
        f"1 to {names.LONGEST_NAME} visible characters after trimming",
        f"more than {names.MOST_MARKS} combining marks on one",
        f"a whole number from 1 to {prices.LARGEST_OCCURRENCE}",
        f"1 to {prices.LONGEST_ID} printable ASCII characters",
        f"At most {prices.MOST_PRICES} prices and\n{prices.MOST_BYTES} bytes in a request",
        f"{prices.MOST_PRICE_BYTES} bytes for one price: 413",
        f"At most {AHEAD_MINUTES} minutes ahead of the clock and {BEHIND_DAYS} days behind",
        f"more than {json_text.DEEPEST_NESTING} levels of nesting",
        f"at most {numbers.SIGNIFICANT_DIGITS} significant digits, 1E{numbers.SMALLEST_EXPONENT} to 9.99E+",
        f"a fraction of {keys.FRACTION_DIGITS} digits",
        f"`01` to `{keys.LONGEST_NUMERIC_ID}`",
        f"changes up to {indicators.LONG_WINDOW - 1} prices after it",
        "`" + "`, `".join(sorted(names.REFUSED_ASCII.replace("`", ""))) + "` and the backtick",
    ],
)
def test_a_limit_in_the_document_is_the_limit_of_the_code(claim: str) -> None:
    assert claim in TEXT
