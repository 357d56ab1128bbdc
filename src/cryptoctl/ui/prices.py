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
from cryptoctl.ui.bars import progress_bar
from cryptoctl.ui.screen import Screen, printable
from cryptoctl.ui.tables import Column

SHOWN_FAILURES = 20
NUMBERS = COLUMNS[3:8]
# How dispensable a column is where the terminal is narrow. The symbol was asked for.
RANKS = {"symbol": 7, "processed": 6, "volume": 5, "exchange": 4, "volatility": 3, "ma_5": 2, "ma_20": 1}
TEXT_MEMBERS = ("symbol", "exchange", "id", "enriched_at")
FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r")


def show_prices(screen: Screen, found: Sequence[StoredPrice]) -> None:
    """A table."""
    ranks = {**RANKS, "processed": 0} if any(not price.processed for price in found) else RANKS
    columns = [Column(name, right=name in NUMBERS, rank=ranks.get(name, 0)) for name in COLUMNS]
    screen.table(columns, [row(price) for price in found])


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
    if not screen.can_draw:
        yield lambda _: None
        return
    bar = progress_bar()
    name = "standard input" if file == STANDARD_INPUT else file.name
    task = bar.add_task(printable(name), total=_line_count(file))
    with screen.drawn(bar.get_renderable):
        yield lambda tally: bar.update(task, completed=tally.last_line)


def _line_count(file: Path) -> int | None:
    if not file.is_file():  # a pipe would be empty afterwards
        return None
    try:
        with file.open("rb") as opened:
            return sum(1 for _ in opened)
    except OSError:
        return None
