"""cryptoctl plan: what `up` would do, and no writes."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from cryptoctl.cli.apply import plan_with_tags, select_resources, selection_options
from cryptoctl.cli.command import CommandRun, command
from cryptoctl.cli.options import Adopt, Only, OutputFormat
from cryptoctl.errors import ExitCode
from cryptoctl.reconcile.observe import make_plan
from cryptoctl.reconcile.permissions import Access
from cryptoctl.reconcile.plan import Goal
from cryptoctl.ui.plan_markdown import markdown, mermaid
from cryptoctl.ui.plans import plan_document, show_plan


@command(
    "plan",
    access=Access.DESCRIBE,
    example="cryptoctl plan --env prod --exit-code",
    formats=[OutputFormat.MARKDOWN],
)
def plan(
    run: CommandRun,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="Exit with 0 if there are no changes, with 3 if there are.")
    ] = False,
    only: Only = None,
    adopt: Adopt = False,
    graph: Annotated[
        bool, typer.Option("--graph", help="Write the resources and what they need as a Mermaid graph.")
    ] = False,
) -> None:
    """Show what `up` would do; with --verbose each API call. Changes nothing."""
    run.screen.finishes = True  # a reader that leaves does not change the exit code
    resources, orphans = select_resources(run, only or [])
    replan = partial(make_plan, resources, run.session.aws, Goal.PRESENT, adopt=adopt, orphans=orphans)
    plan = plan_with_tags(run, replan)
    run.set_members(plan=plan_document(plan))
    if graph and not run.is_json:
        run.screen.raw(mermaid(plan))
    elif run.output is OutputFormat.MARKDOWN:
        options = selection_options(only or (), adopt=adopt)
        run.screen.raw(markdown(run.screen, plan, environment=run.session.location, options=options))
    else:
        run.show(show_plan, plan, environment=run.session.location, answer=True)
    if exit_code and (plan.work or plan.refused):
        raise typer.Exit(ExitCode.DIFFERENCES)
