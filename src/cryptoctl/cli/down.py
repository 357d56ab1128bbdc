"""cryptoctl down: removes everything, and proves it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from cryptoctl.cli.app import app
from cryptoctl.cli.apply import before_any_change, carry_out, check, orphans, reported
from cryptoctl.cli.command import Run, command
from cryptoctl.errors import Failure, Problem
from cryptoctl.reconcile.observe import planned
from cryptoctl.reconcile.permissions import Access
from cryptoctl.reconcile.plan import Goal, Plan
from cryptoctl.ui.plans import plan_document, sentence, show_plan

ROUNDS_AT_MOST = 3


@command(app, "down", access=Access.MANAGE, example="cryptoctl down --env dev")
def down(
    run: Run,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for the name.")] = False,
    keep_data: Annotated[bool, typer.Option("--keep-data", help="Leave the table of prices.")] = False,
) -> None:
    """Remove the environment: all its resources, in reverse order, with their data."""
    session, screen = run.session, run.screen
    if session.config.protected:
        raise Failure(
            Problem.REFUSED,
            f"The environment {session.environment} is protected. Nothing was changed.",
            "Set `protected = false` in cryptoctl.toml, run `cryptoctl up`, then `cryptoctl down`.",
        )
    with before_any_change():
        resources = [each for each in session.stack if not (keep_data and each.holds_data)]
        others = orphans(run)

        def look() -> Plan:
            return planned(resources, session.aws, Goal.ABSENT, orphans=others)

        plan = look()
        show_plan(screen, plan, environment=session.place)
        check(plan)
        if keep_data:
            # A protected environment is kept whole, not its table alone.
            check(planned(list(session.stack), session.aws, Goal.ABSENT))
        if plan.work and not yes:
            _ask(run)
    last = _remove(run, plan, look)
    leaving = _leaving(last)
    kept = [str(each) for each in session.stack if keep_data and each.holds_data]
    if run.machine:
        left = {"leaving": leaving, "kept": kept, "notes": list(last.notes)}
        screen.json({"plan": plan_document(plan), **left})
        return
    for each in leaving:
        screen.say(f"Left: {each['resource']} ({each['id']}), pending deletion until {each['gone_on']}.")
    for name in kept:
        screen.say(f"Kept: {name}, as asked.")
    for note in last.notes:
        screen.say(sentence(note), style="yellow")
    if not (leaving or kept or last.notes):
        screen.say("Nothing is left.")


def _ask(run: Run) -> None:
    name = run.session.environment
    if not run.screen.can_ask:
        raise Failure(
            Problem.REFUSED,
            f"This removes {name}, and nobody is here to be asked. Nothing was changed.",
            "Add --yes.",
        )
    if run.screen.ask(f"Type the environment's name ({name}) to remove it:").strip() != name:
        raise Failure(Problem.REFUSED, "That was another name. Nothing was changed.")


def _remove(run: Run, plan: Plan, look_again: Callable[[], Plan]) -> Plan:
    # A late log line can bring a log group back after its removal: hence another look, and another round.
    rest = plan
    for _ in range(ROUNDS_AT_MOST):
        if not rest.work:
            break
        report, rest = carry_out(run, rest, look_again)
    if rest.work:
        names = ", ".join(str(step.resource) for step in rest.work)
        advice = "Run the same command again in a minute."
        raise reported(run, plan, report, Failure(Problem.FAILED, f"AWS still shows: {names}.", advice))
    return rest


def _leaving(plan: Plan) -> list[dict[str, str]]:
    left = []
    for step in plan.steps:
        observed = step.delta.observed
        if observed is not None and observed.pending_deletion_until is not None:
            left.append(
                {
                    "resource": str(step.resource),
                    "id": next(iter(observed.outputs.values()), ""),
                    "gone_on": observed.pending_deletion_until.date().isoformat(),
                }
            )
    return left
