"""CSV: a line is a row. Strict, so that no line is read as what it may not be."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from cryptoctl.errors import InputError
from cryptoctl.files.column_names import columns_like
from cryptoctl.files.records import Fault, Record, quoted
from cryptoctl.files.sources import Source
from cryptoctl.files.text import lines
from cryptoctl.files.values import NO_ID
from cryptoctl.wording import pluralize

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
NAMED = {"tab": "\t", "\\t": "\t", "space": " ", "comma": ",", "semicolon": ";", "pipe": "|"}
SAMPLE_LINES = 50
MAX_LINES_QUOTED = 200

_NUMBER = re.compile(r"[+-]?[0-9]+(?:[.,][0-9]+)*(?:[eE][+-]?[0-9]+)?", re.ASCII)

Split = Callable[[str], list[str] | Fault]


def splitter(separator: str, quote: str) -> Split:
    """A function that gives a line's cells, trimmed, or says why the line is none."""
    space = "[ \t]*" if separator != "\t" else " *"
    if separator == " ":
        space = ""
    pattern = re.compile(
        rf"{space}(?:{quote}((?:[^{quote}]|{quote}{quote})*){quote}{space}|([^{quote}{re.escape(separator)}]*))"
        rf"({re.escape(separator)}|\Z)"
    )

    def split(line: str) -> list[str] | Fault:
        if quote not in line:
            return [cell.strip() for cell in line.split(separator)]
        cells: list[str] = []
        position = 0
        while True:
            match = pattern.match(line, position)
            if match is None:
                return _quote_fault(line[position:].lstrip(), quote)
            content = match[1]
            cells.append(match[2].strip() if content is None else content.replace(quote * 2, quote).strip())
            position = match.end()
            if not match[3]:
                return cells

    return split


_OPEN = Fault("a quotation mark is opened and not closed on this line")
_INSIDE = Fault("lies in a field with a line break; a line must hold a whole row")


def _quote_fault(rest: str, quote: str) -> Fault:
    closed = len(re.findall(quote, rest)) % 2 == 0
    if rest.startswith(quote) and not closed:
        return _OPEN
    return Fault("a quotation mark stands in the middle of a field")


def is_data(cells: Sequence[str]) -> bool:
    """Whether a first line holds values, not names: one of its cells is a number."""
    return any(_NUMBER.fullmatch(cell) for cell in cells)


def _is_name(cell: str) -> bool:
    return cell[:1].isalpha() and cell not in NO_ID


def separator_of(sample: Sequence[str], quote: str, decimal: str | None, name: str) -> str:
    """The separator that the lines have in common. Raises Failure where that is not certain."""
    widths = {
        guess: [len(cells) for line in sample if not isinstance(cells := splitter(guess, quote)(line), Fault)]
        for guess in SEPARATORS
        if guess != decimal
    }
    guesses = [guess for guess, counts in widths.items() if counts and counts[0] > 1]
    if len(guesses) > 1:
        guesses = [guess for guess in guesses if len(set(widths[guess])) == 1]
    if len(guesses) == 1:
        return guesses[0]
    if not any(counts and counts[0] > 1 for counts in widths.values()):
        return ","
    raise InputError(
        f"What separates the columns of {name} is not certain: its lines have more than one of "
        f"{', '.join(SEPARATORS.values())}.",
        "Name it with --separator: ',' or ';' or '|' or tab. With decimal commas, add --decimal , as well.",
    )


@dataclass(frozen=True, kw_only=True)
class DelimitedTable:
    """The rows of a CSV file. `skip` lines come before the first row: a preamble and the header."""

    source: Source
    encoding: str
    separator: str
    quote: str
    columns: Sequence[str]
    skip: int
    counted_in: str = "line"

    @property
    def format(self) -> str:
        """Such as "CSV with semicolons"."""
        return f"CSV with {SEPARATORS.get(self.separator, repr(self.separator))}"

    def refuse_other_names(self, number: int, row: Sequence[str] | Fault, used: Collection[str]) -> None:
        """Raises Failure for a row that names the columns again, a used one in another place or otherwise.

        Another file follows there, and each of its columns would be read as one of this file's.
        """
        if isinstance(row, Fault) or is_data(row):
            return
        names, columns = ([name.lower() for name in header] for header in (row, self.columns))
        places = [place for place in zip(self.columns, columns, names, strict=True) if place[0] in used]
        moved = [name for name, own, here in places if own != here and own in names]
        renamed = [name for name, own, here in places if own != here and _is_name(here)]
        again = len({*names} & {*columns} - {""}) > 1
        fields = sum(bool(columns_like(field, row)) for field in ("price", "volume", "timestamp"))
        is_header = len({*names}) == len(names) and (
            fields > 1 or any(own == here for _, own, here in places)
        )
        others = [*(moved if again else ()), *(renamed if is_header else ())]
        if others:
            raise InputError(
                f"Line {number} of {self.source.name} names the columns again, and {quoted(others[0])} is "
                "another one from there on.",
                "If it is a caption, take it out; else take the file apart at that line, and send each part.",
            )

    def __iter__(self) -> Iterator[Record]:
        split, width = splitter(self.separator, self.quote), len(self.columns)
        open_lines: list[_Line] = []  # from a quotation mark on that is not closed on its line
        for number, line in lines(self.source, self.encoding):
            if number <= self.skip or not line.strip():
                continue
            cells = _checked(line, split(line), width)
            if not open_lines and self.quote not in line:
                yield number, cells
                continue
            open_line = _Line(number, line, cells)
            if open_lines and self.quote in line and _is_row([*open_lines, open_line], split, width):
                for part in (*open_lines, open_line):
                    yield part.number, part.cells if isinstance(part.cells, Fault) else _INSIDE
                open_lines = []
            elif open_line.cells == _OPEN:
                yield from _records(open_lines)
                open_lines = [open_line]
            else:
                open_lines.append(open_line)
                if open_lines[0].cells != _OPEN or len(open_lines) > MAX_LINES_QUOTED:
                    yield from _records(open_lines)
                    open_lines = []
        yield from _records(open_lines)


class _Line(NamedTuple):
    number: int
    text: str
    cells: list[str] | Fault


def _checked(line: str, cells: list[str] | Fault, width: int) -> list[str] | Fault:
    if isinstance(cells, Fault):
        return cells
    if "\0" in line:
        return Fault("has a NUL character")
    if len(cells) != width:
        columns = pluralize(len(cells), "column")
        return Fault(f"has {columns} where the first line has {width}: it is cut short or runs on")
    return cells


def _is_row(open_lines: Sequence[_Line], split: Split, width: int) -> bool:
    """Whether the lines together are one row, a field of which has line breaks."""
    cells = split("\n".join(line.text for line in open_lines))
    return not isinstance(cells, Fault) and len(cells) == width


def _records(open_lines: Sequence[_Line]) -> Iterator[Record]:
    return ((line.number, line.cells) for line in open_lines)
