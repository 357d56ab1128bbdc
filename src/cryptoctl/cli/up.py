"""cryptoctl up: creates or updates everything."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from functools import partial
from typing import Annotated

import typer

from cryptoctl.cli.apply import (
    before_any_change,
    carry_out,
    check,
    plan_with_tags,
    select_resources,
    selection_options,
)
from cryptoctl.cli.command import CommandRun, command
from cryptoctl.cli.options import Adopt, Only
from cryptoctl.errors import ExitCode, Failure, InputError
from cryptoctl.provisioners.topic import subscribed_endpoints
from cryptoctl.reconcile.observe import make_plan
from cryptoctl.reconcile.permissions import Access
from cryptoctl.reconcile.plan import Goal, Plan, Step
from cryptoctl.reconcile.values import refs, resolve
from cryptoctl.settings import Target
from cryptoctl.ui.outputs import show_outputs
from cryptoctl.ui.plans import plan_document, show_new_notes, show_plan
from cryptoctl.wording import capitalised

FINGERPRINT = re.compile("[0-9a-f]{12}")


@command("up", access=Access.MANAGE, example="cryptoctl up --env dev --local")
def up(
    run: CommandRun,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Replace or delete without asking.")] = False,
    expect: Annotated[
        str | None,
        typer.Option(
            metavar="FINGERPRINT", help="Apply the plan only if it has this fingerprint, as `plan` shows it."
        ),
    ] = None,
    only: Only = None,
    adopt: Adopt = False,
) -> None:
    """Create or update the environment's resources so that they match the configuration."""
    session, screen = run.session, run.screen
    if expect is not None and not FINGERPRINT.fullmatch(expect):
        raise InputError(
            f"--expect {expect!r} is no fingerprint of a plan.",
            "It has 12 digits and letters: `cryptoctl plan` shows it at its end.",
        )
    for note in session.start_engine():
        screen.warn(note)
    with before_any_change():
        resources, orphans = select_resources(run, only or [])
        replan = partial(make_plan, resources, session.aws, Goal.PRESENT, adopt=adopt, orphans=orphans)
        plan = plan_with_tags(run, replan)
        run.set_members(plan=plan_document(plan))
        show_plan(screen, plan, environment=session.location)
        options = selection_options(only or (), adopt=adopt)
        check(plan, expect, options)
        if plan.consents and not yes:
            _ask(run, plan, options)
    session.save_last_location()
    remaining = plan
    if plan.work:
        remaining = carry_out(run, plan, partial(replan, after=plan))
        orphaned = remaining.left_by_others(plan)
        differing = [step for step in (*remaining.work, *remaining.refused) if step not in orphaned]
        if differing:
            show_plan(screen, remaining, environment=session.location)
            raise Failure(
                ExitCode.FAILED,
                f"AWS accepted every call, but these still differ: {', '.join(map(_difference, differing))}.",
                "Run `cryptoctl plan` in a minute. If it still differs, another run or tool changes it "
                "(CloudTrail says which), or AWS does not keep that value.",
            )
        for step in orphaned:
            screen.warn(
                f"Another run has left {step.resource}. Unless that run still deletes it, the next "
                "`cryptoctl up` does, after asking."
            )
        for step in plan.work:
            if step.follow_up:
                screen.warn(step.follow_up)
    # With --only, what was not looked at has no known value.
    outputs = {
        name: resolve(value, remaining.known.__getitem__)
        for name, value in session.stack.outputs.items()
        if remaining.known.keys() >= set(refs(value))
    }
    run.set_members(outputs=outputs)
    run.done("All of the plan is done", "`cryptoctl outputs` shows what `up` does at its end.")
    run.show(show_outputs, outputs)
    show_new_notes(screen, plan, remaining)
    _mention_alerts(run, remaining)


def _difference(step: Step) -> str:
    return f"{step.resource} ({', '.join(change.path for change in step.changes) or step.action})"


def _ask(run: CommandRun, plan: Plan, options: Sequence[str]) -> None:
    names = ", ".join(plan.consents)
    if not run.screen.can_ask:
        raise Failure(
            ExitCode.REFUSED,
            f"This plan would {names}, and there is no terminal to ask for confirmation. "
            "Nothing was changed.",
            f"Review it with `{shlex.join(['cryptoctl', 'plan', *options])}`, then add --yes.",
        )
    if not run.screen.ask_yes_no(f"{capitalised(names)}?"):
        raise Failure(ExitCode.REFUSED, "Nothing was changed.")


def _mention_alerts(run: CommandRun, plan: Plan) -> None:
    """Who hears of errors, as the plan has found it; nothing where it did not look at the topic."""
    alerts = run.session.stack.alerts
    observed = next((step.delta.observed for step in plan.steps if step.resource is alerts), None)
    if observed is None:
        return
    subscribers = subscribed_endpoints(observed)
    # What goes to a queue on the engine arrives in it.
    outside = ", ".join(subscriber for subscriber in subscribers if not subscriber.startswith("arn:"))
    if outside and run.session.target is Target.LOCAL:
        run.screen.say(f"Alerts to {outside} stay on this machine: `cryptoctl local outbox` shows them.")
    if not subscribers:
        run.screen.warn(
            f"No one is subscribed to the alerts ({alerts.name}), so no one is told of errors. "
            "Add alert_subscribers to cryptoctl.toml and run `cryptoctl up` again."
        )
