"""What `cryptoctl prices` writes is read again as the same prices: sending it stores nothing twice."""

from __future__ import annotations

import json
import tempfile
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cryptoctl.core.items import StoredPrice
from cryptoctl.core.names import BadName, stored_exchange, stored_symbol
from cryptoctl.ops.prices import document
from cryptoctl.ui.prices import write_csv
from files.reading import MS, read, sent


def name(stored: Any) -> st.SearchStrategy[str]:
    """Names that are taken as they are."""

    def is_plain(text: str) -> bool:
        try:
            return bool(stored(text) == text)
        except BadName:
            return False

    # What a spreadsheet or a reader of files would touch.
    odd = st.sampled_from(
        ["'X", "''X", "=1+1", "-X", "@X", "NULL", "NAN", "5.0", "1E+5", "X,Y", "X;Y", "TRUE"]
    )
    return odd | st.text(st.characters(min_codepoint=33, max_codepoint=1500), min_size=1, max_size=9).filter(
        is_plain
    )


IDS = st.sampled_from(
    ["5.0", "1e+5", "nan", "-abc", "'x", "''", "=A1", "+1", "007", "NULL", "12345678901234567890.0"]
)


@pytest.mark.thorough
@example(symbol="X", exchange="'quoted", trade_id="'-abc")
@given(
    symbol=name(stored_symbol),
    exchange=name(stored_exchange),
    trade_id=IDS,
)
@pytest.mark.parametrize("form", ["csv", "json"])
def test_a_price_comes_back_as_it_is_stored(form: str, symbol: str, exchange: str, trade_id: str) -> None:
    price = StoredPrice(
        symbol=symbol,
        key=Decimal(MS),
        price=Decimal("1.50"),
        volume=Decimal(2),
        exchange=exchange,
        id=trade_id,
    )
    written: list[str] = [json.dumps({"prices": [document(price)]})]
    if form == "csv":
        written.clear()
        write_csv(SimpleNamespace(raw=written.append), [price])  # type: ignore[arg-type]
    with tempfile.TemporaryDirectory() as directory:
        arguments = {"symbol": None, "exchange": None}
        [sent_price] = sent(read(Path(directory), "".join(written), f"prices.{form}", **arguments))
    assert (sent_price["symbol"], sent_price["exchange"], sent_price["id"]) == (symbol, exchange, trade_id)
    assert (sent_price["price"], sent_price["volume"], int(sent_price["timestamp"])) == (
        Decimal("1.5"),
        2,
        MS,
    )
