"""Stored prices, and the results of sending prices."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cryptoctl.core.items import StoredPrice
from cryptoctl.ops.prices import COLUMNS, MEMBERS, document, row
from cryptoctl.ops.sending import STANDARD_INPUT, Tally
from cryptoctl.ui.screen import Screen, printable

SHOWN_FAILURES = 20
TEXT_MEMBERS = ("symbol", "exchange", "id", "enriched_at")
FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r")


def show_prices(screen: Screen, found: Sequence[StoredPrice]) -> None:
    """A table."""
    screen.table(COLUMNS, [row(price) for price in found], numbers=COLUMNS[3:8])


def write_csv(screen: Screen, found: Sequence[StoredPrice]) -> None:
    """CSV with a header, the members as in JSON; text can neither command a terminal nor be a formula."""
    text = io.StringIO()
    writer = csv.DictWriter(text, MEMBERS, lineterminator="\n")
    writer.writeheader()
    for price in found:
        members = document(price)
        writer.writerow({**members, **{name: _csv_text(members[name]) for name in TEXT_MEMBERS}})
    screen.raw(text.getvalue())


def _csv_text(text: str | None) -> str | None:
    """The text with control characters escaped; with an apostrophe where a spreadsheet would calculate."""
    if text is None:
        return None
    return f"'{printable(text)}" if text.startswith(FORMULA_SIGNS) else printable(text)


def show_tally(screen: Screen, tally: Tally) -> None:
    """The lines that failed, and how many were stored."""
    for each in tally.failed[:SHOWN_FAILURES]:
        screen.say(f"line {each.line}: {each.reason}", style="red")
    if len(tally.failed) > SHOWN_FAILURES:
        screen.say(f"… and {len(tally.failed) - SHOWN_FAILURES} more (--output json lists all)")
    screen.data(f"{tally.stored} stored, {tally.duplicate} duplicates, {len(tally.failed)} failed")


def tally_document(tally: Tally) -> dict[str, Any]:
    """The same for a machine, with every line that failed."""
    return {
        "stored": tally.stored,
        "duplicate": tally.duplicate,
        "failed": [{"line": each.line, "reason": each.reason} for each in tally.failed],
        "last_line": tally.last_line,
    }


@contextmanager
def sending_bar(screen: Screen, file: Path) -> Iterator[Callable[[Tally], None]]:
    """A progress bar on a terminal; gives the function that moves it."""
    if screen.machine or not screen.err.is_terminal:
        yield lambda _: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=screen.err, transient=True) as progress:
        name = "standard input" if file == STANDARD_INPUT else file.name
        task = progress.add_task(name, total=_line_count(file))
        yield lambda tally: progress.update(task, completed=tally.last_line)


def _line_count(file: Path) -> int | None:
    if not file.is_file():  # a pipe would be empty afterwards
        return None
    try:
        with file.open("rb") as opened:
            return sum(1 for _ in opened)
    except OSError:
        return None
