"""Which column or member is which field of a price; a file whose columns leave that open is refused."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from cryptoctl.errors import InputError
from cryptoctl.files.column_names import columns_like
from cryptoctl.files.outgoing import FIELDS
from cryptoctl.files.preset_matching import PresetMatch
from cryptoctl.files.records import FileOptions, listing, quoted, shell_word
from cryptoctl.files.sample import Sample
from cryptoctl.files.suggestion import refuse_open_questions, suggest

_BARE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_INSIDE = re.compile(rf"({_BARE.pattern}(?:\.{_BARE.pattern})*)\.({_BARE.pattern}|\"[^\"\\\\]+\")", re.ASCII)
_PAIR = re.compile(rf"(?:^|,)\s*({'|'.join(FIELDS)})=")


def parse_mapping(texts: Sequence[str]) -> Mapping[str, str]:
    """`price=close,volume=Volume BTC` as field → column or expression. Raises Failure."""
    mapping: dict[str, str] = {}
    for text in texts:
        parts = _PAIR.split(text)
        if parts[0] or len(parts) < 3:
            raise InputError(
                f"--map {shell_word(text)} does not begin with a field and `=`.",
                f"Such as --map price=close,timestamp=unix; the fields are {', '.join(FIELDS)}.",
            )
        for name, value in zip(parts[1::2], parts[2::2], strict=True):
            if name in mapping or not value:
                raise InputError(f"--map says {'twice' if value else 'nothing for'} {name!r}.")
            mapping[name] = value
    return mapping


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Where the fields of a file stand: field → column, member or expression; and what it leaves unused."""

    fields: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)
    shape: PresetMatch | None = None
    unused: Sequence[str] = ()
    ids_dropped: Callable[[], bool | None] = lambda: None
    """whether ids that tell prices apart are ignored; False where there are only others, None where none"""


def layout(
    sample: Sample,
    options: FileOptions,
    shape: PresetMatch | None,
    *,
    name: str,
    objects: bool,
    complete: bool,
    empty: Collection[str],
) -> Layout:
    """The layout of a file with the sample's columns, or members in its records. Raises Failure.

    Where the names are not `complete`, one that is to be ignored may still come. What the values of the
    `sample` look like counts where names leave it open; those of the `empty` are nowhere more than null.
    """
    names, beside_mapped = sample.names, _siblings_of_mapped(options, sample)
    if complete:
        inside = [_path_in(path)(member) for path, nested in beside_mapped.items() for member in nested.names]
        _check_ignored([*names, *inside], options, name)
    columns = [column for column in names if column not in options.ignore]
    fields = dict(_columns_by_field(columns, name) if shape is None else shape.fields)
    fields = {field_: column for field_, column in fields.items() if column not in options.ignore}
    if shape is not None:
        # Beside ccxt's amount, say, a volume that is null wherever it is.
        columns = [column for column in columns if not (column.lower() in fields and column in empty)]
        _refuse_two_names(columns, fields, shape, options, name)
    for field_, column in options.mapping.items():
        if not objects and column not in names:
            raise InputError(f"{name} has no column {quoted(column)}.", f"It has: {listing(names)}.")
        fields[field_] = column
    if not objects:
        _check_twice(names, fields, name)
    known = {*fields.values(), *(shape.preset.optional if shape is not None else ())}
    remaining = [column for column in columns if column and not _matches_any(column, known)]
    shown = [member for column in remaining for member in _mappable_paths(column, sample.nested_members)]
    known |= {column.partition(".")[0] for column in fields.values() if objects and _INSIDE.fullmatch(column)}
    unused = [column for column in remaining if not _matches_any(column, known)]
    if "timestamp" not in fields and not options.now:
        _refuse_time_in_two(unused, sample.times_of_day, name, objects=objects)
    suggestion = suggest(fields, unused, options, sample, shape)
    if not objects:
        _check_twice(names, suggestion.mapped, name)
    for path, nested in beside_mapped.items():
        columns = [member for member in nested.names if _path_in(path)(member) not in options.ignore]
        inner = suggest({**fields, **suggestion.mapped}, columns, options, nested, shape)
        suggestion.add(inner, _path_in(path))
    refuse_open_questions(suggestion, fields, shown, options, shape, sample, name)
    if sample.all_records:  # of a stream, what has come so far may be one faulty record
        _refuse_nested_prices(fields["price"], sample, name)
    ids = [
        column
        for column in names
        if column.lower() == "id" and column in options.ignore and "id" not in fields
    ]
    return Layout(
        fields=fields,
        constants=options.constants,
        shape=shape,
        unused=unused,
        ids_dropped=partial(_ids_differ, ids, sample),
    )


def _ids_differ(ids: Sequence[str], sample: Sample) -> bool | None:
    """Whether any of the columns has several values; None where no more than one record has one."""
    if any(map(sample.differs, ids)):
        return True
    return False if {*ids} & (sample.empty | sample.repeated) else None


def refuse_dropped_ids(layouts: Mapping[str, Layout]) -> None:
    """Raises Failure where --ignore, as some files need it for their ids, would drop those of others."""
    dropped = (
        {name: file_layout.ids_dropped() for name, file_layout in layouts.items()} if len(layouts) > 1 else {}
    )
    useless, good = ([name for name, differ in dropped.items() if differ is kind] for kind in (False, True))
    if useless and good:
        raise InputError(
            f"--ignore would drop the ids of {good[0]}, which differ, with those of {useless[0]}.",
            "Send each kind of file by itself: only the latter needs --ignore for its ids.",
        )


