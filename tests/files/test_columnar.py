"""Parquet and Feather: the same prices as from the text."""

from __future__ import annotations

import gzip
import io
from pathlib import Path
from typing import Any

import pytest

from files.reading import MS, opened, read, refusal, refused, rows

pa = pytest.importorskip("pyarrow")
pytest.importorskip("pyarrow.feather")
pytest.importorskip("pyarrow.parquet")

TEXT = f"timestamp,id,price,volume\n{MS},7,1666.8,26.062\n{MS + 1},8,1666.79,1e-08\n"


def parquet(table: Any) -> bytes:
    target = io.BytesIO()
    pa.parquet.write_table(table, target)
    return target.getvalue()


def feather(table: Any) -> bytes:
    target = io.BytesIO()
    pa.feather.write_feather(table, target)
    return target.getvalue()


def trades(**columns: Any) -> Any:
    made = {
        "timestamp": pa.array([MS, MS + 1]),
        "id": pa.array([7, 8]),
        "price": pa.array([1666.8, 1666.79]),
        "volume": pa.array([26.062, 1e-8]),
        **columns,
    }
    return pa.table({name: column for name, column in made.items() if column is not None})


VARIANTS: dict[str, Any] = {
    "numbers": {},
    "text": {"price": pa.array(["1666.80", "1666.79"]), "id": pa.array(["7", "8"])},
    "float32": {"price": pa.array([1666.8, 1666.79], pa.float32())},
    "float ids": {"id": pa.array([7.0, 8.0])},
    "times": {"timestamp": pa.array([MS, MS + 1], pa.timestamp("ms", "UTC"))},
    "times elsewhere": {"timestamp": pa.array([MS, MS + 1], pa.timestamp("ms", "Europe/Berlin"))},
    "nanoseconds": {"timestamp": pa.array([MS * 10**6, (MS + 1) * 10**6])},
    "an index": {
        "__index_level_0__": pa.array([0, 1]),
        "side": pa.array(["buy", "sell"]).dictionary_encode(),
    },
}


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("write", [parquet, feather])
def test_columns_of_any_type_are_read_with_all_their_digits(tmp_path: Path, variant: str, write: Any) -> None:
    assert rows(read(tmp_path, write(trades(**VARIANTS[variant])))) == rows(read(tmp_path, TEXT))


def test_a_decimal_column_keeps_digits_that_a_float_would_lose(tmp_path: Path) -> None:
    from decimal import Decimal

    price = pa.array([Decimal("0.1000000000000000055511"), Decimal(2)], pa.decimal128(38, 22))
    found = rows(read(tmp_path, parquet(trades(price=price))))
    assert found[0][2] == Decimal("0.1000000000000000055511")


def test_a_null_or_nan_is_its_rows_fault(tmp_path: Path) -> None:
    table = trades(price=pa.array([1.5, None]), volume=pa.array([float("nan"), 2.0]))
    assert refused(read(tmp_path, parquet(table))) == {1: "volume: is empty (nan)", 2: "price: is null"}


def test_times_without_a_zone_are_asked_for(tmp_path: Path) -> None:
    table = trades(timestamp=pa.array([MS, MS + 1], pa.timestamp("ms")))
    assert "--time-zone UTC" in refusal(tmp_path, parquet(table))
    assert rows(read(tmp_path, parquet(table), time_zone="UTC")) == rows(read(tmp_path, TEXT))


def test_an_index_of_times_is_asked_for(tmp_path: Path) -> None:
    index = pa.array([MS, MS + 1], pa.timestamp("ms", "UTC"))
    content = parquet(trades(timestamp=None, __index_level_0__=index))
    assert "--map 'timestamp=unnamed time'" in refusal(tmp_path, content)
    assert rows(read(tmp_path, content, mapping={"timestamp": "unnamed time"})) == rows(read(tmp_path, TEXT))


def test_a_column_that_looks_like_a_field_refuses_it_as_in_a_text(tmp_path: Path) -> None:
    assert "--map volume=qty" in refusal(tmp_path, parquet(trades(volume=None, qty=pa.array([1, 2]))))


def test_it_may_be_compressed_and_must_be_whole(tmp_path: Path) -> None:
    content = parquet(trades())
    assert rows(read(tmp_path, gzip.compress(content))) == rows(read(tmp_path, TEXT))
    for part in (content[:-20], content[:10]):
        assert "not a whole Parquet file" in refusal(tmp_path, part)
    assert "--separator cannot apply" in refusal(tmp_path, content, separator=";")
    assert opened(tmp_path, content).records.counted_in == "record"
