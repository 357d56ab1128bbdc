"""Tables that fit: the columns are chosen for the width, and no row wraps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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
    widths = [
        max([len(column.name), *(row[index].cell_len for row in rows)])
        for index, column in enumerate(columns)
    ]
    shown = list(range(len(columns)))
    if width is not None:
        shown = _chosen(columns, widths, width)
        _narrow(columns, widths, shown, width)
    header = [Text(column.name, style="bold") for column in columns]
    lines = [_line(columns, widths, shown, cells) for cells in (header, *rows)]
    return lines, [column.name for index, column in enumerate(columns) if index not in shown]


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


def _line(
    columns: Sequence[Column], widths: Sequence[int], shown: Sequence[int], cells: Sequence[Text]
) -> Text:
    line = Text()
    for index in shown:
        cell = cells[index].copy()
        cell.truncate(widths[index], overflow="ellipsis")
        space = Text(" " * (widths[index] - cell.cell_len))
        line.append_text(space + cell if columns[index].right else cell + space)
        line.append(BETWEEN)
    line.rstrip()
    return line
