"""One tape in four shapes: the tables are the same, byte for byte."""

from __future__ import annotations

import csv
import json
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from cryptoctl.files.outgoing import BadLine, OutgoingPrice
from cryptoctl.files.reader import open_files
from cryptoctl.files.records import FileOptions
from cryptoctl.ops.sending import Tally, send_all
from live import Live

pytestmark = pytest.mark.engine
DATA = Path(__file__).parents[1] / "data" / "eth_usdt_trades.csv"
NOW_MS = 1_700_000_000_000


def tape(count: int) -> list[dict[str, str]]:
    """Real trades in whole seconds, over and over with later times; every seventh equals the one before."""
    with DATA.open(encoding="utf-8", newline="") as file:
        trades = list(csv.DictReader(file))
    played: list[dict[str, str]] = []
    for n in range(count):
        trade, later = trades[n % len(trades)], n // len(trades)
        moment = str(int(trade["timestamp"]) // 1000 + 1000 * later)
        played.append(played[-1] if n % 7 == 6 else {**trade, "timestamp": moment})
    return played


def as_csv(tape: list[dict[str, str]], target: Path) -> None:
    lines = [f"{trade['timestamp']},{trade['price']},{trade['volume']}\n" for trade in tape]
    target.write_text("timestamp,price,volume\n" + "".join(lines), encoding="utf-8")


def as_arrays(tape: list[dict[str, str]], target: Path) -> None:
    rows = [f"[{trade['timestamp']},{trade['price']},{trade['volume']}]" for trade in tape]
    target.write_text(f"[{','.join(rows)}]", encoding="utf-8")


def as_ccxt(tape: list[dict[str, str]], target: Path) -> None:
    objects = [
        {"info": {}, "timestamp": int(trade["timestamp"]) * 1000, "side": "buy", "cost": None}
        | {"price": float(trade["price"]), "amount": float(trade["volume"])}
        for trade in tape
    ]
    target.write_text(json.dumps(objects), encoding="utf-8")


def as_parquet(tape: list[dict[str, str]], target: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    columns = {
        "timestamp": pa.array([int(trade["timestamp"]) for trade in tape], pa.timestamp("s", "UTC")),
        "price": pa.array([float(trade["price"]) for trade in tape]),
        "volume": pa.array([float(trade["volume"]) for trade in tape]),
    }
    parquet.write_table(pa.table(columns), target)


SHAPES: dict[str, tuple[Any, dict[str, Any]]] = {
    "CSV": (as_csv, {}),
    "ARRAYS": (as_arrays, {"columns": ("timestamp", "price", "volume")}),
    "CCXT": (as_ccxt, {"mapping": {"volume": "amount"}}),
    "PARQUET": (as_parquet, {}),
}


@pytest.mark.parametrize("count", [45, pytest.param(12_477, marks=pytest.mark.torture)])
def test_four_shapes_of_one_tape_leave_the_same_table(pipeline: Live, tmp_path: Path, count: int) -> None:
    tables = {}
    for shape, (write, options) in SHAPES.items():
        target, symbol = tmp_path / shape, f"{shape}{count}"
        write(tape(count), target)
        [file] = open_files([target], FileOptions(symbol=symbol, exchange="binance", **options)).files
        tally, prices = Tally(), file.prices(lambda: NOW_MS)
        while part := list(islice(prices, 37 if shape == "ARRAYS" else 1000)):
            send(pipeline, part, tally)
        # A request whose answer is lost is sent again, and its prices are there then.
        assert (tally.stored + tally.duplicate, tally.refused) == (count, 0), shape
        tables[shape] = stored(pipeline, symbol)
    assert len(tables["CSV"]) == count
    assert any("occurrence" in item for item in tables["CSV"])
    assert tables["ARRAYS"] == tables["CSV"]
    assert tables["CCXT"] == tables["CSV"]
    assert tables["PARQUET"] == tables["CSV"]


def send(live: Live, prices: list[OutgoingPrice | BadLine], tally: Tally) -> None:
    send_all(live.aws, live.stack.webhook, prices, tally, rate_per_s=None, progress=lambda _: None)


def stored(live: Live, symbol: str) -> list[dict[str, Any]]:
    """The items without the symbol and the moments at which they were written."""
    items = live.aws.paginate(
        "dynamodb",
        "Query",
        "Items",
        TableName=live.stack.prices.name,
        KeyConditionExpression="symbol = :symbol",
        ExpressionAttributeValues={":symbol": {"S": symbol}},
        ConsistentRead=True,
    )
    names = ("timestamp", "price", "volume", "exchange", "id", "occurrence", "raw_data")
    return [
        {name: str(item[name]).replace(symbol, "SYMBOL") for name in names if name in item} for item in items
    ]
