"""The help, for a reader that may leave, and for a narrow terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


class HelpInAPipe:
    """For a Typer command or group: who has read enough of its help ends it without an error."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Writes the help."""
        _fold_cells()
        try:
            super().format_help(ctx, formatter)  # type: ignore[misc]
        except SystemExit:  # Rich's answer to a reader that has left
            raise SystemExit(0) from None


def _fold_cells() -> None:
    """Has Typer's tables break a word that has no room, an option's name say, which Rich cuts off."""
    from rich.columns import Columns
    from rich.table import Table
    from typer import rich_utils

    class FoldingTable(Table):
        def add_row(self, *cells: Any, **options: Any) -> None:
            super().add_row(*cells, **options)
            _fold(self)

    class FoldingColumns(Columns):
        def __rich_console__(self, *args: Any) -> Iterator[Any]:
            for table in super().__rich_console__(*args):
                _fold(table)
                yield table

    typers: Any = rich_utils
    typers.Table, typers.Columns = FoldingTable, FoldingColumns


def _fold(table: Any) -> None:
    for column in table.columns:
        column.overflow = "fold"
