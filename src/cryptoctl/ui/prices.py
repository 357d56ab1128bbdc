"""Stored prices."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence

from cryptoctl.core.items import StoredPrice
from cryptoctl.ops.prices import COLUMNS, MEMBERS, document, row
from cryptoctl.ui.screen import Screen, printable
from cryptoctl.ui.tables import Column
from cryptoctl.wording import MAX_NUMBER_LENGTH

NUMBERS = COLUMNS[3:8]
# How dispensable a column is where the terminal is narrow. The symbol was asked for.
RANKS = {"symbol": 7, "processed": 6, "volume": 5, "exchange": 4, "volatility": 3, "ma_5": 2, "ma_20": 1}
TEXT_MEMBERS = ("symbol", "exchange", "id", "enriched_at")
FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r")


def show_prices(screen: Screen, prices: Sequence[StoredPrice]) -> None:
    """A table."""
    ranks = {**RANKS, "processed": 0} if any(not price.processed for price in prices) else RANKS
    columns = [
        Column(
            name,
            right=name in NUMBERS,
            rank=ranks.get(name, 0),
            cut=MAX_NUMBER_LENGTH if name in NUMBERS[:2] else None,
        )
        for name in COLUMNS
    ]
    screen.table(columns, [row(price) for price in prices])


def write_csv(screen: Screen, prices: Sequence[StoredPrice]) -> None:
    """CSV with a header, the members as in JSON; text can neither command a terminal nor be a formula."""
    text = io.StringIO()
    writer = csv.DictWriter(text, MEMBERS, lineterminator="\n")
    writer.writeheader()
    for price in prices:
        members = document(price)
        texts = {name: _csv_text(members[name]) for name in TEXT_MEMBERS}
        writer.writerow({**members, **texts, "processed": json.dumps(price.processed)})
    screen.raw(text.getvalue())


def _csv_text(text: str | None) -> str | None:
    """The text with control characters escaped; with an apostrophe where a spreadsheet would calculate.

    An apostrophe of the text's own gets one as well, so that whoever takes the first one off has the text.
    """
    if text is None:
        return None
    return f"'{printable(text)}" if text.startswith((*FORMULA_SIGNS, "'")) else printable(text)
