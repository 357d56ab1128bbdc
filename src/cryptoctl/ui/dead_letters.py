"""How dead letters are shown: causes, messages, plans, outcomes. Text from a message never makes a line."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from rich.text import Text

from cryptoctl.core.numbers import plain
from cryptoctl.ops.dead_letters.causes import SLOTS, Causes, abbreviated, most_frequent
from cryptoctl.ops.dead_letters.enriching import EnrichResult
from cryptoctl.ops.dead_letters.messages import DeadLetter, Shape
from cryptoctl.ops.dead_letters.planning import ReplayStep
from cryptoctl.ops.dead_letters.results import Outcome, ReplayListener, ReplayResult, ReplaySummary
from cryptoctl.ops.log_entries import entries, fold_repeats
from cryptoctl.ops.logs import Line
from cryptoctl.ops.times import iso_of_ms
from cryptoctl.ui.logs import show_entry
from cryptoctl.ui.screen import Screen
from cryptoctl.ui.sparklines import sparkline
from cryptoctl.ui.styles import BARS, DOUBTFUL
from cryptoctl.ui.tables import Column
from cryptoctl.ui.text import age
from cryptoctl.wording import pluralize, shortened

MAX_REASON_LENGTH = 300
MAX_BODY_LENGTH = 4_000
SHOWN_LEFT = 20
CAUSES = (
    Column("count", right=True),
    Column("queue", rank=1),
    Column("shape", rank=4),
    Column("cause", cut=30),
    Column("symbols", rank=3, cut=10),
    Column("exchanges", rank=7, cut=10),
    Column("oldest", right=True, rank=2),
    Column("newest", right=True, rank=5),
    Column("since the oldest", rank=6),
    Column("readable", rank=4),
)


def show_causes(screen: Screen, causes: Causes) -> None:
    """The queues, then the causes."""
    for name, depth in causes.depths.items():
        matching = causes.matching[name]
        delayed = f", {depth.delayed} delayed" if depth.delayed else ""
        oldest = (
            "" if matching.oldest_ms is None else f", the oldest {age(causes.at_ms - matching.oldest_ms)} old"
        )
        depths = f"{depth.visible} waiting, {depth.in_flight} in flight{delayed}"
        screen.words(f"{depth.name}: {depths}; {matching.count} match{oldest}")
    rows = [
        (
            group.count,
            cause.queue,
            cause.shape,
            cause.cause,
            most_frequent(group.symbols),
            most_frequent(group.exchanges),
            age(causes.at_ms - (group.oldest_ms or causes.at_ms)),
            age(causes.at_ms - group.newest_ms),
            Text(sparkline(causes.over_time(group), SLOTS, from_zero=True), style=BARS),
            _readable(group.readable_until_ms, causes.at_ms),
        )
        for cause, group in causes.by_frequency()
    ]
    if rows:
        screen.table(CAUSES, rows)
    if causes.unreceived:
        screen.say(str(causes.unreceived), style=DOUBTFUL)


def _readable(until_ms: int | None, now_ms: int) -> str:
    if until_ms is None:
        return ""
    return f"for {(until_ms - now_ms) / 3_600_000:.1f} h" if until_ms > now_ms else "no longer"


def letter_document(letter: DeadLetter, now_ms: int, lines: Sequence[Line], failure: str) -> dict[str, Any]:
    """An element of `peek --output json`: DeadLetter.document, `replay_failed` (text or null) and `log`.

    `log` has the request's lines: time (ISO 8601), message (the fields of a JSON line, else the text).
    """
    log = [{"time": iso_of_ms(line.time_ms), "message": line.fields or line.text} for line in lines]
    return {**letter.document(now_ms), "replay_failed": failure or None, "log": log}


def show_letter(screen: Screen, letter: DeadLetter, now_ms: int, lines: Sequence[Line], failure: str) -> None:
    """One message: what it is, why it failed, what the function logged of it."""
    message = letter.message
    screen.data(f"{message.queue} {message.id}  {letter.shape}, {age(now_ms - message.sent_ms)} old")
    facts = {
        "sent": iso_of_ms(message.sent_ms),
        "received": pluralize(message.receives, "time"),
        "function": letter.function if letter.shape is not Shape.UNKNOWN else "",
        "request": letter.request_id,
        "symbols": abbreviated(letter.symbols),
        "exchanges": abbreviated(letter.exchanges),
        "error": letter.error,
        "last replay": f"failed again: {failure}" if failure else "",
        "readable": _readable(letter.readable_until_ms(), now_ms),
    }
    for name, value in facts.items():
        if value:
            screen.words(f"  {name}: {value}")
    first, *more = _body(letter)
    screen.data(f"  body: {first}")
    for line in more:
        screen.data(f"    {line}")
    for entry in fold_repeats(entries(lines, everything=screen.verbose)):
        show_entry(screen, entry)


def _body(letter: DeadLetter) -> list[str]:
    """JSON over several lines; anything else, whose line breaks are the sender's, on one."""
    json_text = letter.content is not None
    text = json.dumps(letter.content, indent=2, ensure_ascii=False) if json_text else letter.message.body
    body = (
        text if len(text) <= MAX_BODY_LENGTH else text[:MAX_BODY_LENGTH] + "… (--output json has all of it)"
    )
    return body.split("\n") if json_text else [body]


