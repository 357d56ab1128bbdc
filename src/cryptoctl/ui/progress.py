"""The progress of a plan on the screen: what each step waits for and why, how long, and how it ended."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from rich.console import Group
from rich.text import Text

from cryptoctl.reconcile.execute import StepOutcome, StepResult
from cryptoctl.reconcile.plan import Action, Step
from cryptoctl.reconcile.retry import Clock, Wait
from cryptoctl.ui.screen import Screen, printable
from cryptoctl.ui.styles import BAD, GOOD, NOTE
from cryptoctl.ui.terminal import spinner

# Without a live display: a wait is reported once it lasts this long, and again at this interval.
FIRST_TOLD_AFTER_S = 1.0
TOLD_EVERY_S = 30.0


@dataclass(kw_only=True)
class _Row:
    """One resource that is being worked on. All times are the clock's."""

    begun_s: float
    wait: Wait | None = None
    waits_since_s: float = 0.0
    told_next_s: float = 0.0

    def begin(self, wait: Wait, now_s: float) -> None:
        """Notes a wait: a new one, or the present state of the same one."""
        if self.wait is None or self.wait.reason != wait.reason:
            # The other resource has its own lines; this one's wait for it is reported only where it lasts.
            self.told_next_s = now_s + (TOLD_EVERY_S if wait.timeout_s is None else FIRST_TOLD_AFTER_S)
        self.wait, self.waits_since_s = wait, now_s - wait.waited_s

    def due(self, now_s: float) -> bool:
        """Whether the wait is to be reported now; it is then not due again for a while."""
        if self.wait is None or now_s < self.told_next_s:
            return False
        self.told_next_s = self.waits_since_s + TOLD_EVERY_S * (
            1 + (now_s - self.waits_since_s) // TOLD_EVERY_S
        )
        return True

    def wait_text(self, now_s: float) -> str:
        """The reason, the time waited so far and the timeout, as text."""
        if self.wait is None:
            return ""
        limit = "" if self.wait.timeout_s is None else f", {self.wait.timeout_s:.0f} s at most"
        return printable(f"waits for {self.wait.reason} ({now_s - self.waits_since_s:.0f} s so far{limit})")


class PlanProgress:
    """One line for each resource: live on a terminal, elsewhere lines that stay. Several threads call it."""

    def __init__(self, screen: Screen, clock: Clock) -> None:
        self._screen, self._clock = screen, clock
        self._lock = threading.Lock()
        self._rows: dict[str, _Row] = {}
        self._live = screen.can_draw

    def started(self, step: Step) -> None:
        """The step begins, or goes on after a wait."""
        with self._lock:
            self._row(step).wait = None

    def waiting(self, step: Step, wait: Wait) -> None:
        """The step waits for something that passes by itself, or for another step."""
        with self._lock:
            now_s = self._clock.now_s()
            self._row(step).begin(wait, now_s)
            due = [] if self._live else [(name, row) for name, row in self._rows.items() if row.due(now_s)]
            lines = [f"… {name}  {row.wait_text(now_s)}" for name, row in due]
        for line in lines:
            self._screen.message(Text(line))

    def ended(self, result: StepResult) -> None:
        """The step is over."""
        with self._lock:
            self._rows.pop(_name(result.step), None)
        self._screen.message(_end(result))
        self._screen.traceback(result.failure)

    def stopping(self) -> None:
        """The person asked to stop."""
        text = "Stopping: steps under way are finished, no others start. Press Ctrl-C again to stop at once."
        self._screen.message(Text(text, style=NOTE))

    def _row(self, step: Step) -> _Row:
        return self._rows.setdefault(_name(step), _Row(begun_s=self._clock.now_s()))

    def render(self) -> Group:
        """A line for each resource that is being worked on: how long it has taken, and what it waits for."""
        with self._lock:
            now_s = self._clock.now_s()
            rows = [(name, now_s - row.begun_s, row.wait_text(now_s)) for name, row in self._rows.items()]
        return Group(*(_render_row(*row) for row in rows))


def _render_row(name: str, seconds: float, waits: str) -> Text:
    return Text.assemble(
        f"{spinner(seconds)} {name}  {seconds:.0f} s", (f"  {waits}" if waits else "", "dim")
    )


def _name(step: Step) -> str:
    """A former resource has its name from the wire."""
    return printable(str(step.resource))


def _end(result: StepResult) -> Text:
    step, (mark, style, ending) = result.step, _OUTCOMES[result.outcome]
    line = Text.assemble((f"{mark} ", style), _name(step))
    if result.outcome is StepOutcome.DONE:
        return line.append(f"  {_PAST[step.action]} in {result.seconds:.1f} s", style="dim")
    problem = "" if result.outcome is StepOutcome.INTERRUPTED else f": {result.problem}"
    return line.append(printable(f"  {step.action} {ending}{problem}"), style=style)


_OUTCOMES = {
    StepOutcome.DONE: ("✓", GOOD, "done"),
    StepOutcome.FAILED: ("✗", BAD, "failed"),
    StepOutcome.BLOCKED: ("✗", NOTE, "blocked"),
    StepOutcome.INTERRUPTED: ("■", NOTE, "interrupted"),
    StepOutcome.ABANDONED: ("■", NOTE, "not waited for"),
}
_PAST = {
    Action.CREATE: "created",
    Action.UPDATE: "updated",
    Action.REPLACE: "replaced",
    Action.DELETE: "deleted",
    Action.NOTHING: "left",
    Action.REFUSED: "refused",
}
