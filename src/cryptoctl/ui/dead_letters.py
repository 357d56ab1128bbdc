"""How dead letters look: causes, messages, ends. All of it may come from the wire, so all is escaped."""

from __future__ import annotations

import json
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

from cryptoctl.ops.dead_letters.messages import Letter, Shape, iso
from cryptoctl.ops.dead_letters.overview import Survey, some
from cryptoctl.ops.dead_letters.planning import Step
from cryptoctl.ops.dead_letters.results import End, Listener, Result, Summary
from cryptoctl.ops.logs import Line, moment
from cryptoctl.ui.screen import Screen

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

LONGEST_REASON = 300
LONGEST_BODY = 4_000


def age(milliseconds: int) -> str:
    """A span of time in its two largest units."""
    seconds = max(0, milliseconds) // 1000
    for size, unit, smaller, name in ((86_400, "d", 3600, "h"), (3600, "h", 60, "m"), (60, "m", 1, "s")):
        if seconds >= size:
            rest = seconds % size // smaller
            return f"{seconds // size}{unit} {rest}{name}" if rest else f"{seconds // size}{unit}"
    return f"{seconds}s"


def show_survey(screen: Screen, survey: Survey) -> None:
    """The queues, then the causes."""
    for each in survey.queues.values():
        oldest = "" if each.oldest_ms is None else f", the oldest {age(survey.at_ms - each.oldest_ms)} old"
        screen.data(
            f"{each.queue_name}: {each.depth.visible} waiting, {each.depth.in_flight} in flight; "
            f"{each.seen} looked for{oldest}"
        )
    rows = [
        (
            group.count,
            cause.queue,
            cause.shape,
            cause.cause,
            cause.symbols,
            cause.exchanges,
            age(survey.at_ms - group.oldest_ms),
            _readable(group.readable_until_ms, survey.at_ms),
        )
        for cause, group in survey.ordered()
    ]
    if rows:
        columns = ("count", "queue", "shape", "cause", "symbol", "exchange", "oldest", "readable")
        screen.table(columns, rows, numbers=("count", "oldest"))


def _readable(until_ms: int | None, now_ms: int) -> str:
    if until_ms is None:
        return ""
    return f"{(until_ms - now_ms) / 3_600_000:.1f} h more" if until_ms > now_ms else "no longer"


def show_letter(screen: Screen, letter: Letter, now_ms: int, lines: Sequence[Line], since: str) -> None:
    """One message: what it is, why it is here, what the function logged of it."""
    message = letter.message
    screen.data(f"{message.queue} {message.id}  {letter.shape}, {age(now_ms - message.sent_ms)} old")
    facts: dict[str, Any] = {
        "sent": iso(message.sent_ms),
        "received": f"{message.receives} times",
        "function": letter.function if letter.shape is not Shape.UNKNOWN else "",
        "request": letter.request_id,
        "symbols": some(letter.symbols),
        "exchanges": some(letter.exchanges),
        "error": letter.error,
        "replayed": since,
        "readable": _readable(letter.readable_until_ms(), now_ms),
    }
    for name, value in facts.items():
        if value:
            screen.data(f"  {name}: {_indented(str(value))}")
    screen.data(f"  body: {_indented(_body(letter))}")
    for line in lines:
        screen.data(f"  log {moment(line.time_ms)}  {_indented(_said(line))}")


def _body(letter: Letter) -> str:
    text = letter.message.body
    if letter.content is not None:
        text = json.dumps(letter.content, indent=2, ensure_ascii=False)
    return text if len(text) <= LONGEST_BODY else text[:LONGEST_BODY] + "… (--output json has all of it)"


def _said(line: Line) -> str:
    """A log line in short: the handlers' lines, the runtime's and the platform's are all JSON."""
    fields = line.fields
    error = ": ".join(str(fields[name]) for name in ("errorType", "errorMessage") if fields.get(name))
    record = fields.get("record")
    platform = f"{fields.get('type')} {record.get('status', '')}" if isinstance(record, dict) else ""
    said = str(fields.get("message") or "")
    return f"{said}: {error}" if said and error else said or error or platform.strip() or line.text


