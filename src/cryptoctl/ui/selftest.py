"""The self-test on the screen, and its report as Markdown and for a machine."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from typing import Any

from rich.console import Group
from rich.text import Text

from cryptoctl.ops.selftest.claim import AwsClaim, ClaimOutcome
from cryptoctl.ops.selftest.report import SelftestReport
from cryptoctl.ops.selftest.run import ClaimResult
from cryptoctl.ops.times import iso
from cryptoctl.reconcile.retry import Clock
from cryptoctl.ui.markdown_text import code, plain_text
from cryptoctl.ui.screen import Screen, printable
from cryptoctl.ui.styles import BAD, GOOD, VERY_BAD
from cryptoctl.ui.tables import Column
from cryptoctl.ui.terminal import spinner

MARKS = {
    ClaimOutcome.HOLDS: ("✓", GOOD),
    ClaimOutcome.DIFFERS: ("✗", VERY_BAD),
    ClaimOutcome.FAILED: ("✗", BAD),
    ClaimOutcome.NOT_SHOWN: ("○", "dim"),
}
MAX_SEEN_LENGTH = 400


class ClaimProgress:
    """A line for each check that is over; on a terminal also those that are under way."""

    def __init__(self, screen: Screen, clock: Clock) -> None:
        self._screen, self._clock = screen, clock
        self._lock = threading.Lock()
        self._under_way: dict[str, float] = {}

    def started(self, claim: AwsClaim) -> None:
        """A check begins."""
        with self._lock:
            self._under_way[claim.id] = self._clock.now_s()

    def ended(self, result: ClaimResult) -> None:
        """A check is over."""
        with self._lock:
            self._under_way.pop(result.claim.id, None)
        self._screen.message(_line(result))

    def render(self) -> Group:
        """A line for each check that is under way."""
        with self._lock:
            now_s = self._clock.now_s()
            rows = [(name, now_s - begun_s) for name, begun_s in self._under_way.items()]
        return Group(*(Text(f"{spinner(seconds)} {name}  {seconds:.0f} s") for name, seconds in rows))


def _line(result: ClaimResult) -> Text:
    mark, style = MARKS[result.outcome]
    line = Text.assemble((f"{mark} ", style), printable(result.claim.id))
    line.append(f"  {result.outcome} ({result.seconds:.1f} s)", style="dim")
    if result.outcome is not ClaimOutcome.HOLDS:
        line.append(f": {printable(result.seen[:MAX_SEEN_LENGTH])}", style=style)
    return line


def show_claims(screen: Screen, claims: Iterable[AwsClaim]) -> None:
    """The claims that can be chosen."""
    screen.table(["claim", Column("says", cut=30)], [[claim.id, claim.text] for claim in claims])


def show_report(screen: Screen, report: SelftestReport) -> None:
    """How many claims there are of each outcome, and each that does not hold."""
    rows = [[Text(outcome, style=MARKS[outcome][1]), count] for outcome, count in report.counts.items()]
    screen.table(["claims", Column("number", right=True)], rows)
    for result in report.failing:
        screen.data(f"{result.claim.id}: {result.claim.text}", style=MARKS[result.outcome][1])
        screen.data(f"  seen:      {result.seen}")
        screen.data(f"  relied on: {', '.join(result.claim.relied_on)}")


def report_document(report: SelftestReport) -> dict[str, Any]:
    """The report for a machine."""
    return {
        "environment": report.environment,
        "target": report.target,
        "account": report.account,
        "region": report.region,
        "began": iso(report.began),
        "seconds": round(report.seconds, 1),
        "versions": report.versions,
        "counts": {str(outcome): count for outcome, count in report.counts.items()},
        "problems": list(report.problems),
        "claims": [
            {
                "id": result.claim.id,
                "text": result.claim.text,
                "relied_on": list(result.claim.relied_on),
                "outcome": str(result.outcome),
                "seen": result.seen,
                "seconds": round(result.seconds, 1),
            }
            for result in report.results
        ],
    }


def markdown(report: SelftestReport) -> str:
    """The report for a person; what is from the wire in it is text and nothing else."""
    return "\n".join(_markdown(report))


def _markdown(report: SelftestReport) -> Iterator[str]:
    target = "AWS" if report.target == "aws" else "the embedded engine"
    versions = ", ".join(f"{name} {number}" for name, number in report.versions.items())
    yield f"# What cryptoctl relies on, checked on {target}\n"
    yield f"{iso(report.began)}, {report.region}, account {plain_text(report.account)}. {versions}."
    yield f"The run took {report.seconds:.0f} s in the environment {report.environment}.\n"
    if report.target != "aws":
        yield "The engine imitates AWS: a claim that holds on it shows that the check works, no more.\n"
    for problem in report.problems:
        yield f"**{plain_text(problem)}**\n"
    yield "| claims | number |\n|---|---|"
    yield from (f"| {outcome} | {count} |" for outcome, count in report.counts.items())
    for outcome in (ClaimOutcome.DIFFERS, ClaimOutcome.FAILED, ClaimOutcome.HOLDS, ClaimOutcome.NOT_SHOWN):
        results = report.results_with(outcome)
        if results:
            yield f"\n## {outcome.capitalize()}\n"
            yield "| claim | says | seen | relied on |\n|---|---|---|---|"
            yield from (_row(result) for result in results)
    yield ""


def _row(result: ClaimResult) -> str:
    claim = result.claim
    cells = (
        plain_text(claim.id),
        plain_text(claim.text),
        code(result.seen),
        plain_text(", ".join(claim.relied_on)),
    )
    return f"| {' | '.join(cells)} |"
