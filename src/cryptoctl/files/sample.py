"""The first records of a file, column by column: what their values look like."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from math import prod
from typing import Any

from cryptoctl.files.records import Cells, Fault, Members, Record
from cryptoctl.files.times import UNITS, is_time_of_day, kind_of

_ABSENT = object()
_MONEY = frozenset(
    (
        *("aud", "brl", "cad", "chf", "cny", "eur", "gbp", "hkd"),
        *("inr", "jpy", "krw", "mxn", "sgd", "try", "usd", "zar"),
    )
)
_SIDES = frozenset(("buy", "sell", "b", "s", "bid", "ask"))
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:[.,][0-9]*)?|[.,][0-9]+)(?:[eE][+-]?[0-9]+)?", re.ASCII)


def is_none(value: object) -> bool:
    """Whether a cell or a member has no value: it is null, or nothing but spaces."""
    return value is None or (isinstance(value, str) and not value.strip())


@dataclass(frozen=True, kw_only=True)
class Sample:
    """The columns, or members, of a file, and its first records.

    `all_records` are all records, where they can be read again; each may be a `message` around a list.
    Where there is a `path`, the sample is of the objects there inside of them.
    """

    names: Sequence[str]
    records: Sequence[Cells | Members]
    all_records: Iterable[Record] = ()
    message: bool = False
    path: Sequence[str] = ()

    @cached_property
    def timelike(self) -> set[str]:
        """Those whose values may be times."""
        return self._columns_where(kind_of)

    @cached_property
    def whole_minutes(self) -> set[str]:
        """Those whose values are times since 1970 without seconds, as no trade's ids all are."""
        return self._columns_where(
            lambda text: text.isdigit() and kind_of(text) in UNITS and int(text) % 60 == 0
        )

    @cached_property
    def times_of_day(self) -> set[str]:
        """Those whose values say a time, but not of which day."""
        return self._columns_where(is_time_of_day)

    @cached_property
    def numbers(self) -> set[str]:
        """Those whose values are numbers."""
        return self._columns_where(_NUMBER.fullmatch)

    @cached_property
    def money(self) -> set[str]:
        """Those whose values are currencies of states."""
        return self._columns_where(lambda text: text.strip().lower() in _MONEY)

    @cached_property
    def sides(self) -> set[str]:
        """Those whose values say who bought and who sold."""
        return self._columns_where(lambda text: text.strip().lower() in _SIDES)

    @cached_property
    def empty(self) -> set[str]:
        """Those of which records say that there is none, and none has one."""
        indexed = enumerate(self.names)
        columns = {
            name: [value for value in self._values(index, _ABSENT) if value is not _ABSENT]
            for index, name in indexed
        }
        return {name for name, values in columns.items() if values and all(map(is_none, values))}

    @cached_property
    def repeated(self) -> set[str]:
        """Those that have one value in several records that differ otherwise."""
        records = list(map(str, self.records))
        names = set()
        for index, name in enumerate(self.names):
            values = zip(map(str, self._values(index)), records, strict=True)
            distinct = {pair for pair in values if pair[0] not in ("None", "")}
            if len({value for value, _ in distinct}) < len(distinct):
                names.add(name)
        return names

    def differs(self, name: str) -> bool:
        """Whether a column has more than one value in the file, which is read through for that."""
        index = self.names.index(name)
        records = (_at(record, self.path) for _, record in self.all_records if not isinstance(record, Fault))
        usable = (record for record in records if not self.path or isinstance(record, Mapping))
        values = (_value(record, name, index, None) for record in chain(self.records, usable))
        texts = (str(value) for value in values if not is_none(value))
        first = next(texts, None)
        return any(text != first for text in texts)

    @cached_property
    def symbols(self) -> set[str]:
        """The values of the column of that name, in whatever case."""
        indexes = [index for index, name in enumerate(self.names) if name.lower() == "symbol"]
        return {str(value) for index in indexes for value in self._values(index)}

    def total(self, *names: str) -> float:
        """About what the numbers in these columns come to, those of a record multiplied with each other."""
        rows = zip(*(self._values(self.names.index(name)) for name in names), strict=True)
        return sum(prod(map(_approximate, row)) for row in rows)

    @cached_property
    def nested_members(self) -> Mapping[str, Sequence[str]]:
        """The members of the first record that are objects, with the names of theirs."""
        first = self.records[0] if self.records else ()
        members = first.items() if isinstance(first, Mapping) else ()
        return {name: list(value) for name, value in members if isinstance(value, Mapping) and value}

    @cached_property
    def lists(self) -> Sequence[str]:
        """Where in the records lists of records are; of a message, as --records takes it."""
        objects = (record for record in self.records if isinstance(record, Mapping))
        return list(dict.fromkeys(path for record in objects for path in _lists(record)))

    def nested_in(self, path: Sequence[str]) -> Sample:
        """The members of an object that stands inside of the records."""
        values = (_at(record, path) for record in self.records)
        objects = [value for value in values if isinstance(value, Mapping)]
        names = (
            name
            for nested in objects
            for name, value in nested.items()
            if not isinstance(value, Mapping | list)
        )
        return Sample(
            names=list(dict.fromkeys(names)), records=objects, all_records=self.all_records, path=path
        )

    def without_columns(self, names: Collection[str]) -> Sample:
        """The others."""
        return replace(self, names=[name for name in self.names if name not in names])

    def _columns_where(self, predicate: Callable[[str], object]) -> set[str]:
        """The columns whose values all are something, if there are any."""
        names: set[str] = set()
        for index, name in enumerate(self.names):
            values = [str(value) for value in self._values(index) if value not in (None, "")]
            if name and values and all(map(predicate, values)):
                names.add(name)
        return names

    def _values(self, index: int, absent: object = None) -> Sequence[Any]:
        name = self.names[index]
        return [_value(record, name, index, absent) for record in self.records]


def _lists(record: Members) -> Iterator[str]:
    for name, value in record.items():
        if isinstance(value, Mapping):
            yield from (f"{name}.{path}" for path in _lists(value))
        elif isinstance(value, list) and value and isinstance(value[0], dict | list):
            yield name


def _at(record: Any, path: Sequence[str]) -> Any:
    for name in path:
        record = record.get(name) if isinstance(record, Mapping) else None
    return record


def _value(record: Cells | Members, name: str, index: int, absent: object) -> Any:
    return record.get(name, absent) if isinstance(record, Mapping) else record[index]


def _approximate(value: Any) -> float:
    return 0.0 if is_none(value) else abs(float(str(value).replace(",", ".")))


def sample(names: Sequence[str], first: Sequence[Record]) -> Sample:
    """Of the first records, those that are some."""
    return Sample(names=names, records=[record for _, record in first if not isinstance(record, Fault)])
