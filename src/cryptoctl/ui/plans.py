"""How a plan looks, and the life of its execution on the screen."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Mapping

from rich.live import Live
from rich.table import Table
from rich.text import Text

from cryptoctl.reconcile.execute import Outcome, Report, Result
from cryptoctl.reconcile.patience import Wait
from cryptoctl.reconcile.plan import Plan, Step, Verb
from cryptoctl.reconcile.values import Json, Ref, Value
from cryptoctl.ui.screen import Screen, printable

MARKS = {
    Verb.CREATE: ("+", "green"),
    Verb.UPDATE: ("~", "yellow"),
    Verb.REPLACE: ("±", "red"),
    Verb.DELETE: ("-", "red"),
    Verb.REFUSED: ("!", "red"),
}
LONGEST_VALUE = 60
FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


def show_plan(screen: Screen, plan: Plan, *, environment: str, answer: bool = False) -> None:
    """The plan for a person: what happens to which resource, and why.

    It goes to stdout where it is the command's answer, else to stderr.
    """
    console = screen.out if answer else screen.err
    for step in (*plan.work, *plan.refused):
        mark, style = MARKS[step.verb]
        console.print(Text.assemble((f"{mark} ", style), (str(step.resource), "bold"), f"  {_why(step)}"))
        for change in step.changes:
            if step.verb is not Verb.REFUSED:
                line = f"    {change.path}: {brief(change.old)} → {brief(change.new)}"
                console.print(Text(line, style="dim"))
        if screen.verbose:
            for call in step.calls:
                console.print(Text(f"    {call} {brief(call.params, 400)}", style="dim"))
    for obstacle in plan.obstacles:
        console.print(Text(f"! {printable(obstacle)}", style="red"))
    for note in plan.notes:
        console.print(Text(printable(f"{note[0].upper()}{note[1:]}."), style="yellow"))
    console.print(Text(f"{_summary(plan)} ({environment}, plan {plan.fingerprint})"))


def _why(step: Step) -> str:
    if step.verb is Verb.REPLACE:
        fixed = [change.path for change in step.changes if change.field in step.resource.fixed]
        return f"replace: {', '.join(fixed)} cannot be changed in place"
    if step.verb is Verb.REFUSED:
        return step.why
    return f"{step.verb}: {step.why}" if step.why else str(step.verb)


def _summary(plan: Plan) -> str:
    if not plan.work:
        return "Nothing to do"
    counts = {verb: sum(step.verb is verb for step in plan.work) for verb in MARKS}
    listed = ", ".join(f"{count} to {verb}" for verb, count in counts.items() if count)
    calls = sum(len(step.calls) for step in plan.work)
    return f"{listed}; {calls} call{'s' * (calls != 1)}"


def plan_document(plan: Plan) -> dict[str, Value]:
    """The plan for a machine."""
    return {
        "goal": plan.goal,
        "fingerprint": plan.fingerprint,
        "obstacles": list(plan.obstacles),
        "notes": list(plan.notes),
        "steps": [
            {
                "resource": str(step.resource),
                "action": step.verb,
                "why": step.why or None,
                "changes": [
                    {"field": each.path, "old": shown(each.old), "new": shown(each.new)}
                    for each in step.changes
                ],
                "calls": [
                    {"service": call.service, "operation": call.operation, "params": shown(call.params)}
                    for call in step.calls
                ],
            }
            for step in plan.steps
        ],
    }


def shown(value: Value) -> Value:
    """A value of a plan as JSON can hold it: bytes as their hash, what is not known yet in words."""
    if isinstance(value, bytes):
        return f"({len(value)} bytes, sha256 {hashlib.sha256(value).hexdigest()[:12]})"
    if isinstance(value, Ref):
        return str(value)
    if isinstance(value, Json):
        return shown(value.document)
    if isinstance(value, Mapping):
        return {key: shown(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [shown(item) for item in value]
    return value


def brief(value: Value, longest: int = LONGEST_VALUE) -> str:
    """A value in a few words."""
    if value is None:
        return "absent"
    plain = shown(value)
    text = plain if isinstance(plain, str) else json.dumps(plain, default=str)
    return printable(text if len(text) <= longest else text[: longest - 1] + "…")


class Progress:
    """One line for each resource: waiting for what, done in how long. Live on a terminal."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._lock = threading.Lock()
        self._running: dict[str, tuple[float, Wait | None]] = {}
        self._told: set[tuple[str, str]] = set()
        live = screen.err.is_terminal and not screen.machine
        self._live = Live(self, console=screen.err, transient=True, refresh_per_second=8) if live else None

    def __enter__(self) -> Progress:
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()

    def started(self, step: Step) -> None:
        """The step's first call goes out."""
        with self._lock:
            self._running[str(step.resource)] = (time.monotonic(), None)

    def waiting(self, step: Step, wait: Wait) -> None:
        """The step waits for something that passes by itself."""
        name = str(step.resource)
        with self._lock:
            begun_s, _ = self._running.get(name, (time.monotonic(), None))
            self._running[name] = (begun_s, wait)
            first = (name, wait.because) not in self._told and wait.waited_s > 1
            if first:
                self._told.add((name, wait.because))
        if first and not self._live:
            self._print(Text(f"… {name}  waits for {wait.because} (up to {wait.up_to_s:.0f} s)"))

    def ended(self, result: Result) -> None:
        """The step is over."""
        with self._lock:
            self._running.pop(str(result.step.resource), None)
        mark, style = _OUTCOMES[result.outcome]
        line = Text.assemble((f"{mark} ", style), str(result.step.resource))
        if result.outcome is Outcome.DONE:
            line.append(f"  {_PAST[result.step.verb]} in {result.seconds:.1f} s", style="dim")
        else:
            line.append(f"  {printable(result.problem)}", style=style)
        self._print(line)

    def stopping(self) -> None:
        """The person asked to stop."""
        what = "Stopping: what is under way is finished, nothing else is begun. Again, to leave it at once."
        self._print(Text(what, style="yellow"))

    def _print(self, line: Text) -> None:
        self._screen.err.print(line)

    def __rich__(self) -> Table:
        table = Table.grid(padding=(0, 1))
        with self._lock:
            running = dict(self._running)
        for name, (begun_s, wait) in running.items():
            seconds = time.monotonic() - begun_s
            what = f"waits for {wait.because} (up to {wait.up_to_s:.0f} s)" if wait else ""
            frame = FRAMES[int(seconds * 8) % len(FRAMES)]
            table.add_row(Text(frame), Text(name), Text(f"{seconds:.0f} s"), Text(what, style="dim"))
        return table


_OUTCOMES = {
    Outcome.DONE: ("✓", "green"),
    Outcome.FAILED: ("✗", "red"),
    Outcome.BLOCKED: ("✗", "yellow"),
    Outcome.INTERRUPTED: ("■", "yellow"),
    Outcome.LEFT: ("■", "yellow"),
}
_PAST = {
    Verb.CREATE: "created",
    Verb.UPDATE: "updated",
    Verb.REPLACE: "replaced",
    Verb.DELETE: "removed",
    Verb.NOTHING: "left",
    Verb.REFUSED: "refused",
}


def report_document(plan: Plan, report: Report) -> dict[str, Value]:
    """What was done, for a machine."""
    return {
        "goal": plan.goal,
        "fingerprint": plan.fingerprint,
        "results": [
            {
                "resource": str(each.step.resource),
                "action": each.step.verb,
                "outcome": each.outcome,
                "seconds": round(each.seconds, 3),
                "problem": each.problem or None,
            }
            for each in report.results
        ],
    }
