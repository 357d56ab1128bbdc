"""Files of prices, read through before anything is sent: what has to be decided is decided over the whole."""

from __future__ import annotations

import io
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from pathlib import Path
from typing import Any, BinaryIO, cast

from cryptoctl.core.prices import Price, Rejected
from cryptoctl.errors import ExitCode, Failure, InputError
from cryptoctl.files.columnar import ColumnarTable
from cryptoctl.files.decimal_sign import decimal_sign, without_doubtful
from cryptoctl.files.delimited import DelimitedTable, is_data
from cryptoctl.files.file_scan import (
    FileScan,
    LateMembers,
    refuse_commas,
    refuse_one_id,
    scan_file,
    time_unit_of,
)
from cryptoctl.files.json_records import JsonRecords
from cryptoctl.files.layout import Layout, layout, refuse_dropped_ids
from cryptoctl.files.occurrences import Occurrences
from cryptoctl.files.opening import headerless, open_records
from cryptoctl.files.outgoing import BadLine, OutgoingPrice, text_of
from cryptoctl.files.preset_matching import (
    PresetMatch,
    match_header,
    match_preset,
    mismatch_reason,
    preset_named,
)
from cryptoctl.files.records import Fault, FileOptions, Members, Record, Records, listing
from cryptoctl.files.sample import is_none, sample
from cryptoctl.files.sources import Snapshot, Source, sources
from cryptoctl.files.times import TimeReader, zone
from cryptoctl.files.values import FieldReader, field_reader

SAMPLE_RECORDS = 50
CHECKED_RECORDS = 1000  # after so many, whether the file is still the same


@dataclass(frozen=True, kw_only=True)
class PriceFile:
    """A file whose shape, fields and time unit are known. `records` of a stream are given once."""

    source: Source
    records: Records
    layout: Layout = field(default_factory=Layout)
    fields: FieldReader = field(default_factory=FieldReader)
    times: TimeReader = field(default_factory=TimeReader)
    scan: FileScan | None = None
    snapshot: Snapshot | None = None
    first: Sequence[Record] = field(default=(), repr=False)
    rest: Iterator[Record] | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """As it is shown."""
        return self.source.name

    def prices(self, now_ms: Callable[[], int], first_line: int = 1) -> Iterator[OutgoingPrice | BadLine]:
        """Each price, and each line that is none, from `first_line` on, in the file's order.

        Equal prices without ids are counted from the file's beginning. Raises Failure where the file cannot
        be read on.
        """
        records = self.records if self.rest is None else self.rest
        expected = None if self.scan is None else self.scan.records  # what came since was not read through
        read_count = 0
        with closing(Occurrences()) as occurrences:
            for number, record in islice(records, expected):
                if read_count % CHECKED_RECORDS == 0 and self.source.changed_since(self.snapshot):
                    raise self._changed_failure()
                read_count += 1
                result = self._price(record, now_ms())
                if isinstance(result, str):
                    self.refuse_other_names(number, record)
                    if number >= first_line:
                        yield BadLine(line=number, reason=result, file=self.name)
                    continue
                count = 1 if result.id is not None else occurrences.number(result)
                if number >= first_line:
                    text = text_of(result, count)
                    yield OutgoingPrice(
                        line=number, text=text, price=result, file=self.name, occurrence=count
                    )
        if self.source.changed_since(self.snapshot) or (expected is not None and read_count < expected):
            raise self._changed_failure()

    @property
    def may_be_cut(self) -> bool:
        """Whether its last value may be only a part of one, and nothing would tell."""
        if not isinstance(self.records, DelimitedTable) or not self.records.columns:
            return False
        return self.records.columns[-1] in self.layout.fields.values() and self.source.breaks_off()

    def refuse_other_names(self, number: int, record: Any) -> None:
        """Raises Failure for a row that names the columns in another order."""
        if isinstance(self.records, DelimitedTable):
            self.records.refuse_other_names(number, record, self.layout.fields.values())

    def _changed_failure(self) -> Failure:
        return Failure(
            ExitCode.FAILED,
            f"{self.name} was changed after it had been read through.",
            "Look at what was stored, and send the file again once nobody writes to it.",
        )

    def _price(self, record: Any, now_ms: int) -> Price | str:
        if isinstance(record, Fault):
            return str(record)
        try:
            return self.fields.price(record, self.times, now_ms)
        except Rejected as rejected:
            return str(rejected)


