"""Parquet and Feather, with pyarrow from the extra `files`."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property
from typing import IO, Any, cast

from cryptoctl.errors import InputError
from cryptoctl.files.compression import FEATHER, PARQUET, missing_package, seekable, translate_errors
from cryptoctl.files.records import Record, quoted
from cryptoctl.files.sources import Source
from cryptoctl.files.values import MAX_EXACT_FLOAT

ROWS_A_BATCH = 10_000
UUID = "arrow.uuid"


def _arrow(format_: str) -> Any:
    try:
        import pyarrow
    except ImportError:
        raise missing_package("pyarrow", format_) from None
    return pyarrow


@dataclass(frozen=True, kw_only=True)
class ColumnarTable:
    """The rows of a Parquet or Feather file; every value as the text that has all its digits.

    `selected` are the columns that are read; where it is None, all that have texts.
    """

    source: Source
    format: str
    """Parquet, or Feather."""
    counted_in: str = "record"
    selected: Collection[str] | None = None

    @cached_property
    def columns(self) -> Sequence[str]:
        """The names of the columns; of pandas' index, none."""
        return tuple(_name(column, index) for index, column in enumerate(self._schema, start=1))

    @cached_property
    def _schema(self) -> Sequence[Any]:
        with self._opened() as file:
            schema = file.schema_arrow if self._is_parquet else file.schema
            return tuple(schema.field(index) for index in range(len(schema.names)))

    def select(self, fields: Mapping[str, str]) -> ColumnarTable:
        """The same, of which only the columns of these fields are read.

        Raises Failure where the type of one cannot hold what its field needs.
        """
        types = dict(zip(self.columns, self._schema, strict=True))
        for field, column in fields.items():
            problem = _type_problem(field, types[column])
            if problem is not None:
                raise InputError(
                    f"The column {quoted(column)} of {self.source.name} is {problem[0]}.", problem[1]
                )
        return replace(self, selected=frozenset(fields.values()))

    @property
    def _is_parquet(self) -> bool:
        return self.format == "Parquet"

    def __iter__(self) -> Iterator[Record]:
        number = 0
        with self._opened() as file:
            for batch in self._batches(file):
                columns = [
                    self._cells(name, column)
                    for name, column in zip(self.columns, batch.columns, strict=True)
                ]
                for cells in zip(*columns, strict=True):
                    number += 1
                    yield number, cells

    def _cells(self, name: str, column: Any) -> Sequence[str | None]:
        import pyarrow

        if self.selected is None or name in self.selected:
            try:
                return _texts(column)
            except (pyarrow.ArrowException, UnicodeDecodeError) as error:
                if self.selected is not None:
                    raise InputError(
                        f"The column {quoted(name)} of {self.source.name} is {column.type}, and not all of "
                        f"it is text: {str(error)[:200]}.",
                        "Save it as text, or as numbers.",
                    ) from error
        return [None] * len(column)

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
        with translate_errors(name), self._seekable() as stream:
            try:
                if self._is_parquet:
                    import pyarrow.parquet

                    file = pyarrow.parquet.ParquetFile(stream, page_checksum_verification=True)
                else:
                    file = arrow.ipc.open_file(stream)
                yield file
            except (arrow.ArrowException, UnicodeDecodeError, OSError) as error:
                raise InputError(
                    f"{name} is not a whole {self.format} file: {str(error)[:200]}.",
                    "Download it again, or save it as CSV.",
                ) from error

    def _seekable(self) -> IO[bytes]:
        if self.source.path is not None:
            file = self.source.path.open("rb")
            if file.peek(8).startswith((PARQUET, FEATHER)):
                return file
            file.close()
        with self.source.open() as stream:
            return seekable(cast("IO[bytes]", stream))


def _name(column: Any, number: int) -> str:
    import pyarrow.types as types

    if not column.name.startswith("__index_level_"):
        return str(column.name)
    return f"unnamed time {number}" if types.is_timestamp(column.type) else ""


def _extension(column: Any) -> str:
    """The name of a type that is made of another one: registered in this process, or not."""
    name = getattr(column.type, "extension_name", "")
    return str(name or (column.metadata or {}).get(b"ARROW:extension:name", b"").decode())


def _type_problem(field: str, column: Any) -> tuple[str, str] | None:
    """What a column is that cannot be the field, and what to do; None where it may be."""
    import pyarrow.types as types

    kind = column.type.value_type if types.is_dictionary(column.type) else column.type
    extension = _extension(column)
    if extension == "pandas.period":
        return "of pandas' periods, which are no times", "Save their beginnings or ends: to_timestamp()."
    if extension not in ("", UUID):
        return f"of the type {extension}, which is not read", "Save it as text, or as numbers."
    if types.is_nested(kind):
        return f"of the type {str(kind)[:100]}, and no plain value", "Save what is in it as columns."
    if field in ("id", "timestamp") and (types.is_float16(kind) or types.is_float32(kind)):
        return (
            f"float{kind.bit_width}, which has no room for the digits of its {field}",
            "Make the file again with whole numbers or text: what is lost in this one does not come back.",
        )
    return None


def _texts(column: Any) -> Sequence[str | None]:
    """A column's values as texts; times as ISO 8601, with Z where the column knows its time zone.

    Raises ArrowException or UnicodeDecodeError where not all have one.
    """
    import pyarrow
    import pyarrow.types as types

    kind = column.type
    if types.is_dictionary(kind):
        column = column.dictionary_decode()
        kind = column.type
    if types.is_decimal(kind):
        return [None if value is None else format(value, "f") for value in column.to_pylist()]
    if getattr(kind, "extension_name", "") == UUID:
        return [None if value is None else str(value) for value in column.to_pylist()]
    binary = (types.is_binary, types.is_large_binary, types.is_binary_view, types.is_fixed_size_binary)
    if any(check(kind) for check in binary):
        return [None if value is None else value.decode() for value in column.to_pylist()]
    if types.is_timestamp(kind) and kind.tz is not None:
        column = column.cast(pyarrow.timestamp(kind.unit, "UTC"))
    texts: list[str | None] = column.cast(pyarrow.string()).to_pylist()
    return [_without_exponent(text) for text in texts] if types.is_float64(kind) else texts


def _without_exponent(text: str | None) -> str | None:
    """A float as it is written without an exponent, as far as floats have all digits before the point."""
    if text is None or "e+" not in text:
        return text
    number = Decimal(text)
    return f"{number:f}" if abs(number) < MAX_EXACT_FLOAT else text
