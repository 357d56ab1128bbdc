"""cryptoctl outputs: what other systems need to know."""

from __future__ import annotations

from cryptoctl.cli.command import CommandRun, command
from cryptoctl.errors import Failure, Problem
from cryptoctl.reconcile.observe import observe
from cryptoctl.reconcile.permissions import Access
from cryptoctl.ui.outputs import show_outputs


@command("outputs", access=Access.DESCRIBE, example="cryptoctl outputs --output json")
def outputs(run: CommandRun) -> None:
    """Show the environment's outputs: resource names and ARNs."""
    stack = run.session.stack
    named = [stack.webhook, stack.enricher, stack.prices, stack.success]
    missing = [str(resource) for resource, seen in observe(named, run.session.aws).items() if seen is None]
    if missing:
        raise Failure(
            Problem.FAILED,
            f"{run.session.location} is not deployed: missing {', '.join(missing)}.",
            f"Run `cryptoctl up --env {run.session.environment}`.",
        )
    run.answer(outputs=stack.outputs)
    if not run.machine:
        show_outputs(run.screen, stack.outputs)