def _indented(text: str) -> str:
    return text.replace("\n", "\n    ")


def show_result(screen: Screen, result: Result) -> None:
    """One message's end; both reasons where it stays."""
    letter = result.letter
    named = some(letter.symbols)
    head = f"{letter.message.queue} {letter.message.id} {letter.shape}{' ' + named if named else ''}"
    if result.end is End.BACK:
        screen.data(f"✓ {head}  {_short(result.way) or 'brought back'}")
        return
    screen.data(f"✗ {head}  {result.end}")
    screen.data(f"    was there because: {_short(letter.error) or 'no reason given'}")
    screen.data(f"    and stays because: {_short(result.reason)}")


def show_step(screen: Screen, letter: Letter, step: Step | None, reason: str) -> None:
    """What a replay would do with a message."""
    head = f"{letter.message.queue} {letter.message.id} {letter.shape}"
    if step is None:
        screen.data(f"✗ {head}  {reason}")
        return
    screen.data(f"→ {head}  {step.how}")
    if step.key is not None:
        screen.data(f"    item {step.key[0]} at {step.key[1]}")
    if step.changes:
        screen.data(f"    set {json.dumps(step.changes, ensure_ascii=False)}")
    if step.payload:
        screen.data(f"    payload {step.payload}")


def show_summary(screen: Screen, summary: Summary) -> None:
    """The replay in a few lines."""
    ends = summary.ends
    parts = [f"{ends[End.BACK]} of {summary.chosen + ends[End.UNKNOWN]} brought back"]
    parts += [f"{ends[end]} {end}" for end in End if end is not End.BACK and ends[end]]
    if summary.finished:
        parts.append(f"{summary.finished} of them begun by a replay that was killed")
    if summary.again:
        parts.append(f"{summary.again} delivered once more though brought back before, and deleted")
    if summary.undeleted:
        parts.append(f"{summary.undeleted} brought back but not yet deleted")
    screen.say("; ".join(parts) + (f". Stopped: {summary.stopped}." if summary.stopped else "."))
    for way, count in summary.ways.most_common():
        screen.say(f"  {count} × {way or 'brought back'}")


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_REASON else text[:LONGEST_REASON] + "…"


def _bar(screen: Screen) -> Progress | None:
    if screen.machine or not screen.err.is_terminal:
        return None
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=screen.err, transient=True)


_OPENING = '{"results": ['


class ReplayScreen(Listener):
    """A replay as it goes on: each message's end on stdout, a bar on stderr where that is a terminal.

    For a machine the results are written one by one too, so that memory stays flat.
    """

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._total, self._count = 0, 0
        self._bar = _bar(screen)
        self._task: TaskID | None = None

    def __enter__(self) -> ReplayScreen:
        if self._bar:
            self._bar.start()
            self._task = self._bar.add_task("collecting", total=None)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar:
            self._bar.stop()

    def collecting(self, count: int) -> None:
        """The bar counts."""
        if self._bar and self._task is not None:
            self._bar.update(self._task, completed=count)

    def started(self, total: int) -> None:
        """The bar knows its end."""
        if self._bar and self._task is not None:
            self._bar.update(self._task, description="replaying", total=total, completed=self._count)

    def searching(self, units: int) -> None:
        """Said before it is paid for."""
        self._screen.say(
            f"The stream no longer holds some records: the whole table is searched for prices that are "
            f"not enriched, which costs about {units} read units."
        )

    def ended(self, result: Result) -> None:
        """A line, or a member of the JSON document's list."""
        self._count += 1
        if self._screen.machine:
            before = ",\n  " if self._count > 1 else f"{_OPENING}\n  "
            self._screen.raw(before + json.dumps(result.document()))
        elif result.end is not End.LEFT:  # those are counted at the end; there may be thousands
            show_result(self._screen, result)
        if self._bar and self._task is not None:
            self._bar.update(self._task, completed=self._count)

    def close(self, summary: Summary) -> None:
        """The end of the JSON document, or the summary."""
        if self._screen.machine:
            before = "" if self._count else _OPENING
            self._screen.raw(f'{before}\n],\n"summary": {json.dumps(summary.document())}}}\n')
        else:
            show_summary(self._screen, summary)
