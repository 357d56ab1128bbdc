"""One price's way, for a person and for a machine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.text import Text

from cryptoctl.ops.log_entries import entries
from cryptoctl.ops.times import duration_text, iso_of_ms, iso_of_text, now_ms, time_text
from cryptoctl.ops.trace.events import Item, Stage, Timeline, TraceEvent
from cryptoctl.ops.trace.price_selector import item_members
from cryptoctl.ops.trace.tracing import TraceResult
from cryptoctl.ops.trace.verdict import verdict
from cryptoctl.ui.hints import command_about
from cryptoctl.ui.logs import line_document, show_entry
from cryptoctl.ui.screen import Screen, printable
from cryptoctl.ui.styles import BAD, DOUBTFUL, GOOD, NOTE, VERY_BAD
from cryptoctl.ui.tables import Column
from cryptoctl.wording import pluralize

# The longest of the names without the environment's.
MAX_NAME_LENGTH = 21
STORED_TIMES = ("created_at", "enriched_at")
DATE, TIME = slice(0, 10), slice(11, None)
STYLES = {
    Stage.FAILED: BAD,
    Stage.DEAD_LETTER: BAD,
    Stage.ANNOUNCED: GOOD,
    Stage.CORRECTED: DOUBTFUL,
    Stage.DUPLICATE: DOUBTFUL,
}
WELL = ("announced", "waiting")
PARTS = {
    "arrival_ms": "own time to arrival",
    "storing_ms": "arrival to item",
    "enriching_ms": "item to indicators",
    "total_ms": "arrival to announcement",
}


def show_trace(screen: Screen, traced: TraceResult, environment: str) -> None:
    """What became of it, its way, the item as it is stored, and the log lines."""
    conclusion = verdict(traced)
    screen.sentence(Text(printable(conclusion.text), style=NOTE if conclusion.outcome in WELL else VERY_BAD))
    if conclusion.hint:
        screen.sentence(Text(printable(screen.hint(conclusion.hint))))
    _show_timeline(screen, traced.timeline, environment)
    if traced.item is not None:
        screen.line(Text("item", style="bold"))
        for name, value in item_members(traced.item).items():
            screen.line(Text.assemble(f"  {printable(name):<14}", (printable(value), "dim")))
    _show_lines(screen, traced)


def show_request(
    screen: Screen,
    request: str,
    traced: TraceResult,
    prices: Sequence[tuple[str, str, str]],
    environment: str,
) -> None:
    """What a request did, and the prices that it names."""
    screen.data(f"Request {request}: {pluralize(len(prices), 'price')}.")
    _show_timeline(screen, traced.timeline, environment)
    if prices:
        screen.table(("symbol", "sort key", "outcome"), [[printable(cell) for cell in row] for row in prices])
        symbol, sort_key, _ = prices[0]
        command = command_about("trace", symbol, "--sort-key", sort_key)
        screen.say(f"`{printable(command)}` follows one of them.")
    _show_lines(screen, traced)


def _show_timeline(screen: Screen, timeline: Timeline, environment: str) -> None:
    """Where all of it is of one day, the day stands above it once."""
    days = {time_text(event.time_ms)[DATE] for event in timeline.events}
    with_date = len(days) > 1 or any(day[4:5] != "-" for day in days)  # one that no calendar has is a number
    columns = (
        Column("time (UTC)" if with_date else f"{''.join(days)} UTC"),
        Column("lag", right=True),
        Column("where", cut=MAX_NAME_LENGTH),
        Column("what"),
        Column("", cut=10),
    )
    screen.table(columns, [_row(event, environment, with_date=with_date) for event in timeline.events])
    lags = [
        f"{name} {duration_text(value)}"
        for member, name in PARTS.items()
        if (value := getattr(timeline, member)) is not None
    ]
    if lags:
        screen.line(Text("; ".join(lags), style="dim"))


def _row(event: TraceEvent, environment: str, *, with_date: bool) -> list[object]:
    time = time_text(event.time_ms)
    lag = "" if event.lag_ms is None else f"+{duration_text(event.lag_ms)}"
    return [
        Text(time if with_date else time[TIME], style="dim"),
        lag,
        printable(event.component.removesuffix(f"-{environment}")),
        Text(event.stage.value, style=STYLES.get(event.stage, "")),
        printable(event.detail),
    ]


def _show_lines(screen: Screen, traced: TraceResult) -> None:
    log_entries = list(entries(traced.lines, everything=screen.verbose))
    if log_entries:
        screen.line(Text("log lines", style="bold"))
    for entry in log_entries:
        show_entry(screen, entry)
    for note in traced.notes:
        screen.say(note)


def _item_document(item: Item) -> dict[str, Any]:
    members = item_members(item)
    times = {name: iso_of_text(members[name]) for name in STORED_TIMES if isinstance(members.get(name), str)}
    return {**members, **times}


def trace_document(traced: TraceResult) -> dict[str, Any]:
    """The members of `trace --output json`."""
    conclusion = verdict(traced) if traced.selector is not None else None
    return {
        "price": None if conclusion is None else {"outcome": conclusion.outcome, "message": conclusion.text},
        "item": None if traced.item is None else _item_document(traced.item),
        "events": [
            {
                "time": iso_of_ms(event.time_ms),
                "lag_ms": event.lag_ms,
                "where": event.component,
                "what": event.stage.value,
                "detail": event.detail,
                "request": event.request or None,
            }
            for event in traced.timeline.events
        ],
        "lags": {member: getattr(traced.timeline, member) for member in PARTS},
        "requests": list(traced.timeline.requests),
        "dead_letters": [letter.document(now_ms()) for letter in traced.letters],
        "lines": [line_document(line) for line in traced.lines],
        "notes": list(traced.notes),
    }
