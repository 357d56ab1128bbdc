"""cryptoctl outputs: what other systems need to know."""

from __future__ import annotations

from cryptoctl.cli.app import app
from cryptoctl.cli.command import Run, command
from cryptoctl.errors import Failure, Problem
from cryptoctl.reconcile.observe import observe
from cryptoctl.reconcile.permissions import Access
from cryptoctl.reconcile.planner import known_values
from cryptoctl.reconcile.values import refs, resolve
from cryptoctl.ui.outputs import show_outputs


@command(app, "outputs", access=Access.DESCRIBE, example="cryptoctl outputs --output json")
def outputs(run: Run) -> None:
    """Show the environment's names and ARNs; with --output json as one flat object."""
    stack = run.session.stack
    assigned = [resource for resource in stack if any(ref.of is resource for ref in refs(stack.outputs))]
    needed = [stack.webhook, stack.enricher, stack.prices, stack.success, *assigned]
    seen = observe(needed, run.session.aws)
    missing = [str(resource) for resource, observed in seen.items() if observed is None]
    if missing:
        raise Failure(
            Problem.FAILED,
            f"{run.session.place} is not up: missing {', '.join(missing)}.",
            f"Run `cryptoctl up --env {run.session.environment}`.",
        )
    known = known_values(seen)
    values = resolve(stack.outputs, lambda ref: known[ref])
    if run.machine:
        run.screen.json(values)
    else:
        show_outputs(run.screen, values)
