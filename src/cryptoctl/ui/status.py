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
    dead_letters = overview.dead_letters
    parts = [f"{overview.as_configured} of {len(resources)} resources as configured"]
    parts.append(f"{dead_letters or 'no'} dead letter{'s' * (dead_letters != 1)}")
    if overview.last_price_ms is not None:
        parts.append(f"last price {age(overview.at_ms - overview.last_price_ms)} ago")
    elif overview.symbols is not None:
        parts.append("no price in the last hour")
    mark, style = ("!", VERY_BAD) if overview.concerns else ("✓", f"bold {GOOD}")
    return Text.assemble((f"{mark} ", style), (f"{location}: {', '.join(parts)}", "bold"))


def show_concerns(screen: Screen, overview: Overview, location: str) -> None:
    """The verdict, then what needs attention, and the commands that go on from there."""
    screen.sentence(verdict(overview, location))
    for concern in overview.concerns:
        text = printable(f"{concern.subject}  {concern.description}")
        screen.sentence(Text.assemble(("! ", BAD), text))
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
        [resource.name, Text(resource.state, style=STATES[resource.state]), ", ".join(resource.differs)]
        for resource in overview.inventory.resources
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
        raised = sum(alarm.raised for alarm in overview.alarms)
        screen.data(f"{pluralize(len(overview.alarms), 'alarm')}: {raised or 'none'} raised")
    for function in overview.activity.functions if overview.activity else ():
        screen.words(
            f"{function.function}: {pluralize(round(sum(function.prices)), 'price')} and "
            f"{pluralize(round(sum(function.errors)), 'failed invocation')} of "
            f"{sum(function.invocations):.0f} in the last hour"
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
            {"subject": concern.subject, "what": concern.description, "next": screen.hint(concern.hint)}
            for concern in overview.concerns
        ],
        "resources": [
            {"resource": resource.name, "state": resource.state, "differs": list(resource.differs)}
            for resource in overview.inventory.resources
        ],
        "queues": [
            {
                **vars(queue),
                "oldest_s": activity.oldest_s.get(queue.name) if activity else None,
                "cause": overview.cause(queue.name),
            }
            for queue in overview.queues
        ],
        "mappings": [
            {**vars(mapping), "iterator_age_s": activity.iterator_age_s if activity else None}
            for mapping in overview.mappings
        ],
        "alarms": [
            {
                "alarm": alarm.name,
                "state": alarm.state,
                "since": iso_of_ms(alarm.since_ms),
                "meaning": alarm.meaning,
                "next": screen.hint(alarm.command),
                "reason": alarm.reason,
            }
            for alarm in overview.alarms or ()
        ],
        "functions": [vars(function) for function in (activity.functions if activity else ())],
        "symbols": [symbol_document(symbol) for symbol in overview.symbols or ()],
        "more_symbols": overview.more_symbols,
        "errors": [
            {"time": iso_of_ms(error.time_ms), "function": error.function, "text": error.text}
            for error in overview.errors or ()
        ],
        "notes": list(overview.inventory.notes),
        "unread": list(overview.unread),
        "incomplete": list(overview.incomplete),
    }


def show_checks(screen: Screen, checks: Sequence[Check]) -> None:
    """One check a line, and what to do below it."""
    # No table: what AWS says can be long, and would push the next step out of sight.
    width = max(len(check.name) for check in checks)
    for check in checks:
        name, space = check.name.ljust(width), " " * (len(CheckResult.UNKNOWN) - len(check.result))
        beginning = Text.assemble(f"{name}  ", (check.result, VERDICTS[check.result]), f"{space}  ")
        indent = beginning.cell_len
        screen.sentence(beginning + Text(printable(screen.hint(check.detail))), indent)
        if check.advice:
            screen.sentence(Text(f"{' ' * indent}→ {printable(screen.hint(check.advice))}"), indent + 2)


def checks_document(screen: Screen, checks: Sequence[Check]) -> list[dict[str, str]]:
    """The checks for a machine."""
    return [
        {
            "what": check.name,
            "result": check.result,
            "detail": screen.hint(check.detail),
            "advice": screen.hint(check.advice),
        }
        for check in checks
    ]
