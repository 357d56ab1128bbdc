"""CSV: a line is a row. Strict, so that no line is read as what it may not be."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from cryptoctl.errors import Failure, Problem
from cryptoctl.files.records import Fault, Record
from cryptoctl.files.sources import Source
from cryptoctl.files.text import lines

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
NAMED = {"tab": "\t", "\\t": "\t", "space": " ", "comma": ",", "semicolon": ";", "pipe": "|"}
SAMPLE_LINES = 50
MOST_LINES_QUOTED = 200

_NUMBER = re.compile(r"[+-]?[0-9]+(?:[.,][0-9]+)*(?:[eE][+-]?[0-9]+)?", re.ASCII)

Split = Callable[[str], list[str] | Fault]


def splitter(separator: str, quote: str) -> Split:
    """A function that gives a line's cells, trimmed, or says why the line is none."""
    space = "[ \t]*" if separator != "\t" else " *"
    if separator == " ":
        space = ""
    cell = re.compile(
        rf"{space}(?:{quote}((?:[^{quote}]|{quote}{quote})*){quote}{space}|([^{quote}{re.escape(separator)}]*))"
        rf"({re.escape(separator)}|\Z)"
    )

    def split(line: str) -> list[str] | Fault:
        if quote not in line:
            return [each.strip() for each in line.split(separator)]
        cells: list[str] = []
        position = 0
        while True:
            match = cell.match(line, position)
            if match is None:
                return _quote_fault(line[position:].lstrip(), quote)
            inside = match[1]
            cells.append(match[2].strip() if inside is None else inside.replace(quote * 2, quote).strip())
            position = match.end()
            if not match[3]:
                return cells

    return split


def _quote_fault(rest: str, quote: str) -> Fault:
    closed = len(re.findall(quote, rest)) % 2 == 0
    if rest.startswith(quote) and not closed:
        return Fault("a quotation mark is opened and not closed on this line")
    return Fault("a quotation mark stands in the middle of a field")


def is_data(cells: Sequence[str]) -> bool:
    """Whether a first line holds values, not names: one of its cells is a number."""
    return any(_NUMBER.fullmatch(each) for each in cells)


def separator_of(sample: Sequence[str], quote: str, decimal: str | None, name: str) -> str:
    """The separator that the lines have in common. Raises Failure where that is not certain."""
    widths = {
        each: [len(cells) for line in sample if not isinstance(cells := splitter(each, quote)(line), Fault)]
        for each in SEPARATORS
        if each != decimal
    }
    several = [each for each, found in widths.items() if found and found[0] > 1]
    if len(several) > 1:
        several = [each for each in several if len(set(widths[each])) == 1]
    if len(several) == 1:
        return several[0]
    if not any(found and found[0] > 1 for found in widths.values()):
        return ","
    raise Failure(
        Problem.USAGE,
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
    inside: set[int] = field(default_factory=set)
    """lines that are known to lie in a field with line breaks, found when the file is read through"""

    @property
    def format(self) -> str:
        """Such as "CSV with semicolons"."""
        return f"CSV with {SEPARATORS.get(self.separator, repr(self.separator))}"

    def __iter__(self) -> Iterator[Record]:
        split, width = splitter(self.separator, self.quote), len(self.columns)
        opened: list[tuple[int, str]] = []  # from a line whose quotation mark is not closed
        for number, line in lines(self.source, self.encoding):
            if number <= self.skip or not line.strip():
                continue
            cells = split(line)
            if self.quote in line or opened:
                opened = self._follow(opened, number, line, split)
            if isinstance(cells, Fault):
                yield number, cells
            elif number in self.inside:
                yield number, Fault("lies in a field with a line break; a line must hold a whole row")
            elif "\0" in line:
                yield number, Fault("has a NUL character")
            elif len(cells) != width:
                yield number, _width_fault(len(cells), width)
            else:
                yield number, cells

    def _follow(
        self, opened: list[tuple[int, str]], number: int, line: str, split: Split
    ) -> list[tuple[int, str]]:
        """Notes the lines of a field that has line breaks: opened on one line, closed on a later one."""
        alone = split(line)
        if opened and self.quote in line:
            whole = split("\n".join([*(text for _, text in opened), line]))
            if not isinstance(whole, Fault) and len(whole) == len(self.columns):
                self.inside.update(each for each, _ in opened)
                self.inside.add(number)
                return []
        if isinstance(alone, Fault) and "not closed" in alone:
            return [(number, line)]
        return [*opened, (number, line)] if opened and len(opened) < MOST_LINES_QUOTED else []


def _width_fault(found: int, wanted: int) -> Fault:
    return Fault(f"has {found} columns where the first line has {wanted}: it is cut short or runs on")
