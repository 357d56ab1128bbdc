"""An environment as it stands, and the checks of `doctor`."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from cryptoctl.ops.doctor import Check, Verdict
from cryptoctl.ops.status import Health, ResourceState
from cryptoctl.ui.plans import sentence
from cryptoctl.ui.screen import Screen
from cryptoctl.ui.tables import Column

STATES = {
    ResourceState.PRESENT: "green",
    ResourceState.DRIFTED: "yellow",
    ResourceState.MISSING: "red",
    ResourceState.FOREIGN: "red",
    ResourceState.ORPHANED: "yellow",
}
VERDICTS = {Verdict.GOOD: "green", Verdict.UNKNOWN: "yellow", Verdict.BAD: "red"}


def show_health(screen: Screen, found: Health) -> None:
    """Resources, queues, stream mappings, notes."""
    rows = [
        [name, Text(state, style=STATES[state]), ", ".join(fields)] for name, state, fields in found.resources
    ]
    screen.table(["resource", "state", Column("differs", cut=20)], rows)
    for queue in found.queues:
        delayed = f", {queue.delayed} delayed" if queue.delayed else ""
        screen.data(f"{queue.name}: {queue.visible} waiting, {queue.in_flight} in flight{delayed}")
    for mapping in found.mappings:
        age = "" if mapping.iterator_age_s is None else f"; iterator age {mapping.iterator_age_s:.1f} s"
        result = mapping.last_result or "none yet"
        screen.data(f"{mapping.name}: {mapping.state}; last result: {result}{age}")
    for note in found.notes:
        screen.say(sentence(note), style="yellow")


def show_checks(screen: Screen, checks: Sequence[Check]) -> None:
    """One check a line, and what to do below it."""
    # No table: what AWS says can be long, and would push the next step out of sight.
    width = max(len(each.what) for each in checks)
    for each in checks:
        beginning = f"{each.what.ljust(width)}  {each.verdict.ljust(len(Verdict.UNKNOWN))}"
        screen.data(f"{beginning}  {each.detail}", style=VERDICTS[each.verdict])
        if each.advice:
            screen.data(f"{' ' * len(beginning)}  → {screen.hint(each.advice)}")


def checks_document(screen: Screen, checks: Sequence[Check]) -> list[dict[str, str]]:
    """The checks for a machine."""
    return [
        {
            "what": each.what,
            "result": each.verdict,
            "detail": each.detail,
            "advice": screen.hint(each.advice),
        }
        for each in checks
    ]
