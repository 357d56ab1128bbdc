"""Parquet and Feather, with pyarrow from the extra `files`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import IO, Any, cast

from cryptoctl.errors import Failure, Problem
from cryptoctl.files.compression import FEATHER, PARQUET, missing, readable, seekable
from cryptoctl.files.records import Record
from cryptoctl.files.sources import Source

ROWS_A_BATCH = 10_000


def _arrow(format_: str) -> Any:
    try:
        import pyarrow
    except ImportError:
        raise missing("pyarrow", format_) from None
    return pyarrow


@dataclass(frozen=True, kw_only=True)
class ColumnarTable:
    """The rows of a Parquet or Feather file; every value as the text that has all its digits."""

    source: Source
    head: bytes
    counted_in: str = "record"

    @property
    def format(self) -> str:
        """Parquet, or Feather."""
        return "Parquet" if self.head.startswith(PARQUET) else "Feather"

    @cached_property
    def columns(self) -> Sequence[str]:
        """The names of the columns; of pandas' index, none."""
        with self._opened() as file:
            schema = file.schema_arrow if self._is_parquet else file.schema
            return tuple(_name(schema.field(index)) for index in range(len(schema.names)))

    @property
    def _is_parquet(self) -> bool:
        return self.head.startswith(PARQUET)

    def __iter__(self) -> Iterator[Record]:
        number = 0
        with self._opened() as file, readable(self.source.name):
            for batch in self._batches(file):
                columns = [_texts(column) for column in batch.columns]
                for cells in zip(*columns, strict=True):
                    number += 1
                    yield number, cells

    def _batches(self, file: Any) -> Iterator[Any]:
        if self._is_parquet:
            yield from file.iter_batches(batch_size=ROWS_A_BATCH)
            return
        for index in range(file.num_record_batches):
            batch = file.get_batch(index)
            for start in range(0, batch.num_rows, ROWS_A_BATCH):
                yield batch.slice(start, ROWS_A_BATCH)

    @contextmanager
    def _opened(self) -> Iterator[Any]:
        arrow = _arrow(self.format)
        name = self.source.name
        with readable(name), self._seekable() as stream:
            try:
                if self._is_parquet:
                    import pyarrow.parquet

                    file = pyarrow.parquet.ParquetFile(stream)
                else:
                    file = arrow.ipc.open_file(stream)
            except (arrow.ArrowInvalid, arrow.ArrowNotImplementedError, OSError) as error:
                raise Failure(
                    Problem.USAGE,
                    f"{name} is not a whole {self.format} file: {str(error)[:200]}.",
                    "Download it again, or save it as CSV.",
                ) from error
            yield file

    def _seekable(self) -> IO[bytes]:
        if self.source.path is not None:
            file = self.source.path.open("rb")
            if file.peek(8).startswith((PARQUET, FEATHER)):
                return file
            file.close()
        with self.source.open() as stream:
            return seekable(cast("IO[bytes]", stream))


def _name(column: Any) -> str:
    import pyarrow.types as types

    if not column.name.startswith("__index_level_"):
        return str(column.name)
    return "unnamed time" if types.is_timestamp(column.type) else ""


def _texts(column: Any) -> list[str | None]:
    """A column's values as texts; times as ISO 8601, with Z where the column knows its time zone."""
    import pyarrow
    import pyarrow.types as types

    kind = column.type
    if types.is_dictionary(kind):
        column = column.dictionary_decode()
        kind = column.type
    if types.is_nested(kind) or types.is_binary(kind) or types.is_large_binary(kind):
        return [None] * len(column)
    if types.is_decimal(kind):
        return [None if value is None else format(value, "f") for value in column.to_pylist()]
    if types.is_timestamp(kind) and kind.tz is not None:
        column = column.cast(pyarrow.timestamp(kind.unit, "UTC"))
    found: list[str | None] = column.cast(pyarrow.string()).to_pylist()
    return found
