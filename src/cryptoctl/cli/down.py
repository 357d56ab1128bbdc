"""cryptoctl down: deletes everything, and checks that it is gone."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Annotated

import typer

from cryptoctl.cli.apply import before_any_change, carry_out_removal, check, plan_with_tags
from cryptoctl.cli.command import CommandRun, command
from cryptoctl.cli.options import Yes
from cryptoctl.errors import ExitCode, Failure
from cryptoctl.ops.environments import not_deployed
from cryptoctl.ops.times import iso
from cryptoctl.reconcile.observe import make_plan
from cryptoctl.reconcile.permissions import Access
from cryptoctl.reconcile.plan import Goal, Plan
from cryptoctl.ui.plans import plan_document, show_new_notes, show_plan


@command("down", access=Access.MANAGE, example="cryptoctl down --env dev")
def down(
    run: CommandRun,
    yes: Yes = False,
    keep_data: Annotated[bool, typer.Option("--keep-data", help="Keep the table of prices.")] = False,
) -> None:
    """Delete the environment: all its resources and their data; the key some days later."""
    session, screen = run.session, run.screen
    if session.config.protected:
        raise Failure(
            ExitCode.REFUSED,
            f"The environment {session.environment} is protected. Nothing was changed.",
            "Set `protected = false` in cryptoctl.toml, run `cryptoctl up`, then `cryptoctl down`.",
        )
    kept: list[str] = []
    with before_any_change():
        resources = [resource for resource in session.stack if not (keep_data and resource.holds_data)]
        replan = partial(make_plan, resources, session.aws, Goal.ABSENT, orphans=session.stack.orphans)
        plan = plan_with_tags(run, replan)
        run.set_members(plan=plan_document(plan))
        show_plan(screen, plan, environment=session.location)
        check(plan)
        if keep_data:
            # A protected environment is kept whole, not its table alone.
            whole_plan = make_plan(list(session.stack), session.aws, Goal.ABSENT)
            check(whole_plan)
            kept = _data_holders(whole_plan)
        if plan.work and not yes:
            _ask(run)
    last = carry_out_removal(run, plan, replan)
    run.done("All of the plan is done", "`cryptoctl envs` shows which environments there are.")
    run.set_members(pending_deletion=_pending_deletion(last), kept=kept, notes=list(last.notes))
    _say_what_is_left(run, plan, last, kept)


def _say_what_is_left(run: CommandRun, plan: Plan, last: Plan, kept: Sequence[str]) -> None:
    session, screen, pending_deletion = run.session, run.screen, _pending_deletion(last)
    for entry in pending_deletion:
        screen.say(f"Pending deletion until {entry['deleted_at'][:10]}: {entry['resource']} ({entry['id']}).")
    for name in kept:
        screen.say(f"Kept: {name}, as asked.")
    show_new_notes(screen, plan, last)
    if not plan.work and not pending_deletion:
        screen.say(not_deployed(session.aws, session.scope, "resource of it").message)
    elif not (pending_deletion or kept or last.notes):
        screen.say("Nothing is left.")


def _ask(run: CommandRun) -> None:
    name = run.session.environment
    run.screen.require_terminal(f"This deletes the environment {name}")
    answer = run.screen.ask(f"Type the environment's name ({name}) to delete it:").strip()
    if answer != name:
        reason = "The name does not match. " if answer else ""
        raise Failure(ExitCode.REFUSED, f"{reason}Nothing was changed.")


def _data_holders(plan: Plan) -> list[str]:
    """What holds data, as far as there is any."""
    steps = (step for step in plan.steps if step.resource.holds_data)
    return [str(step.resource) for step in steps if step.delta.observed is not None]


def _pending_deletion(plan: Plan) -> list[dict[str, str]]:
    deletions = []
    for step in plan.steps:
        observed = step.delta.observed
        if observed is not None and observed.pending_deletion_until is not None:
            deletions.append(
                {
                    "resource": str(step.resource),
                    "id": next(iter(observed.outputs.values()), ""),
                    "deleted_at": iso(observed.pending_deletion_until),
                }
            )
    return deletions