@dataclass(frozen=True, kw_only=True)
class PriceFiles:
    """The files to be sent, in order, and those of a directory that are no files of prices."""

    files: Sequence[PriceFile]
    passed_over: Sequence[str] = ()

    @property
    def stamped_now(self) -> bool:
        """Whether prices get the time of sending, so that sending them again stores them again."""
        return any(file.fields.now for file in self.files)


def open_files(
    paths: Sequence[Path], options: FileOptions, notify: Callable[[str], None] = lambda _: None
) -> PriceFiles:
    """The files behind the paths, each read through once. Raises Failure where one holds no prices.

    `notify` is told what a pipe that gives nothing is waited for.
    """
    file_sources, passed_over = sources(paths, options, notify)
    files = [_open_file(source, options) for source in file_sources]
    refuse_dropped_ids({file.name: file.layout for file in files})
    return PriceFiles(files=files, passed_over=passed_over)


def _open_file(source: Source, options: FileOptions) -> PriceFile:
    snapshot = source.snapshot()
    records, shape = open_records(source, options)
    rest = iter(records) if source.stream else None
    first = list(islice(records, SAMPLE_RECORDS)) if rest is None else list(_buffered_records(records))
    if rest is not None and not first:
        first = list(islice(rest, 1))
        rest = chain(first, rest)
    if isinstance(records, JsonRecords) and not source.stream:
        records, shape = _with_array_columns(records, first, options, source)
        first = first if records.columns is None else list(islice(records, SAMPLE_RECORDS))
    names = records.columns if records.columns is not None else _members(first)
    _refuse_no_records(names, first, source)
    file = PriceFile(source=source, records=records, snapshot=snapshot, first=first, rest=rest)
    return _read_through(_with_layout(file, names, options, shape), names, options)


def _buffered_records(records: Records) -> Iterator[Record]:
    """The records in the beginning of a stream, as far as they are whole; none of them is waited for."""
    assert isinstance(records, DelimitedTable | JsonRecords)
    head = records.source.head()
    beginning = Source(name=records.source.name, open_raw=lambda: cast("BinaryIO", io.BytesIO(head)))
    with suppress(Failure):  # where the last one is cut off
        yield from islice(replace(records, source=beginning), SAMPLE_RECORDS)


def _with_layout(
    file: PriceFile, names: Sequence[str], options: FileOptions, shape: PresetMatch | None = None
) -> PriceFile:
    records, scan = file.records, file.scan
    objects = records.columns is None
    options = options.for_columns(names)
    sampled = sample(names, file.first)
    if not file.source.stream:
        message = isinstance(records, JsonRecords) and records.layout != "list"
        sampled = replace(sampled, all_records=records, message=message)
    # A shape once recognised is kept: what comes beside its columns makes them no other ones.
    shape = shape or _shape(names, options, sampled.symbols, file.name) or file.layout.shape
    file_layout = layout(
        sampled,
        options,
        shape,
        name=file.name,
        objects=objects,
        complete=not objects or scan is not None,
        empty=sampled.empty if scan is None else scan.empty,
    )
    if isinstance(records, ColumnarTable):
        records = records.select(file_layout.fields)
    fields = field_reader(names, file_layout, options, objects=objects)
    return replace(file, records=records, layout=file_layout, fields=fields)


def _shape(
    names: Sequence[str], options: FileOptions, symbols: Collection[str], name: str
) -> PresetMatch | None:
    columns = [column for column in names if column not in options.ignore]
    if options.columns:
        return None
    if options.preset is None:
        return match_header(columns, symbols) or match_header(names, symbols)
    preset = preset_named(options.preset)
    shape = match_preset(preset, columns, symbols) or match_preset(preset, names, symbols)
    if shape is None:
        raise InputError(
            f"{name} {mismatch_reason(preset, columns, symbols)}.",
            f"It has: {listing(names)}. Leave --preset out, or use --map.",
        )
    return shape


