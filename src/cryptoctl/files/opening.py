"""What a file is: its format, its columns, and the shape that those tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from cryptoctl.errors import InputError
from cryptoctl.files.columnar import ColumnarTable
from cryptoctl.files.compression import FEATHER, HEAD_BYTES, PARQUET, refuse_foreign
from cryptoctl.files.delimited import (
    NAMED,
    SAMPLE_LINES,
    SEPARATORS,
    DelimitedTable,
    is_data,
    separator_of,
    splitter,
)
from cryptoctl.files.json_records import json_records, looks_like_json
from cryptoctl.files.outgoing import FIELDS
from cryptoctl.files.preset_matching import (
    PresetMatch,
    contradicting_row,
    field_indexes,
    fits,
    likely_presets,
    match_cells,
    preset_named,
)
from cryptoctl.files.presets import presets
from cryptoctl.files.records import Fault, FileOptions, Records, listing, quoted
from cryptoctl.files.sources import Source
from cryptoctl.files.text import encoding_of, head_text
from cryptoctl.files.times import kind_of
from cryptoctl.wording import pluralize


def open_records(source: Source, options: FileOptions) -> tuple[Records, PresetMatch | None]:
    """The records of a file and, where only its cells tell it, its shape. Raises Failure."""
    head = source.head()
    if not head.strip(b"\0 \t\r\n"):
        what = "holds nothing but zero bytes" if head.strip() else "is empty"
        raise InputError(f"{source.name} {what}.", "Is it the right file, and whole?")
    refuse_foreign(head, source.name)
    if head.startswith((PARQUET, FEATHER)):
        _refuse_options(options, source, "separator", "decimal", "encoding", "records", "columns")
        format_ = "Parquet" if head.startswith(PARQUET) else "Feather"
        return ColumnarTable(source=source, format=format_), None
    encoding = encoding_of(head, source.name, options.encoding)
    text = head_text(head, encoding, source.name).lstrip("\ufeff")
    if looks_like_json(text):
        _refuse_options(options, source, "separator")
        return json_records(source, encoding, text, options.records), None
    _refuse_options(options, source, "records")
    if len(head) >= HEAD_BYTES:
        text = text[: text.rfind("\n") + 1] or text  # its last line is cut off anywhere
    return _delimited(source, encoding, text, options)


def _refuse_options(options: FileOptions, source: Source, *names: str) -> None:
    given = [name for name in names if getattr(options, name)]
    if given:
        raise InputError(f"--{given[0]} cannot apply to {source.name}.", f"Leave --{given[0]} out.")


def _delimited(
    source: Source, encoding: str, text: str, options: FileOptions
) -> tuple[Records, PresetMatch | None]:
    lines = text.split("\n")
    sample = lines[:-1] if len(lines) > 1 and lines[-1] == "" else lines
    skip, separator = _preamble(sample)
    skip += next((index for index, line in enumerate(sample[skip:]) if line.strip()), 0)
    sample = [line for line in sample[skip : skip + SAMPLE_LINES] if line.strip()]
    if not sample:
        raise InputError(f"{source.name} has no lines of prices.", "Is it the right file?")
    begin = sample[0].lstrip()[:2]
    if begin[:1] == "#" and begin[1:] not in SEPARATORS:  # Bitfinex calls its first column so
        raise InputError(
            f"Line {skip + 1} of {source.name} begins with #: {quoted(sample[0])}.",
            "Take out the comments; if the line has the column names, take out its #.",
        )
    quote = "'" if sample[0].startswith("'") and '"' not in sample[0] else '"'
    if options.separator is not None:
        separator = NAMED.get(options.separator, options.separator)
        if len(separator) != 1 or separator in ('"', "'", "\n"):
            raise InputError(
                f"{options.separator!r} cannot separate columns.", "Such as --separator ';' or tab."
            )
    if separator is None:
        separator = separator_of(sample, quote, options.decimal, source.name)
    split = splitter(separator, quote)
    first_row = split(sample[0])
    if isinstance(first_row, Fault):
        raise InputError(f"Line {skip + 1} of {source.name}: {first_row}.", "Correct that line.")
    if len(first_row) == 1 and options.separator is None and len(first_row[0].split()) > 1:
        raise InputError(
            f"Nothing that separates columns is in line {skip + 1} of {source.name}: {quoted(first_row[0])}.",
            "If it is a title, take it out; else name what does, such as --separator space.",
        )
    table = DelimitedTable(
        source=source, encoding=encoding, separator=separator, quote=quote, columns=first_row, skip=skip + 1
    )
    rows = [cells for line in sample if not isinstance(cells := split(line), Fault)]
    if not is_data(first_row):
        if options.columns:
            raise InputError(
                f"{source.name} has its column names in line {skip + 1}: {listing(first_row)}.",
                "Leave --columns out; --map says which column is which field.",
            )
        _refuse_three_headers(rows, source.name)
        _refuse_title(rows, separator, source, skip + 1)
        return replace(table, columns=_with_unnamed_times(first_row, rows[1:])), None
    names, shape = headerless(rows, options, source.name)
    return replace(table, columns=names, skip=skip), shape


def _refuse_three_headers(rows: Sequence[Sequence[str]], name: str) -> None:
    if [row[0] for row in rows[:2]] == ["Price", "Ticker"]:
        raise InputError(
            f"{name} has its column names in three lines, as yfinance writes them.",
            "Leave only the first, with Date in place of Price; yfinance itself does that with "
            "multi_level_index=False.",
        )


def _refuse_title(rows: Sequence[Sequence[str]], separator: str, source: Source, number: int) -> None:
    """Refuses a file in which no row is as wide as the first line, which has to name the columns."""
    width, widths = len(rows[0]), {len(row) for row in rows[1:]}
    if not widths or width in widths or source.stream:
        return
    hint = "If it is a title, take it out: the first line has to name the columns, each of them."
    if widths == {width + 1} and not any(row[-1] for row in rows[1:]):
        hint = f"Each of those ends in {separator!r}: end line {number} so too."
    elif widths == {width + 1}:
        hint += (
            f" If the first column has no name, as that of row numbers, begin it with {f'row{separator}'!r}."
        )
    elif widths == {width - 1} and not rows[0][-1]:
        hint = f"It ends in {separator!r}, and those do not: take that out."
    raise InputError(
        f"Line {number} of {source.name} has {pluralize(width, 'column')} ({listing(rows[0])}), and none "
        "of the lines after it has as many.",
        hint,
    )


def _with_unnamed_times(names: Sequence[str], rows: Sequence[Sequence[str]]) -> Sequence[str]:
    """The names, and one for a column without a name that holds times: an index that pandas wrote."""
    times = {
        index
        for index, name in enumerate(names)
        if not name and rows and all(index < len(row) and kind_of(row[index]) for row in rows)
    }
    return [f"unnamed time {index + 1}" if index in times else name for index, name in enumerate(names)]


def _preamble(sample: Sequence[str]) -> tuple[int, str | None]:
    """How many lines come before the header, and the separator that they declare."""
    first = sample[0].strip(' "').lower()  # not a tab, which may be what it declares
    if first.startswith("sep=") and len(first) == 5:
        return 1, first[4]
    known = any(preset.preamble and preset.preamble in first for preset in presets())
    return (1, None) if known else (0, None)


def headerless(
    rows: Sequence[Sequence[str]], options: FileOptions, name: str
) -> tuple[Sequence[str], PresetMatch | None]:
    """The columns of rows without names: as given, or of the shape that they have. Raises Failure."""
    width = len(rows[0]) if rows else 0
    if options.columns:
        if len(options.columns) != width:
            raise InputError(
                f"--columns names {pluralize(len(options.columns), 'column')}, and the first row of "
                f"{name} has {width}.",
                "Name each column in order; one that does not matter is -.",
            )
        return ["" if column in ("-", "_") else column for column in options.columns], None
    if options.preset is not None:
        preset = preset_named(options.preset)
        if len(preset.order) != width:
            raise InputError(
                f"{name} has {pluralize(width, 'column')} and no names; a dump of {preset.title} has "
                f"{len(preset.order)}.",
                "Name the columns in order with --columns, such as --columns timestamp,price,volume.",
            )
        full_rows = [row for row in rows if len(row) == width]
        candidates = [
            candidate
            for candidate in likely_presets(full_rows)
            if field_indexes(candidate) != field_indexes(preset)
        ]
        if candidates and not fits(replace(preset, check=""), full_rows, certain=False):
            raise InputError(
                f"{name} is no dump of {preset.title}: its cells are of the kinds that one of "
                f"{candidates[0].title} has ({', '.join(candidates[0].order)}).",
                f"Add --preset {candidates[0].name}, or name its columns in order with --columns.",
            )
        contradiction = contradicting_row(preset, full_rows)
        if contradiction is not None:
            raise InputError(
                f"{name} is no dump of {preset.title}: with {', '.join(preset.order)}, its numbers "
                f"contradict each other, as in {quoted(', '.join(contradiction))}.",
                "Name its columns in order with --columns, or another --preset.",
            )
        return preset.order, PresetMatch(preset=preset, fields=preset.fields)
    shape = match_cells([row for row in rows if len(row) == width])
    if shape is not None:
        return shape.preset.order, shape
    raise _nameless(rows, name)


def _nameless(rows: Sequence[Sequence[str]], name: str) -> InputError:
    candidates = likely_presets(rows)
    # No example of as many: typed as it stands, it would store one column as another.
    hint = (
        f"Name its {len(rows[0])} columns in order with --columns, a comma between them: each is one of "
        f"{', '.join(FIELDS)}, or - where it does not matter."
    )
    if candidates:
        suggestions = "; ".join(
            f"if it is a dump of {preset.title}, add --preset {preset.name} ({', '.join(preset.order)})"
            for preset in candidates[:4]
        )
        hint = f"{suggestions[0].upper()}{suggestions[1:]}; else name its columns with --columns."
    return InputError(f"{name} has no line of column names, and its shape alone does not tell them.", hint)
