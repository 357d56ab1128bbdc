"""cryptoctl plan: what `up` would do, and no writes."""

from __future__ import annotations

from typing import Annotated

import typer

from cryptoctl.cli.apply import chosen, orphans, plan_with_tags
from cryptoctl.cli.command import CommandRun, command
from cryptoctl.cli.options import Adopt, Only, OutputFormat
from cryptoctl.errors import ExitCode
from cryptoctl.reconcile.observe import make_plan
from cryptoctl.reconcile.permissions import Access
from cryptoctl.reconcile.plan import Goal, Plan
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
    resources, others = chosen(run, only or []), orphans(run, only or [])

    def replan() -> Plan:
        return make_plan(resources, run.session.aws, Goal.PRESENT, adopt=adopt, orphans=others)

    found = plan_with_tags(run, replan)
    run.set_members(plan=plan_document(found))
    if graph and not run.is_json:
        run.screen.raw(mermaid(found))
    elif run.output is OutputFormat.MARKDOWN:
        run.screen.raw(markdown(run.screen, found, environment=run.session.location))
    else:
        run.show(show_plan, found, environment=run.session.location, answer=True)
    if exit_code and (found.work or found.refused):
        raise typer.Exit(ExitCode.DIFFERENCES)
