"""A plan for a pull request, and as a graph: Markdown and Mermaid that no text from AWS breaks."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from cryptoctl.ops.cost.difference import cost_difference, cost_sentences
from cryptoctl.reconcile.graph import needed
from cryptoctl.reconcile.plan import Action, Plan, Step, shown_change
from cryptoctl.ui.markdown_text import code, plain_text
from cryptoctl.ui.plans import MARKS, brief_change, reason, sentence, summary
from cryptoctl.ui.screen import Screen, printable

MAX_VALUE_LENGTH = 200
COLOURS = {
    Action.CREATE: "stroke:#2da44e",
    Action.UPDATE: "stroke:#bf8700",
    Action.REPLACE: "stroke:#cf222e",
    Action.DELETE: "stroke:#cf222e,stroke-dasharray:4",
    Action.REFUSED: "stroke:#cf222e,stroke-width:3px",
}


def markdown(screen: Screen, plan: Plan, *, environment: str, options: Sequence[str] = ()) -> str:
    """What would change, why, the notes, and the command that applies just this, if `up` would do anything.

    `options` are those of `plan` without which `up` would make another plan.
    """
    return "\n\n".join(_blocks(screen, plan, environment, options)) + "\n"


def _blocks(screen: Screen, plan: Plan, environment: str, options: Sequence[str]) -> Iterator[str]:
    yield f"### Plan for {plain_text(environment)}"
    yield f"{plain_text(summary(plan))}."
    if steps := (*plan.work, *plan.refused):
        yield "\n".join(["| | resource | why | change |", "|---|---|---|---|", *map(_row, steps)])
    for obstacle in plan.obstacles:
        yield f"**{plain_text(screen.hint(str(obstacle)))}**"
    for note in plan.notes:
        yield plain_text(screen.hint(sentence(note)))
    if cost := cost_sentences(cost_difference(plan)):
        yield f"Cost: {screen.hint(cost)}"  # nothing in it is from the wire
    if plan.work and not (plan.refused or plan.obstacles):
        words = shlex.join(["up", "--expect", plan.fingerprint, *options])
        # Where a person pastes it, they are asked; what is to run without being asked they write themselves.
        question = " It asks first; where there is no terminal, add `--yes`." if plan.consents else ""
        yield f"Apply exactly this plan with {screen.hint(f'`cryptoctl {words}`')}.{question}"


def _row(step: Step) -> str:
    changes = [
        f"{code(change.path)}: {code(before)} → **{code(after)}**"
        for change in step.changes
        if step.action is not Action.REFUSED
        for before, after in [brief_change(*shown_change(step, change), MAX_VALUE_LENGTH)]
    ]
    cells = (
        MARKS[step.action][0],
        plain_text(str(step.resource)),
        plain_text(reason(step)),
        "<br>".join(changes),
    )
    return f"| {' | '.join(cells)} |"


def mermaid(plan: Plan) -> str:
    """Every resource with what it needs; what the plan would do to it stands in it and colours its border."""
    return "\n".join(_mermaid(plan)) + "\n"


def _mermaid(plan: Plan) -> Iterator[str]:
    yield "flowchart LR"
    names = {step.resource: f"r{number}" for number, step in enumerate(plan.steps)}
    for step in plan.steps:
        suffix = "" if step.action is Action.NOTHING else f"<br>{step.action}"
        yield f'  {names[step.resource]}["{_entity(str(step.resource))}{suffix}"]'
    for step in plan.steps:
        for dependency in needed(step.resource):
            if dependency in names:
                yield f"  {names[dependency]} --> {names[step.resource]}"
    for step in plan.steps:
        if step.action in COLOURS:
            yield f"  style {names[step.resource]} {COLOURS[step.action]}"


def _entity(text: str) -> str:
    """Text in Mermaid: every character that could be more than text by its number."""
    return "".join(
        character if character.isalnum() or character in " /_.-" else f"#{ord(character)};"
        for character in printable(text)
    )
