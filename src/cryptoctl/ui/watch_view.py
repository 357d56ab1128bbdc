"""The live screen as lines of text: the pipeline as a diagram, what needs attention, symbols, errors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from rich.text import Text

from cryptoctl.ops.activity import FunctionActivity
from cryptoctl.ops.overview import Concern, Health, Overview, health
from cryptoctl.ops.times import time_text
from cryptoctl.ui.sparklines import sparkline
from cryptoctl.ui.status import OLDER_ERRORS, error_lines, verdict
from cryptoctl.ui.styles import BAD, BARS, DOUBTFUL, GOOD, VERY_BAD
from cryptoctl.ui.symbols import COLUMNS, symbol_row
from cryptoctl.ui.tables import fitted
from cryptoctl.ui.text import age, printable
from cryptoctl.ui.wrapping import wrapped
from cryptoctl.wording import pluralize

KEYS = {"p": "plan", "d": "dlq list", "l": "logs", "r": "dlq replay"}
MAX_CONCERNS = 3
MIN_ERRORS = 2
# As many as a terminal of 80 has but for the last one, which wraps.
NARROW = 79
WIDE = 104
NAMES = ("webhook-processor", "crypto-prices", "price-enricher")
STYLES = {Health.GOOD: f"bold {GOOD}", Health.DOUBTFUL: DOUBTFUL, Health.BAD: VERY_BAD}
# What the colour says, for those who see none.
MARKS = {Health.GOOD: " ", Health.DOUBTFUL: "?", Health.BAD: "!"}


def view(
    overview: Overview,
    location: str,
    width: int,
    height: int,
    trouble: str = "",
    hint: Callable[[str], str] = str,
) -> list[Text]:
    """At most `height` lines of at most `width` cells; `hint` completes the commands in a text."""
    refreshed = f"{time_text(overview.at_ms)[11:19]} UTC"
    warning = [Text(printable(hint(trouble)), style=DOUBTFUL), Text(f"As of {refreshed}:")] if trouble else []
    head = [*warning, *wrapped(verdict(overview, location), width).split("\n"), Text("")]
    diagram = [*(_diagram(overview, width) if width >= NARROW else _list_view(overview)), Text("")]
    concerns = list(_concerns(overview.concerns, hint))
    foot = list(_foot(refreshed, width))
    room = height - len(head) - len(diagram) - len(concerns) - len(foot)
    errors = _errors(overview, max(MIN_ERRORS, room // 3), hint)
    symbols = _symbols(overview, width, room - len(errors) - 1, hint) if room - len(errors) > 2 else []
    body = [*head, *diagram, *concerns, *symbols, *errors]
    lines = [*body[: max(0, height - len(foot))], *foot[-height:]]
    for line in lines:
        line.truncate(width, overflow="ellipsis")
    return lines


def _foot(refreshed: str, width: int) -> Iterator[Text]:
    """The keys, each whole, on as many lines as that takes; beside them, where there is room, the time."""
    line = ""
    for label in (*(f"[{key}] {name}" for key, name in KEYS.items()), "[q] quit"):
        if line and len(line) + 2 + len(label) > width:
            yield Text(line)
            line = label
        else:
            line += f"  {label}" if line else label
    time = f"   as of {refreshed}"
    yield Text(line + time if len(line + time) <= width else line)


def _concerns(concerns: Sequence[Concern], hint: Callable[[str], str]) -> Iterator[Text]:
    for concern in concerns[:MAX_CONCERNS]:
        yield Text.assemble(("! ", BAD), printable(f"{concern.subject}  {concern.description}"))
    if len(concerns) > MAX_CONCERNS:
        yield _dim(hint(f"  and {len(concerns) - MAX_CONCERNS} more: `cryptoctl status`"))
    if concerns:
        yield Text("")


def _symbols(overview: Overview, width: int, room: int, hint: Callable[[str], str]) -> list[Text]:
    rows = [
        [
            cell if isinstance(cell, Text) else Text(printable(cell))
            for cell in symbol_row(symbol, overview.at_ms)
        ]
        for symbol in overview.symbols or ()
    ]
    if not rows:
        return []
    # Below the header; where some are left out, a line says how many.
    count = room - 1 if len(rows) + overview.more_symbols <= room - 1 else room - 2
    more = len(rows[count:]) + overview.more_symbols
    if count == 0:
        return [_dim(hint(f"{pluralize(more, 'symbol')}: `cryptoctl symbols`")), Text("")]
    footer = [_dim(hint(f"  and {more} more: `cryptoctl symbols`"))] if more else []
    return [*fitted(COLUMNS, rows[:count], width)[0], *footer, Text("")]


def _errors(overview: Overview, room: int, hint: Callable[[str], str]) -> list[Text]:
    """The newest ones; where some are left out, a line above says how many."""
    lines = error_lines(overview)
    if len(lines) <= room:
        return lines
    older = len(lines) - room + 1
    return [_dim(hint(f"{older} older errors: {OLDER_ERRORS}")), *lines[older:]]


def _dim(text: str) -> Text:
    return Text(printable(text), style="dim")


def _diagram(overview: Overview, width: int) -> Iterator[Text]:
    """Three boxes with arrows between them, and the dead letters below."""
    wide = width >= WIDE
    widths, bars, arrow, end = (
        ((26, 20, 20), 8, " ─▶ ", "updates") if wide else ((20, 16, 17), 5, " ▶ ", "topic")
    )
    sides = []
    for name, inner, (state, rows) in zip(NAMES, widths, _boxes(overview, bars), strict=True):
        mark, style = MARKS[state], STYLES[state]
        title = Text.assemble("┌", (mark, style), (name, style), " ", "─" * (inner - len(name) - 3), "┐")
        lines = [Text.assemble("│ ", _padded(row, inner - 2), "│") for row in rows]
        sides.append((title, *lines, Text("└" + "─" * (inner - 1) + "┘")))
    for number in range(len(sides[0])):
        line = Text("sender" if number == 1 else " " * 6)
        for side in sides:
            line.append(arrow if number == 1 else " " * len(arrow)).append_text(side[number])
        yield line.append(f"{arrow}{end}" if number == 1 else "")
    gap = widths[0] + widths[1] + 2 * len(arrow) + 2
    first, second = (_letters(overview, name) for name in (NAMES[0], NAMES[2]))
    yield Text.assemble(" " * (8 + len(arrow)), _padded(first, gap), second)


def _list_view(overview: Overview) -> Iterator[Text]:
    """The same, one under the other, where there is no room for the diagram."""
    for name, (state, rows) in zip(NAMES, _boxes(overview, 0), strict=True):
        letters = [] if name == NAMES[1] else [_letters(overview, name)]
        beginning = (f"{MARKS[state]} ", STYLES[state]), (name, STYLES[state]), " " * (19 - len(name))
        yield Text.assemble(*beginning, Text("  ").join([*letters, *rows]))


def _boxes(overview: Overview, bars: int) -> Iterator[tuple[Health, list[Text]]]:
    webhook, enricher = overview.activity.functions if overview.activity else (None, None)
    yield health(overview, "webhook-processor"), [_rate("in", webhook, bars), _failure_text(webhook, bars)]
    newest = overview.symbols[0] if overview.symbols else None
    last = "unknown" if overview.symbols is None else "no prices"
    if newest is not None:
        last = f"{age(overview.at_ms - newest.last.timestamp_ms)} ago"
    unenriched = [symbol for symbol in overview.symbols or () if not symbol.last.processed]
    # In a box of 14 characters, on a terminal that is 80 wide.
    count = len(overview.symbols or ()) if overview.more_symbols else "all"
    enriched = Text("some waiting", style=DOUBTFUL) if unenriched else Text(f"{count} enriched", style=GOOD)
    yield health(overview, "crypto-prices"), [Text(last), enriched if newest else Text("")]
    lag_s = overview.activity.iterator_age_s if overview.activity else None
    lag = Text("idle") if lag_s is None else Text(f"lag {lag_s:.1f} s", style=DOUBTFUL if lag_s > 60 else "")
    yield health(overview, "price-enricher"), [lag, _failure_text(enricher, bars)]


def _rate(name: str, activity: FunctionActivity | None, bars: int) -> Text:
    if activity is None:
        return Text(f"{name} unknown", style="dim")
    # The last minute is not over yet.
    text = Text(f"{name} {activity.prices[-2]:.0f}/min")
    return text.append(_bars(activity.prices, bars), style=BARS)


def _failure_text(activity: FunctionActivity | None, bars: int) -> Text:
    if activity is None:
        return Text("")
    failures = sum(activity.errors[-2:])
    text = Text(f"failed {failures:.0f}", style=BAD if failures else "")
    return text.append(_bars(activity.errors, bars) if failures else "")


def _bars(numbers: Sequence[float], count: int) -> str:
    """A bar for each three minutes up to now, after a space."""
    return f" {sparkline(numbers[-count * 3 :], count, from_zero=True)}" if count else ""


def _letters(overview: Overview, name: str) -> Text:
    queue = overview.dead_letter_queue(name)
    if queue is None:
        return Text("▼ no queue", style=BAD)
    count = queue.messages
    if not count:
        return Text("▼ 0", style=GOOD)
    return Text(f"▼ {count} dead letter{'s' * (count != 1)}", style=f"bold {BAD}")


def _padded(text: Text, width: int) -> Text:
    text = text.copy()
    text.truncate(width, overflow="ellipsis", pad=True)
    return text