def _read_through(file: PriceFile, names: Sequence[str], options: FileOptions) -> PriceFile:
    """The file, with what is decided over the whole of it; of a stream, by its beginning."""
    time_zone = zone(options.time_zone)
    if isinstance(file.records, DelimitedTable) and options.decimal is None:
        sign = decimal_sign(file.records, file.first, file.fields)
        rest = file.rest if sign or file.rest is None else without_doubtful(file.rest, file.fields)
        file = replace(file, fields=replace(file.fields, decimal=sign), rest=rest)
    if options.decimal is None and file.fields.decimal != ",":
        refuse_commas(file.first, file.fields, file.name)
    if file.source.stream:
        unit = time_unit_of(None, options, file.name)
        rest = _without_late(file, names, options)
        return replace(file, times=TimeReader(unit=unit, zone=time_zone), rest=rest)
    scan = scan_file(file.records, file.fields, file.refuse_other_names)
    file = replace(file, scan=scan)
    if file.records.columns is None:
        file = _with_layout(file, [*names, *sorted(scan.names - set(names))], options)
    refuse_one_id(scan, file.fields, file.layout.fields.get("id"), options, file.name)
    unit = time_unit_of(scan, options, file.name)
    return replace(file, times=TimeReader(unit=unit, zone=time_zone), first=())


def _without_late(file: PriceFile, names: Sequence[str], options: FileOptions) -> Iterator[Record] | None:
    """The rest of a stream; a record with a member that may be a field, and that none before had, is none."""
    if file.rest is None or file.records.columns is not None:
        return file.rest

    def may_be_field(member: str, record: Members) -> bool:
        with_record = replace(file, first=[*file.first, (0, record)])
        try:
            other = _with_layout(with_record, [*dict.fromkeys([*names, member])], options).layout
        except Failure:
            return True
        changed = other.fields.items() ^ file.layout.fields.items()
        constants = other.constants if is_none(record[member]) else ()
        return any(name not in constants for name, _ in changed)

    settled = {*names} - sample(names, file.first).empty
    return LateMembers(may_be_field=may_be_field, settled=settled).checked(file.rest)


def _refuse_no_records(names: Sequence[str], first: Sequence[Record], source: Source) -> None:
    """A file none of whose first records is one has no names to ask a person about."""
    if not first and not names:
        raise InputError(f"{source.name} holds an empty list.", "Is it the right file?")
    number, fault = first[0] if first and not names else (0, None)
    if isinstance(fault, Fault):
        raise InputError(
            f"{source.name} has no records of prices: its first, {number}, {fault}.",
            "Write each price as a JSON object with members, or as a list of plain cells.",
        )


def _members(records: Sequence[Record]) -> Sequence[str]:
    """The names of the members of some records, in order."""
    return list(
        dict.fromkeys(chain.from_iterable(record for _, record in records if isinstance(record, Mapping)))
    )


def _with_array_columns(
    records: JsonRecords, first: Sequence[Record], options: FileOptions, source: Source
) -> tuple[JsonRecords, PresetMatch | None]:
    """Where more of the records are lists of cells than objects, the same with names for the cells."""
    objects = sum(not isinstance(record, Fault) for _, record in first)
    rows = records.raw_rows(SAMPLE_RECORDS) if objects < len(first) else []
    if len(rows) <= objects:
        if options.columns:
            raise InputError(
                f"--columns cannot apply to {source.name}: its records name their members.",
                "Leave it out; --map says which member is which field.",
            )
        return records, None
    head = records.raw_rows(1)  # none where the first record is no row
    if records.layout == "list" and head and not is_data(head[0]) and not options.columns:
        return replace(records, columns=head[0], has_header=True), None
    names, shape = headerless(rows, options, source.name)
    return replace(records, columns=names), shape