def _refuse_nested_prices(member: str, sample: Sample, name: str) -> None:
    """Refuses a file whose records have no plain price, as a frame of pandas that is written by columns."""
    values = [record[member] for record in sample.records if isinstance(record, Mapping) and member in record]
    if not values or not all(isinstance(value, Mapping | list) for value in values):
        return
    inner, nested = None, sample.nested_in([member])
    if isinstance(values[0], Mapping):
        inner = next(iter([*sorted(nested.numbers, key=nested.names.index), *values[0]]), "0")
    hint = "Write a record for each price, as pandas does with to_json(orient='records')."
    if inner is not None and not inner.isdigit():
        mapping = shell_word(f"price={_path(member)}.{_path(inner)}")
        hint = f"Name the member in it that is one, such as --map {mapping}."
    kind = "a list" if inner is None else "an object"
    raise InputError(f"{quoted(member)} of {name} is {kind}, and no plain price.", hint)


def _siblings_of_mapped(options: FileOptions, sample: Sample) -> Mapping[str, Sample]:
    """By its path, each object inside of which a mapped member is: what else there is in it."""
    mapped: dict[str, list[str]] = {}
    for column in options.mapping.values():
        if inside := _INSIDE.fullmatch(column):
            path, member = inside.groups()
            mapped.setdefault(path, []).append(json.loads(member) if member.startswith('"') else member)
    objects = {path: sample.nested_in(path.split(".")) for path in mapped}
    return {path: nested.without_columns(mapped[path]) for path, nested in objects.items() if nested.records}


def _path_in(path: str) -> Callable[[str], str]:
    return lambda member: f"{path}.{_path(member)}"


def _mappable_paths(column: str, nested_members: Mapping[str, Sequence[str]]) -> Sequence[str]:
    """The column; of an object its members, as --map would find them."""
    return (
        [f"{_path(column)}.{_path(member)}" for member in nested_members[column]]
        if column in nested_members
        else [column]
    )


def _path(name: str) -> str:
    """The name as JMESPath writes it."""
    return name if _BARE.fullmatch(name) else json.dumps(name, ensure_ascii=False)


def _refuse_time_in_two(
    unused: Sequence[str], times_of_day: Collection[str], name: str, *, objects: bool
) -> None:
    """Refuses a file in which one column has the day and another the time of day, and none has both."""
    times = [column for column in columns_like("timestamp", unused) if column in times_of_day]
    days = [
        column
        for column in columns_like("timestamp", unused)
        if column not in times_of_day and "date" in column.lower()
    ]
    if not times or len(days) != 1 or len(columns_like("timestamp", unused)) > len(times) + 1:
        return
    joined = f"join('T', [{_path(days[0])}, {_path(times[0])}])"
    raise InputError(
        f"The times of {name} are in two columns: {quoted(days[0])} has the day and {quoted(times[0])} the "
        "time of day.",
        f"Add --map {shell_word(f'timestamp={joined}')} --ignore {shell_word(f'{days[0]},{times[0]}')}."
        if objects
        else "Join them into one column, such as 2024-01-31 09:20:00, and send the file again.",
    )


def _columns_by_field(names: Sequence[str], file: str) -> Mapping[str, str]:
    fields: dict[str, str] = {}
    for field_ in FIELDS:
        matches = list(dict.fromkeys(name for name in names if name.lower() == field_))
        if len(matches) > 1:
            raise InputError(
                f"{file} has {' and '.join(map(repr, matches))}: either could be the {field_}.",
                f"Add --map {shell_word(f'{field_}={matches[0]}')} --ignore {shell_word(matches[1])}.",
            )
        if matches:
            fields[field_] = matches[0]
    return fields


def _refuse_two_names(
    names: Sequence[str], fields: Mapping[str, str], shape: PresetMatch, options: FileOptions, file: str
) -> None:
    """Refuses a file of a known shape in which another column has the name of the field that one is."""
    known = {*fields.values(), *shape.preset.optional}
    for field_, column in fields.items():
        own = next((name for name in names if name.lower() == field_ and not _matches_any(name, known)), None)
        if own is not None and field_ not in options.mapping:
            raise InputError(
                f"{file} has the columns of the preset {shape.preset.name}, whose {field_} is "
                f"{quoted(column)}, and {quoted(own)}: either could be the {field_}.",
                f"Add --map {shell_word(f'{field_}={column}')} --ignore {shell_word(own)}, or the other way "
                "round.",
            )


def _check_ignored(names: Sequence[str], options: FileOptions, name: str) -> None:
    unknown = [column for column in options.ignore if column not in names]
    if unknown:
        raise InputError(
            f"{name} has no column {quoted(unknown[0])} that --ignore could leave out.",
            f"It has: {listing(names)}.",
        )


def _check_twice(names: Sequence[str], fields: Mapping[str, str], name: str) -> None:
    repeated = [column for column in fields.values() if list(names).count(column) > 1]
    if repeated:
        raise InputError(
            f"{name} has more than one column {quoted(repeated[0])}.",
            "Give each column a name of its own in the first line.",
        )


def _matches_any(name: str, patterns: set[str]) -> bool:
    folded = name.lower()
    return name in patterns or any(
        folded == pattern.lower() or ("*" in pattern and folded.startswith(pattern.lower().rstrip("*")))
        for pattern in patterns
        if len(pattern) > 1
    )