def _head(letter: DeadLetter) -> str:
    symbols = abbreviated(letter.symbols)
    return f"{letter.message.queue} {letter.message.id} {letter.shape}{' ' + symbols if symbols else ''}"


def show_plan(screen: Screen, steps: Iterator[ReplayStep]) -> None:
    """The steps of a replay, one by one."""
    found = False
    for step in steps:
        _show_step(screen, step)
        found = True
    screen.say("Nothing was changed." if found else "No message matches.")


def step_document(step: ReplayStep) -> dict[str, Any]:
    """An element of `steps` in `replay --dry-run --output json`.

    queue, id, shape, symbols; action (a ReplayAction) and summary; resumed (begun by a replay that was
    killed); payload (text) or null; items (symbol and sort_key of each price to enrich); changes (attribute
    → DynamoDB value, null to remove it); search_table; problem (text) or null.
    """
    letter = step.letter
    return {
        "queue": letter.message.queue.value,
        "id": letter.message.id,
        "shape": letter.shape.value,
        "symbols": list(letter.symbols),
        "action": step.action.value,
        "summary": step.summary or None,
        "resumed": step.resumed,
        "payload": step.payload or None,
        "items": [{"symbol": symbol, "sort_key": plain(key)} for symbol, key in step.keys],
        "changes": dict(step.changes),
        "search_table": step.search,
        "problem": step.problem or None,
    }


def _show_step(screen: Screen, step: ReplayStep) -> None:
    if step.problem:
        screen.words(f"✗ {_head(step.letter)}  cannot be replayed: {_short(step.problem)}")
        return
    resumed = ", begun by a replay that did not end" if step.resumed else ""
    screen.words(f"→ {_head(step.letter)}  {step.summary}{resumed}")
    for symbol, number in step.keys[:SHOWN_LEFT]:
        screen.data(f"    item {symbol} at {number:f}")
    if len(step.keys) > SHOWN_LEFT:
        screen.data(f"    … and {len(step.keys) - SHOWN_LEFT} more (--output json lists all)")
    if step.changes:
        screen.data(f"    set {json.dumps(step.changes, ensure_ascii=False)}")
    if step.payload:
        screen.data(f"    payload {step.payload}")


def _show_result(screen: Screen, result: ReplayResult) -> None:
    """One message's outcome; both reasons if it stays."""
    if result.outcome is Outcome.REPLAYED:
        screen.words(f"✓ {_head(result.letter)}  {_short(result.way) or 'replayed'}")
        return
    screen.words(f"✗ {_head(result.letter)}  {result.outcome}")
    screen.words(f"    failed first:  {_short(result.letter.error) or 'no reason given'}")
    screen.words(f"    failed now:    {_short(screen.hint(result.reason))}")


