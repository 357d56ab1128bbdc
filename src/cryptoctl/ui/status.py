"""An environment as it stands, and the checks of `doctor`, for a person and for a machine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.text import Text

from cryptoctl.ops.doctor import Check, CheckResult
from cryptoctl.ops.overview import NEWEST_ERRORS, Overview, next_steps
from cryptoctl.ops.status import ResourceState
from cryptoctl.ops.symbols import symbol_document
from cryptoctl.ops.times import iso_of_ms, time_text
from cryptoctl.ui.plans import sentence
from cryptoctl.ui.screen import Screen, printable
from cryptoctl.ui.styles import BAD, DOUBTFUL, GOOD, VERY_BAD
from cryptoctl.ui.symbols import show_symbols
from cryptoctl.ui.tables import Column
from cryptoctl.ui.text import age
from cryptoctl.wording import pluralize

STATES = {
    ResourceState.PRESENT: GOOD,
    ResourceState.DRIFTED: DOUBTFUL,
    ResourceState.MISSING: BAD,
    ResourceState.FOREIGN: BAD,
    ResourceState.ORPHANED: DOUBTFUL,
}
VERDICTS = {CheckResult.GOOD: GOOD, CheckResult.UNKNOWN: DOUBTFUL, CheckResult.BAD: VERY_BAD}
ERRORS_INDENT = 9
PARTLY_READ = "Of the last hour's log only a part was read, and there may be more"
OLDER_ERRORS = "`cryptoctl logs --level error --since 1h`"


def verdict(overview: Overview, location: str) -> Text:
    """The environment in one sentence."""
    resources = overview.inventory.resources
    dead = overview.dead_letters
    parts = [f"{overview.as_configured} of {len(resources)} resources as configured"]
    parts.append(f"{dead or 'no'} dead letter{'s' * (dead != 1)}")
    if overview.last_price_ms is not None:
        parts.append(f"last price {age(overview.at_ms - overview.last_price_ms)} ago")
    elif overview.symbols is not None:
        parts.append("no price in the last hour")
    mark, style = ("!", VERY_BAD) if overview.concerns else ("✓", f"bold {GOOD}")
    return Text.assemble((f"{mark} ", style), (f"{location}: {', '.join(parts)}", "bold"))


def show_concerns(screen: Screen, overview: Overview, location: str) -> None:
    """The verdict, then what needs attention, and the commands that go on from there."""
    screen.sentence(verdict(overview, location))
    for each in overview.concerns:
        what = printable(f"{each.subject}  {each.what}")
        screen.sentence(Text.assemble(("! ", BAD), what))
    for hint in next_steps(overview.concerns):
        screen.sentence(Text(f"→ {printable(screen.hint(hint))}"))
    for note in overview.inventory.notes:
        screen.warn(sentence(note))
    if overview.unread:
        screen.warn(f"These credentials may not read {', '.join(overview.unread)}.")
    if overview.incomplete:
        screen.warn(f"{PARTLY_READ}: {', '.join(overview.incomplete)}.")


def show_all(screen: Screen, overview: Overview) -> None:
    """Resources, queues, stream mapping, rates, symbols, errors."""
    rows = [
        [each.name, Text(each.state, style=STATES[each.state]), ", ".join(each.differs)]
        for each in overview.inventory.resources
    ]
    screen.table([Column("resource", cut=24), "state", Column("differs", cut=16)], rows)
    for queue in overview.queues:
        delayed = f", {queue.delayed} delayed" if queue.delayed else ""
        screen.words(f"{queue.name}: {queue.visible} waiting, {queue.in_flight} in flight{delayed}")
    lag_s = overview.activity.iterator_age_s if overview.activity else None
    for mapping in overview.mappings:
        lag = "" if lag_s is None else f"; iterator age {lag_s:.1f} s"
        result = mapping.last_result or "none yet"
        screen.words(f"{mapping.name}: {mapping.state}; last result: {result}{lag}")
    if overview.alarms:
        raised = sum(each.raised for each in overview.alarms)
        screen.data(f"{pluralize(len(overview.alarms), 'alarm')}: {raised or 'none'} raised")
    for each in overview.activity.functions if overview.activity else ():
        screen.words(
            f"{each.function}: {pluralize(round(sum(each.prices)), 'price')} and "
            f"{pluralize(round(sum(each.errors)), 'failed invocation')} of {sum(each.invocations):.0f} "
            "in the last hour"
        )
    if overview.symbols:
        show_symbols(screen, overview.symbols, overview.at_ms)
    if overview.more_symbols:
        screen.data(screen.hint(f"… and {overview.more_symbols} more: `cryptoctl symbols`"))
    errors = error_lines(overview)
    if len(errors) > NEWEST_ERRORS:
        screen.data(screen.hint(f"{len(errors) - NEWEST_ERRORS} older errors: {OLDER_ERRORS}"))
    for line in errors[-NEWEST_ERRORS:]:
        screen.sentence(line, ERRORS_INDENT)


def error_lines(overview: Overview) -> list[Text]:
    """Each error once, as it was logged last, with how often that was in the last hour; the newest last."""
    lines = []
    for error, count in overview.distinct_errors:
        time = time_text(error.time_ms)[11:19]
        function = f"{error.function} × {count} " if count > 1 else f"{error.function} "
        lines.append(Text.assemble((f"{time} ", "dim"), function, ("ERROR ", BAD), printable(error.text)))
    return lines


def overview_document(screen: Screen, overview: Overview, location: str) -> dict[str, Any]:
    """The members of `status --output json` but the engine."""
    activity = overview.activity
    return {
        "verdict": verdict(overview, location).plain[2:],
        "concerns": [
            {"subject": each.subject, "what": each.what, "next": screen.hint(each.hint)}
            for each in overview.concerns
        ],
        "resources": [
            {"resource": each.name, "state": each.state, "differs": list(each.differs)}
            for each in overview.inventory.resources
        ],
        "queues": [
            {
                **vars(each),
                "oldest_s": activity.oldest_s.get(each.name) if activity else None,
                "cause": overview.cause(each.name),
            }
            for each in overview.queues
        ],
        "mappings": [
            {**vars(each), "iterator_age_s": activity.iterator_age_s if activity else None}
            for each in overview.mappings
        ],
        "alarms": [
            {
                "alarm": each.name,
                "state": each.state,
                "since": iso_of_ms(each.since_ms),
                "meaning": each.meaning,
                "next": screen.hint(each.command),
                "reason": each.reason,
            }
            for each in overview.alarms or ()
        ],
        "functions": [vars(each) for each in (activity.functions if activity else ())],
        "symbols": [symbol_document(each) for each in overview.symbols or ()],
        "more_symbols": overview.more_symbols,
        "errors": [
            {"time": iso_of_ms(each.time_ms), "function": each.function, "text": each.text}
            for each in overview.errors or ()
        ],
        "notes": list(overview.inventory.notes),
        "unread": list(overview.unread),
        "incomplete": list(overview.incomplete),
    }


def show_checks(screen: Screen, checks: Sequence[Check]) -> None:
    """One check a line, and what to do below it."""
    # No table: what AWS says can be long, and would push the next step out of sight.
    width = max(len(each.what) for each in checks)
    for each in checks:
        name, space = each.what.ljust(width), " " * (len(CheckResult.UNKNOWN) - len(each.result))
        beginning = Text.assemble(f"{name}  ", (each.result, VERDICTS[each.result]), f"{space}  ")
        indent = beginning.cell_len
        screen.sentence(beginning + Text(printable(each.detail)), indent)
        if each.advice:
            screen.sentence(Text(f"{' ' * indent}→ {printable(screen.hint(each.advice))}"), indent + 2)


def checks_document(screen: Screen, checks: Sequence[Check]) -> list[dict[str, str]]:
    """The checks for a machine."""
    return [
        {
            "what": each.what,
            "result": each.result,
            "detail": each.detail,
            "advice": screen.hint(each.advice),
        }
        for each in checks
    ]
