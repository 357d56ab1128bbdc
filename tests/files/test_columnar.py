"""Parquet and Feather: the same prices as from the text."""

from __future__ import annotations

import gzip
import io
import struct
from pathlib import Path
from typing import Any

import pytest

from cryptoctl.errors import Failure
from files.reading import MS, opened, read, refusal, refused, rows, sent

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
    arrays = {
        "timestamp": pa.array([MS, MS + 1]),
        "id": pa.array([7, 8]),
        "price": pa.array([1666.8, 1666.79]),
        "volume": pa.array([26.062, 1e-8]),
        **columns,
    }
    return pa.table({name: column for name, column in arrays.items() if column is not None})


VARIANTS: dict[str, Any] = {
    "numbers": {},
    "text": {"price": pa.array(["1666.80", "1666.79"]), "id": pa.array(["7", "8"])},
    "float32": {"price": pa.array([1666.8, 1666.79], pa.float32())},
    "float ids": {"id": pa.array([7.0, 8.0])},
    "times": {"timestamp": pa.array([MS, MS + 1], pa.timestamp("ms", "UTC"))},
    "times elsewhere": {"timestamp": pa.array([MS, MS + 1], pa.timestamp("ms", "Europe/Berlin"))},
    "float times": {"timestamp": pa.array([float(MS), MS + 1.0])},
    "float ids in categories": {"id": pa.array([7.0, 8.0]).dictionary_encode()},
    "bytes that are text": {"id": pa.array([b"7", b"8"])},
    "columns without texts": {
        "order": pa.array([b"\xff" * 16] * 2, pa.binary(16)),
        "seen": pa.array([b"\xff"] * 2),
    },
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


def test_a_type_that_only_feather_has_may_be_there(tmp_path: Path) -> None:
    after = pa.array([pa.MonthDayNano([1, 2, 3])] * 2)
    assert rows(read(tmp_path, feather(trades(after=after)))) == rows(read(tmp_path, TEXT))


def test_a_decimal_column_keeps_digits_that_a_float_would_lose(tmp_path: Path) -> None:
    from decimal import Decimal

    price = pa.array([Decimal("0.1000000000000000055511"), Decimal(2)], pa.decimal128(38, 22))
    prices = rows(read(tmp_path, parquet(trades(price=price))))
    assert prices[0][2] == Decimal("0.1000000000000000055511")


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
    assert "--map 'timestamp=unnamed time 4'" in refusal(tmp_path, content)
    assert rows(read(tmp_path, content, mapping={"timestamp": "unnamed time 4"})) == rows(
        read(tmp_path, TEXT)
    )


def test_of_an_index_of_two_times_one_is_chosen(tmp_path: Path) -> None:
    index = pa.array([MS, MS + 1], pa.timestamp("ms", "UTC"))
    content = parquet(trades(timestamp=None, __index_level_0__=index, __index_level_1__=index))
    hint = "--map 'timestamp=unnamed time 4' --ignore 'unnamed time 5'"
    assert hint in refusal(tmp_path, content)
    arguments: dict[str, Any] = {"mapping": {"timestamp": "unnamed time 4"}, "ignore": ("unnamed time 5",)}
    assert rows(read(tmp_path, content, **arguments)) == rows(read(tmp_path, TEXT))


def test_ids_and_times_of_floats_are_those_that_the_same_text_has(tmp_path: Path) -> None:
    ids, times = [12064191870.0, 9007199254740992.0, 1e-7], [MS + 0.5, 1.7e18, 1e300]
    table = trades(timestamp=pa.array(times), id=pa.array(ids), price=pa.array([1.0] * 3), volume=None)
    lines = read(tmp_path, parquet(table), time_unit="ms", mapping={})
    assert rows(lines[:1]) == [(MS, "12064191870", 1, 0)]
    assert set(refused(lines)) == {2, 3}


PERIOD = {"ARROW:extension:name": "pandas.period", "ARROW:extension:metadata": '{"freq": "s"}'}


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        (
            "id",
            pa.array([1206419187.0, 1206419190.0], pa.float32()),
            "float32, which has no room for the digits",
        ),
        ("id", pa.array([7.0, 8.0], pa.float32()).dictionary_encode(), "which has no room for the digits"),
        ("timestamp", pa.array([1.7e9, 1.7e9 + 62], pa.float32()), "for the digits of its timestamp"),
        ("id", pa.array([b"\xff", b"\xfe"]), "is binary, and not all of it is text"),
        ("id", pa.array([{"a": 1}, {"a": 2}]), "no plain value"),
    ],
)
@pytest.mark.parametrize("write", [parquet, feather])
def test_a_column_that_cannot_hold_its_field_refuses_the_file(
    tmp_path: Path, write: Any, column: str, values: Any, message: str
) -> None:
    assert message in refusal(tmp_path, write(trades(**{column: values})))
    unused: dict[str, Any] = {"now": True} if column == "timestamp" else {}
    assert len(sent(read(tmp_path, write(trades(**{column: values})), ignore=(column,), **unused))) == 2


