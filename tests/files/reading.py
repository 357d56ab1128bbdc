"""Reading a text as a file of prices."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from cryptoctl.errors import Failure
from cryptoctl.files.outgoing import BadLine, OutgoingPrice
from cryptoctl.files.reader import PriceFile, open_files
from cryptoctl.files.records import FileOptions

CASES = Path(__file__).parents[1] / "data" / "cases"
NOW_MS = 1_790_000_000_000
MS = 1_675_329_600_138
ONE, TWO = f'{{"price": 1.10, "timestamp": {MS}}}', f'{{"price": 2, "timestamp": {MS + 1}, "id": 7}}'

PLAIN = f"timestamp,id,price,volume\n{MS},7,1666.80,26.062\n{MS + 1},8,1666.79,0.152\n"
EXPECTED = [
    (MS, "7", Decimal("1666.8"), Decimal("26.062")),
    (MS + 1, "8", Decimal("1666.79"), Decimal("0.152")),
]
PriceLines = list[OutgoingPrice | BadLine]


def options(**overrides: Any) -> FileOptions:
    """With a symbol and an exchange, which most files lack."""
    return FileOptions(**{"symbol": "S", "exchange": "X", **overrides})


def opened(directory: Path, content: str | bytes, name: str = "prices.csv", **overrides: Any) -> PriceFile:
    """The only file with this content."""
    path = directory / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    [file] = open_files([path], options(**overrides)).files
    return file


def read(directory: Path, content: str | bytes, name: str = "prices.csv", **overrides: Any) -> PriceLines:
    """What would be sent of it, and what would be refused."""
    return list(opened(directory, content, name, **overrides).prices(lambda: NOW_MS))


def sent(price_lines: PriceLines) -> list[dict[str, Any]]:
    """The prices, numbers as Decimals; every line must be one."""
    assert [price for price in price_lines if isinstance(price, BadLine)] == []
    return [
        json.loads(price.text, parse_float=Decimal, parse_int=Decimal)
        for price in price_lines
        if isinstance(price, OutgoingPrice)
    ]


def rows(price_lines: PriceLines) -> list[tuple[int, Any, Any, Any]]:
    """Time, id, price and volume of each."""
    return [
        (int(price["timestamp"]), price.get("id"), price["price"], price["volume"])
        for price in sent(price_lines)
    ]


def refused(price_lines: PriceLines) -> dict[int, str]:
    """The lines that are no prices."""
    return {price.line: price.reason for price in price_lines if isinstance(price, BadLine)}


def refusal(directory: Path, content: str | bytes, name: str = "prices.csv", **overrides: Any) -> str:
    """Why the file as a whole is refused, and the hint."""
    with pytest.raises(Failure) as raised:
        opened(directory, content, name, **overrides)
    assert len(raised.value.message) + len(raised.value.hint) < 2_500
    return f"{raised.value.message} {raised.value.hint}"
