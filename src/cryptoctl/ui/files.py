"""Files of prices: what was recognised, what would be sent, and the results of sending."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import Any

from cryptoctl.core.numbers import plain
from cryptoctl.files.outgoing import FIELDS, BadLine, OutgoingPrice
from cryptoctl.files.preview import Preview
from cryptoctl.files.reader import PriceFile, PriceFiles
from cryptoctl.files.records import quoted
from cryptoctl.files.times import UNITS, name_of
from cryptoctl.ops.sending import Tally
from cryptoctl.ops.times import iso_of_ms
from cryptoctl.ui.bars import progress_bar
from cryptoctl.ui.screen import Screen
from cryptoctl.ui.styles import BAD
from cryptoctl.ui.tables import Column
from cryptoctl.wording import number_text, pluralize

SHOWN_FAILURES = 20
SHOWN_NAMES = 20
# How dispensable a column is where the terminal is narrow.
RANKS = {"occurrence": 4, "id": 3, "exchange": 2, "symbol": 1}
NUMBERS = ("line", "price", "volume", "occurrence")
COLUMNS = ("line", "symbol", "time", "price", "volume", "exchange", "id", "occurrence")


def show_files(screen: Screen, files: PriceFiles) -> None:
    """What each file was recognised as, and what is passed over: nothing is guessed in silence."""
    descriptions = [(file.name, recognised(file)) for file in files.files]
    for text, group in groupby(descriptions, key=lambda pair: pair[1]):
        names = [name for name, _ in group]
        screen.say(f"{_first(names)}: {text}")
    if files.passed_over:
        screen.warn(
            f"Passed over, for what they are or by their endings: {_first(files.passed_over)}.",
        )
    _show_cut(screen, [file for file in files.files if not file.source.stream])


def show_end(screen: Screen, files: PriceFiles) -> None:
    """What is known only once everything that comes through a pipe has come."""
    _show_cut(screen, [file for file in files.files if file.source.stream])


def _show_cut(screen: Screen, files: Sequence[PriceFile]) -> None:
    if names := [file.name for file in files if file.may_be_cut]:
        screen.warn(
            f"No line end at the end of {_first(names)}: if that was cut short, the last value is wrong.",
        )


def _first(names: Sequence[str]) -> str:
    """The first of them, and how many more there are."""
    more = f" and {len(names) - SHOWN_NAMES} more" if len(names) > SHOWN_NAMES else ""
    return ", ".join(names[:SHOWN_NAMES]) + more


def recognised(file: PriceFile) -> str:
    """Such as "Recognised: Binance trades, times in microseconds. CSV with commas; price from 'price', …"."""
    shape, layout = file.layout.shape, file.layout
    title = f"Recognised: {shape.preset.title}" if shape is not None else file.records.format
    fields = ", ".join(
        f"{name} from {quoted(layout.fields[name])}"
        if name in layout.fields
        else f"{name} {quoted(layout.constants[name])}"
        for name in FIELDS
        if name in layout.fields or name in layout.constants
    )
    unused = f"; unused: {', '.join(layout.unused[:SHOWN_NAMES])}" if layout.unused else ""
    commas = ", decimal commas" if file.fields.decimal == "," else ""
    return f"{title}{commas}, {_times(file)}; {fields}{unused}."


def _times(file: PriceFile) -> str:
    if "timestamp" not in file.layout.fields:
        return "stored as of the time of sending"
    if file.scan is not None and not file.scan.times:
        return "no time that can be read"
    text = f"times in {name_of(file.times.unit)}"
    return text if file.times.unit in UNITS or file.times.zone is None else f"{text}, {file.times.zone}"


def show_tally(screen: Screen, tally: Tally, files: PriceFiles) -> None:
    """The lines that failed, and how many were stored."""
    for line in tally.failed[:SHOWN_FAILURES]:
        screen.say(f"{_line(line, files)}: {line.reason}", style=BAD)
    if tally.refused > SHOWN_FAILURES:
        screen.say(f"… and {tally.refused - SHOWN_FAILURES} more (--output json lists them)")
    if tally.differing:
        screen.say(
            f"Of the duplicates, {pluralize(tally.differing, 'has', 'have')} another price or volume than is "
            "stored under the same id: what was stored first stays.",
            style=BAD,
        )
    screen.data(f"{tally.stored} stored, {tally.duplicate} duplicates, {tally.refused} failed")


def _line(line: BadLine, files: PriceFiles) -> str:
    file = next((candidate for candidate in files.files if candidate.name == line.file), files.files[0])
    place = f"{file.records.counted_in} {line.line}"
    return place if len(files.files) == 1 else f"{line.file}, {place}"


def tally_document(tally: Tally, files: PriceFiles) -> dict[str, Any]:
    """The same for a machine, with the lines that failed."""
    return {
        "stored": tally.stored,
        "duplicate": tally.duplicate,
        "differing": tally.differing,
        "refused": tally.refused,
        "failed": [_bad_line_document(line) for line in tally.failed],
        "last_line": tally.last_line,
        "files": _sources(files),
        "passed_over": list(files.passed_over),
    }


def _bad_line_document(line: BadLine) -> dict[str, Any]:
    return {"file": line.file, "line": line.line, "reason": line.reason}


def _sources(files: PriceFiles) -> list[dict[str, Any]]:
    return [
        {
            "name": file.name,
            "format": file.records.format,
            "recognised": None if file.layout.shape is None else file.layout.shape.preset.title,
            "fields": dict(file.layout.fields),
            "constants": dict(file.layout.constants),
            "unused": list(file.layout.unused),
            "time_unit": file.times.unit if "timestamp" in file.layout.fields else None,
            "records": None if file.scan is None else file.scan.records,
        }
        for file in files.files
    ]


def show_preview(screen: Screen, preview: Preview, files: PriceFiles) -> None:
    """The first and the last prices as they would be stored, and what would be refused."""
    rows = [_row(price) for price in preview.first]
    if preview.prices > len(preview.first) + len(preview.last):
        rows.append(("…", *[""] * (len(COLUMNS) - 1)))
    rows += [_row(price) for price in preview.last]
    if rows:
        screen.table([Column(name, right=name in NUMBERS, rank=RANKS.get(name, 0)) for name in COLUMNS], rows)
    for lines in preview.reasons.values():
        more = f" ({lines.count} like this)" if lines.count > 1 else ""
        screen.say(f"{_line(lines.first_line, files)}: {lines.first_line.reason}{more}", style=BAD)
    times = (
        ""
        if preview.from_ms is None or preview.to_ms is None
        else (f", from {iso_of_ms(preview.from_ms)} to {iso_of_ms(preview.to_ms)}")
    )
    screen.data(
        f"{preview.prices} would be sent{times}; {preview.refused} would be refused. Nothing was sent."
    )


def _row(outgoing: OutgoingPrice) -> Sequence[str]:
    document = _price(outgoing)
    document |= {"price": number_text(outgoing.price.price), "volume": number_text(outgoing.price.volume)}
    return tuple("" if document[name] is None else str(document[name]) for name in COLUMNS)


def _price(outgoing: OutgoingPrice) -> dict[str, Any]:
    price = outgoing.price
    return {
        "line": outgoing.line,
        "symbol": price.symbol,
        "time": iso_of_ms(price.timestamp_ms),
        "timestamp": price.timestamp_ms,
        "price": plain(price.price),
        "volume": plain(price.volume),
        "exchange": price.exchange,
        "id": price.id,
        "occurrence": outgoing.occurrence if outgoing.occurrence > 1 else None,
    }


def preview_document(preview: Preview, files: PriceFiles) -> dict[str, Any]:
    """The same for a machine."""
    return {
        "prices": preview.prices,
        "refused": preview.refused,
        "first": [_price(price) for price in preview.first],
        "last": [_price(price) for price in preview.last],
        "earliest": None if preview.from_ms is None else iso_of_ms(preview.from_ms),
        "latest": None if preview.to_ms is None else iso_of_ms(preview.to_ms),
        "reasons": [
            {"count": lines.count, **_bad_line_document(lines.first_line)}
            for lines in preview.reasons.values()
        ],
        "files": _sources(files),
        "passed_over": list(files.passed_over),
    }


@contextmanager
def sending_bar(screen: Screen, files: PriceFiles) -> Iterator[Callable[[Tally], None]]:
    """A progress bar; gives the function that moves it."""
    counts = [file.scan.records if file.scan is not None else None for file in files.files]
    total = None if None in counts else sum(count for count in counts if count is not None)
    name = files.files[0].name if len(files.files) == 1 else f"{len(files.files)} files"
    with progress_bar(screen, name, total) as move:
        yield lambda tally: move(completed=tally.handled)
