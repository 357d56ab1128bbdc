"""Reading a file through, or a stream on: the unit of its times, and the members that its records have."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from cryptoctl.errors import InputError
from cryptoctl.files.records import (
    Cells,
    Fault,
    FileOptions,
    Members,
    Record,
    Records,
    quoted,
    shell_word,
)
from cryptoctl.files.sample import is_none
from cryptoctl.files.times import ISO, UNITS, TimeReader, kind_of, name_of
from cryptoctl.files.values import FieldReader, ungrouped

MAX_NAMES = 10_000
KEY_FIELDS = ("timestamp", "symbol", "exchange")  # with the id, what a price is known by


@dataclass(kw_only=True)
class FileScan:
    """What is in a file: its records, for each kind of time how many and the first, the members' names.

    `empty` are the members that have a value in none of the records; `has_ids` whether one has an id, or says
    by leaving it out that it has none (None where there are no records); `only_id` is the id of all of them,
    `first_differing` the first of them that is another price of the same moment.
    """

    counted_in: str
    records: int = 0
    times: dict[str, int] = field(default_factory=dict)
    first: dict[str, tuple[int, str]] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    empty: set[str] = field(default_factory=set)
    has_ids: bool | None = None
    only_id: str | None = None
    first_differing: int | None = None
    _previous: Sequence[str | None] = ()

    def note_id(self, number: int, record: Cells | Members, fields: FieldReader) -> None:
        """Looks whether any record has an id, or all the same, and which is the first that it makes one."""
        self.has_ids = self.has_ids or bool(fields.text("id", record)) or fields.leaves_out("id", record)
        if self.only_id is None and self._previous:
            return
        text, previous = fields.text("id", record), self._previous
        self.only_id = text if self.only_id in (None, text) else None
        self._previous = [fields.text(name, record) for name in (*KEY_FIELDS, "price", "volume")]
        if (
            previous
            and previous[: len(KEY_FIELDS)] == self._previous[: len(KEY_FIELDS)]
            and previous != self._previous
        ):
            self.first_differing = self.first_differing or number


def scan_file(records: Records, fields: FieldReader, check: Callable[[int, Cells], None]) -> FileScan:
    """Reads the records through. Raises Failure where the file cannot be read.

    `check` is given each row without a time: it may be no row of prices at all.
    """
    scan = FileScan(counted_in=records.counted_in)
    objects = records.columns is None
    for number, record in records:
        scan.records += 1
        if isinstance(record, Fault):
            continue
        if objects and isinstance(record, Mapping):
            if not record.keys() <= scan.names:
                scan.empty |= record.keys() - scan.names
                scan.names |= record.keys()
                refuse_too_many(scan.names, number)
            if scan.empty:
                scan.empty -= {member for member in scan.empty if not is_none(record.get(member))}
        scan.note_id(number, record, fields)
        text = fields.time_text(record)
        kind = kind_of(text) if text else None
        if kind is not None and text is not None:
            if kind not in scan.first:
                scan.first[kind] = number, text
            scan.times[kind] = scan.times.get(kind, 0) + 1
        elif not isinstance(record, Mapping):
            check(number, record)
    return scan


def refuse_commas(first: Sequence[Record], fields: FieldReader, name: str) -> None:
    """Raises Failure for a file whose every price, in its first records, has a comma."""
    prices = (fields.text("price", record) for _, record in first if not isinstance(record, Fault))
    texts = [text for text in prices if text]
    if not texts or not all("," in ungrouped(text) for text in texts):
        return
    grouped = next((text for text in texts if "." in ungrouped(text) or text.count(",") > 1), None)
    hint = "If it is the decimal sign, add --decimal , (and else export the file without it)."
    if grouped is not None:
        hint = "Export the file without the marks between thousands."
    raise InputError(f"The prices of {name} have a comma: {quoted(grouped or texts[0])}.", hint)


def refuse_one_id(
    scan: FileScan, fields: FieldReader, column: str | None, options: FileOptions, name: str
) -> None:
    """Raises Failure where different prices would be one, because all records have the same id, or none."""
    if column is None or fields.exported:
        return
    mapped = f"id={column}"
    # What is mapped is not ignored, and may be an expression, which --ignore does not take.
    take_out = f"Take {shell_word(mapped)} out of --map." if "id" in options.mapping else ""
    hint = take_out or f"Add --ignore {shell_word(column)}."
    if scan.has_ids is False:
        raise InputError(f"Every {quoted(column)} of {name} is empty, null or no plain value.", hint)
    if scan.only_id is None or scan.first_differing is None or not fields.takes_id(scan.only_id):
        return
    raise InputError(
        f"Every {quoted(column)} of {name} is {quoted(scan.only_id)}, and {scan.counted_in} "
        f"{scan.first_differing} has another price at the time of the one before: as their id, that would "
        "make them one.",
        hint,
    )


def refuse_too_many(names: Collection[str], number: int) -> None:
    """Raises Failure for records, up to this one, with more different members than a file of prices has."""
    if len(names) > MAX_NAMES:
        raise InputError(
            f"Its records have more than {MAX_NAMES} different members by line {number}.",
            "A file of prices has the same few in each.",
        )


@dataclass(kw_only=True)
class LateMembers:
    """What was decided of each member: `settled` are those that change nothing, whatever their values."""

    may_be_field: Callable[[str, Members], bool]
    settled: set[str]
    decided: dict[str, dict[bool, bool]] = field(default_factory=dict)

    def checked(self, records: Iterable[Record]) -> Iterator[Record]:
        """The records; one with a member that may be a field is a fault. Raises Failure for too many."""
        for number, record in records:
            late = None
            if isinstance(record, Mapping) and not record.keys() <= self.settled:
                late = next((member for member in record if self._is_late(member, record)), None)
                refuse_too_many(self.decided, number)
            yield number, record if late is None else _late_fault(late)

    def _is_late(self, member: str, record: Members) -> bool:
        if member in self.settled:
            return False
        none = is_none(record[member])
        decided = self.decided.setdefault(member, {})
        if none not in decided:
            decided[none] = self.may_be_field(member, record)
        if not none and not decided[none]:
            self.settled.add(member)
        return decided[none]


def _late_fault(member: str) -> Fault:
    return Fault(
        f"has {quoted(member)}, which has no value in the first records and may be a field: add "
        f"--ignore {shell_word(member)}, or save the stream to a file and send that, with what it asks for"
    )


def time_unit_of(scan: FileScan | None, options: FileOptions, name: str) -> str:
    """The unit of a file's times: as given, or the only one there is. Raises Failure."""
    if options.time_unit is not None:
        return ISO if options.time_unit == "iso" else options.time_unit
    kinds = list(scan.times) if scan is not None else []
    if scan is not None and len(kinds) > 1:
        raise _mixed_units(scan, name)
    unit = kinds[0] if kinds else ISO
    if scan is not None and unit == ISO and kinds and options.time_zone is None:
        _refuse_without_offset(scan.first[ISO][1], name)
    if options.time_zone is not None and unit in UNITS:
        raise InputError(
            f"--time-zone cannot apply to {name}: its times are {name_of(unit)} since 1970, which is UTC.",
            "Leave it out.",
        )
    return unit


def _refuse_without_offset(text: str, name: str) -> None:
    try:
        TimeReader(unit=ISO).milliseconds(text)
    except ValueError as error:
        if "offset" in str(error):
            raise InputError(
                f"The times of {name} say no offset from UTC, such as {text[:40]!r}.",
                "Add --time-zone UTC if they are in UTC, or the zone they are in, such as Europe/Berlin.",
            ) from None


def _mixed_units(scan: FileScan, name: str) -> InputError:
    counts = ", and ".join(
        f"{count} in {name_of(kind)} (the first is {scan.counted_in} {scan.first[kind][0]})"
        for kind, count in scan.times.items()
    )
    units = ["iso" if kind == ISO else kind for kind in scan.times]
    return InputError(
        f"The times of {name} are not in one unit: {counts}.",
        f"If each is right, send it with --time-unit {units[0]}, then again with --time-unit {units[1]}: "
        "each sends the lines of that unit and refuses the others. If not, correct the file.",
    )
