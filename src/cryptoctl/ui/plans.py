"""Plans and their results, for a person and for a machine."""

from __future__ import annotations

import json
from itertools import takewhile

from rich.text import Text

from cryptoctl.ops.cost.difference import cost_difference, cost_sentences
from cryptoctl.reconcile.execute import Report
from cryptoctl.reconcile.plan import Action, Goal, Plan, Step, shown_change, shown_params
from cryptoctl.reconcile.values import Value
from cryptoctl.ui.screen import Screen, printable
from cryptoctl.ui.styles import BAD, GOOD, NOTE
from cryptoctl.wording import capitalised

MARKS = {
    Action.CREATE: ("+", GOOD),
    Action.UPDATE: ("~", NOTE),
    Action.REPLACE: ("±", BAD),
    Action.DELETE: ("-", BAD),
    Action.REFUSED: ("!", BAD),
}
MAX_VALUE_LENGTH = 60


def show_plan(screen: Screen, plan: Plan, *, environment: str, answer: bool = False) -> None:
    """The plan for a person: what happens to which resource, and why.

    It goes to stdout where it is the command's answer, else to stderr.
    """
    write = screen.line if answer else screen.message
    for step in (*plan.work, *plan.refused):
        mark, style = MARKS[step.action]
        why = printable(reason(step))
        write(Text.assemble((f"{mark} ", style), printable(str(step.resource)), (f"  {why}", "dim")))
        for change in step.changes:
            if step.action is not Action.REFUSED:
                old, new = shown_change(step, change)
                path, (before, after) = f"    {printable(change.path)}: ", brief_change(old, new)
                write(Text.assemble(path, (before, BAD), " → ", (after, NOTE)))
        if screen.verbose:
            for call in step.calls:
                write(Text(f"    {call} {brief(shown_params(step, call), 400)}", style="dim"))
    for obstacle in plan.obstacles:
        write(Text(printable(screen.hint(f"! {obstacle}")), style=BAD))
    for note in plan.notes:
        write(Text(printable(screen.hint(sentence(note))), style=NOTE))
    if cost := cost_sentences(cost_difference(plan)):
        write(Text(f"Cost: {screen.hint(cost)}"))
    write(Text(f"{summary(plan)} ({environment}, plan {plan.fingerprint})"))


def show_new_notes(screen: Screen, before: Plan, after: Plan) -> None:
    """The notes that the plan before could not have; what it said stands above."""
    for note in after.notes:
        if note not in before.notes:
            screen.warn(sentence(note))


def sentence(note: str) -> str:
    """A note as a sentence of its own."""
    return f"{capitalised(note).removesuffix('.')}."


def reason(step: Step) -> str:
    """What happens to the resource, and why."""
    if step.action is Action.REFUSED:
        return step.reason
    return f"{step.action}: {step.reason}" if step.reason else str(step.action)


def summary(plan: Plan) -> str:
    """How much there is to do, in one sentence."""
    parts = [_work(plan)] if plan.work else []
    if plan.refused:
        parts.append(f"{len(plan.refused)} refused")
    if plan.refused or plan.obstacles:
        command = "up" if plan.goal is Goal.PRESENT else "down"
        parts.append(f"`{command}` would not start")
    return "; ".join(parts) or "Nothing to do"


def _work(plan: Plan) -> str:
    counts = {action: sum(step.action is action for step in plan.work) for action in MARKS}
    actions = ", ".join(f"{count} to {action}" for action, count in counts.items() if count)
    calls = sum(len(step.calls) for step in plan.work)
    return f"{actions}; {calls} call{'s' * (calls != 1)}"


def plan_document(plan: Plan) -> dict[str, Value]:
    """The plan for a machine."""
    return {
        "goal": plan.goal,
        "fingerprint": plan.fingerprint,
        "obstacles": [str(obstacle) for obstacle in plan.obstacles],
        "notes": list(plan.notes),
        "cost": _cost(plan),
        "steps": [
            {
                "resource": str(step.resource),
                "action": step.action,
                "why": step.reason or None,
                "changes": [
                    {"field": change.path, "old": old, "new": new}
                    for change in step.changes
                    for old, new in [shown_change(step, change)]
                ],
                "calls": [
                    {"service": call.service, "operation": call.operation, "params": shown_params(step, call)}
                    for call in step.calls
                ],
            }
            for step in plan.steps
        ],
    }


def _cost(plan: Plan) -> dict[str, Value]:
    difference = cost_difference(plan)
    return {
        "fixed_usd_a_month": round(difference.usd, 4),
        "fixed": [vars(cost) for cost in difference.fixed],
        "by_use": difference.by_use,
        "prices_of": difference.prices_of,
    }


def brief(value: Value, longest: int = MAX_VALUE_LENGTH) -> str:
    """A value in a few words."""
    return _cut(_as_text(value), longest)


def brief_change(old: Value, new: Value, longest: int = MAX_VALUE_LENGTH) -> tuple[str, str]:
    """Two values in a few words each, so that it is seen in what they differ."""
    texts = [_as_text(value) for value in (old, new)]
    common = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(*texts, strict=False)))
    if common < longest - 1:
        return _cut(texts[0], longest), _cut(texts[1], longest)
    start = common - longest // 4
    before, after = (_cut("…" + text[start:], longest) for text in texts)
    return before, after


def _as_text(value: Value) -> str:
    if value is None:
        return "absent"
    return value if isinstance(value, str) else json.dumps(value)


def _cut(text: str, longest: int) -> str:
    return printable(text if len(text) <= longest else text[: longest - 1] + "…")


def results_document(screen: Screen, report: Report) -> list[Value]:
    """How each step ended, for a machine."""
    return [
        {
            "resource": str(result.step.resource),
            "action": result.step.action,
            "outcome": result.outcome,
            "seconds": round(result.seconds, 3),
            "problem": result.problem or None,
            "next": screen.hint(result.hint) or None,
        }
        for result in report.results
    ]