def test_periods_of_pandas_are_no_times(tmp_path: Path) -> None:
    table = trades(timestamp=pa.array([1706692800, 1706692860]))
    periods = table.schema.field("timestamp").with_metadata(PERIOD)
    table = table.cast(pa.schema([periods if field.name == "timestamp" else field for field in table.schema]))
    assert "to_timestamp()" in refusal(tmp_path, parquet(table))


def test_a_uuid_is_the_text_that_is_known_of_it(tmp_path: Path) -> None:
    if not hasattr(pa, "uuid"):
        pytest.skip("this pyarrow has no such type")
    values = pa.array([b"a" * 16, b"b" * 16], pa.uuid())
    prices = sent(read(tmp_path, parquet(trades(id=values))))
    assert [price["id"] for price in prices] == [
        "61616161-6161-6161-6161-616161616161",
        "62626262-6262-6262-6262-626262626262",
    ]


@pytest.mark.thorough
def test_a_damaged_one_is_named(tmp_path: Path) -> None:
    """Each byte is damaged alone: it is read, or refused, and never ends in another error."""
    content = parquet(trades())
    damaged = 0
    for place in range(4, len(content), 3):
        changed = content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :]
        try:
            read(tmp_path, changed)
        except Failure:
            damaged += 1
    assert damaged > 20


def test_where_pages_have_checksums_they_count(tmp_path: Path) -> None:
    table = pa.table({"timestamp": [MS, MS + 1, MS + 2], "price": [1.0, 1.5, 2.0]})
    written = io.BytesIO()
    pa.parquet.write_table(table, written, compression="none", use_dictionary=False, write_page_checksum=True)
    content, price = written.getvalue(), struct.pack("<d", 1.5)
    assert len(read(tmp_path, content)) == 3
    with pytest.raises(Failure, match="not a whole Parquet file"):
        read(tmp_path, content.replace(price, struct.pack("<d", 1.25), 1))


def test_a_column_that_looks_like_a_field_refuses_it_as_in_a_text(tmp_path: Path) -> None:
    assert "--map volume=qty" in refusal(tmp_path, parquet(trades(volume=None, qty=pa.array([1, 2]))))


def test_it_may_be_compressed_and_must_be_whole(tmp_path: Path) -> None:
    content = parquet(trades())
    assert rows(read(tmp_path, gzip.compress(content))) == rows(read(tmp_path, TEXT))
    for part in (content[:-20], content[:10]):
        assert "not a whole Parquet file" in refusal(tmp_path, part)
    assert "--separator cannot apply" in refusal(tmp_path, content, separator=";")
    assert opened(tmp_path, content).records.counted_in == "record"


def test_a_stream_of_arrows_is_named_as_one(tmp_path: Path) -> None:
    target, table = io.BytesIO(), trades()
    with pa.ipc.new_stream(target, table.schema) as writer:
        writer.write_table(table)
    message = refusal(tmp_path, target.getvalue())
    assert "is a stream of Arrow's" in message
    assert "Save it as Feather version 2" in message
