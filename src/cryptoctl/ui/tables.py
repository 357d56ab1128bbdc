"""Tables that fit: the columns are chosen for the width, and no row wraps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.text import Text

BETWEEN = "  "


@dataclass(frozen=True)
class Column:
    """A column: `right` aligns it, `rank` says how dispensable it is: 0 is never left out.

    The text of one with `cut` may end with "…", and is that wide at least.
    """

    name: str
    right: bool = False
    rank: int = 0
    cut: int | None = None


def fitted(
    columns: Sequence[Column], rows: Sequence[Sequence[Text]], width: int | None
) -> tuple[list[Text], list[str]]:
    """The lines of the table, and the names of the columns that are left out; a width of None is any."""
    longest = [max((row[index].cell_len for row in rows), default=0) for index in range(len(columns))]
    layout = _Layout(columns, longest, width)
    return [layout.header(), *map(layout.line, rows)], layout.left_out()


def fitted_plain(
    columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int | None
) -> tuple[Text, list[str], list[str]]:
    """The same of cells without a style, column by column: the header, the lines, what is left out."""
    cells = [[row[index] for row in rows] for index in range(len(columns))]
    layout = _Layout(columns, [_longest(column) for column in cells], width)
    padded = [layout.padded(index, cells[index]) for index in layout.shown]
    lines = [BETWEEN.join(row).rstrip() for row in zip(*padded, strict=True)]
    return layout.header(), lines, layout.left_out()


class _Layout:
    """Which columns are shown, and how wide each is."""

    def __init__(self, columns: Sequence[Column], longest: Sequence[int], width: int | None) -> None:
        self._columns = columns
        self._widths = [max(len(column.name), cells) for column, cells in zip(columns, longest, strict=True)]
        self.shown = list(range(len(columns)))
        if width is not None:
            self.shown = _chosen(columns, self._widths, width)
            _narrow(columns, self._widths, self.shown, width)

    def left_out(self) -> list[str]:
        return [column.name for index, column in enumerate(self._columns) if index not in self.shown]

    def header(self) -> Text:
        return self.line([Text(column.name, style="bold") for column in self._columns])

    def line(self, cells: Sequence[Text]) -> Text:
        line = Text()
        for index in self.shown:
            cell = cells[index].copy()
            cell.truncate(self._widths[index], overflow="ellipsis")
            space = Text(" " * (self._widths[index] - cell.cell_len))
            line.append_text(space + cell if self._columns[index].right else cell + space)
            line.append(BETWEEN)
        line.rstrip()
        return line

    def padded(self, index: int, cells: Sequence[str]) -> list[str]:
        width, right = self._widths[index], self._columns[index].right
        if not (_is_narrow(cells) and _longest(cells) <= width):
            return [_padded(cell, width, right=right) for cell in cells]
        return [cell.rjust(width) if right else cell.ljust(width) for cell in cells]


def _is_narrow(cells: Sequence[str]) -> bool:
    """Whether each of the characters is one cell wide."""
    return "".join(cells).isascii()


def _longest(cells: Sequence[str]) -> int:
    return max(map(len if _is_narrow(cells) else cell_len, cells), default=0)


def _padded(cell: str, width: int, *, right: bool) -> str:
    text = Text(cell)
    text.truncate(width, overflow="ellipsis")
    space = " " * (width - text.cell_len)
    return space + text.plain if right else text.plain + space


def _chosen(columns: Sequence[Column], widths: Sequence[int], width: int) -> list[int]:
    """The columns that have room if those that may be cut are as narrow as they can be."""
    least = [
        wide if column.cut is None else min(wide, column.cut)
        for column, wide in zip(columns, widths, strict=True)
    ]
    shown = list(range(len(columns)))
    while _total(least, shown) > width:
        dispensable = max(shown, key=lambda index: (columns[index].rank, index))
        if columns[dispensable].rank == 0:
            break
        shown.remove(dispensable)
    return shown


def _narrow(columns: Sequence[Column], widths: list[int], shown: Sequence[int], width: int) -> None:
    """Takes what is too much from the columns that may be cut, the last one first."""
    for index in reversed(shown):
        least = columns[index].cut
        excess = _total(widths, shown) - width
        if least is not None and excess > 0:
            widths[index] = max(min(least, widths[index]), widths[index] - excess)


def _total(widths: Sequence[int], shown: Sequence[int]) -> int:
    return sum(widths[index] for index in shown) + len(BETWEEN) * max(0, len(shown) - 1)