def _show_summary(screen: Screen, summary: ReplaySummary) -> None:
    """The replay in a few lines."""
    outcomes = summary.outcomes
    parts = [f"{outcomes[Outcome.REPLAYED]} of {outcomes.total()} replayed"]
    parts += [
        f"{outcomes[outcome]} {outcome}"
        for outcome in Outcome
        if outcome is not Outcome.REPLAYED and outcomes[outcome]
    ]
    if summary.resumed:
        parts.append(f"{summary.resumed} of them begun by a replay that did not end")
    if summary.replayed_before:
        parts.append(f"{summary.replayed_before} replayed before and deleted")
    if summary.undeleted:
        parts.append(f"{summary.undeleted} replayed but not yet deleted")
    if summary.unreceived.in_flight:
        parts.append(f"{summary.unreceived.in_flight} more in flight")
    if summary.unreceived.withheld:
        parts.append(f"{summary.unreceived.withheld} more not given out by SQS")
    screen.say("; ".join(parts) + (f". Stopped: {summary.stopped}." if summary.stopped else "."))
    for way, count in summary.ways.most_common():
        screen.say(f"  {count} × {way}")


def repaired_document(screen: Screen, result: EnrichResult) -> dict[str, Any]:
    """What `repair --output json` says of it: found, enriched, gone (counts), left (each with its reason)."""
    unenriched = [
        {"symbol": symbol, "sort_key": plain(key), "reason": screen.hint(price.reason)}
        for price in result.unenriched
        for symbol, key in (price.key,)
    ]
    counts = {"found": result.tried, "enriched": result.enriched, "gone": result.deleted}
    return {**counts, "left": unenriched, "given_up": result.given_up}


def show_repaired(screen: Screen, result: EnrichResult) -> None:
    """What `dlq repair` did."""
    for price in result.unenriched[:SHOWN_LEFT]:
        screen.data(f"✗ {screen.hint(str(price))}")
    if len(result.unenriched) > SHOWN_LEFT:
        screen.data(f"… and {len(result.unenriched) - SHOWN_LEFT} more (--output json lists all)")
    screen.data(f"Enriched: {result.enriched} of {pluralize(result.tried, 'price')} that needed it.")


def _short(text: str) -> str:
    return shortened(text, MAX_REASON_LENGTH)


class ReplayScreen(ReplayListener):
    """A replay as it runs: each outcome on stdout, and a progress bar.

    For a machine, an item of `results` each (ReplayResult.document), so that memory stays flat.
    """

    def __init__(self, screen: Screen, move_bar: Callable[..., None]) -> None:
        self._screen, self._move_bar = screen, move_bar
        self._tried = 0

    def collecting(self, count: int) -> None:
        """Counts on the bar."""
        self._move_bar(completed=count)

    def started(self, total: int) -> None:
        """Gives the bar its total."""
        self._move_bar(description="replaying", total=total, completed=self._tried)

    def searching(self, units: int) -> None:
        """Says what the search costs before it is made."""
        self._screen.say(
            f"The stream no longer holds some records: the whole table is searched for prices that are "
            f"not enriched, which costs about {units} read units."
        )

    def ended(self, result: ReplayResult) -> None:
        """A line, or an element of the JSON document's list."""
        self._tried += result.outcome is not Outcome.NOT_TRIED
        if self._screen.is_json:
            document = result.document()
            reason = document["reason_now"] and self._screen.hint(document["reason_now"])
            self._screen.item("results", {**document, "reason_now": reason})
        elif result.outcome is not Outcome.NOT_TRIED:  # those are counted at the end; there may be thousands
            _show_result(self._screen, result)
        self._move_bar(completed=self._tried)

    def cut_short(self) -> None:
        """Says how far a replay came that an error or Ctrl-C ends."""
        if self._tried:
            tried = pluralize(self._tried, "message was", "messages were")
            self._screen.say(
                f"{tried} tried by then; the same command goes on there, and stores nothing twice."
            )

    def close(self, summary: ReplaySummary) -> None:
        """The summary, for a person."""
        if not self._screen.is_json:
            _show_summary(self._screen, summary)
