"""cryptoctl outputs: what other systems need to know."""

from __future__ import annotations

from cryptoctl.cli.command import CommandRun, command
from cryptoctl.ops.environments import not_deployed
from cryptoctl.reconcile.observe import observe
from cryptoctl.reconcile.permissions import Access
from cryptoctl.reconcile.planner import known_values
from cryptoctl.reconcile.values import refs, resolve
from cryptoctl.ui.outputs import show_outputs


@command("outputs", access=Access.DESCRIBE, example="cryptoctl outputs --output json")
def outputs(run: CommandRun) -> None:
    """Show the environment's outputs: resource names and ARNs."""
    stack = run.session.stack
    assigned = [
        resource for resource in stack if any(ref.resource is resource for ref in refs(stack.outputs))
    ]
    needed = [stack.webhook, stack.enricher, stack.prices, stack.success, *assigned]
    observations = observe(needed, run.session.aws)
    missing = [str(resource) for resource, observed in observations.items() if observed is None]
    if missing:
        raise not_deployed(run.session.aws, run.session.scope, ", ".join(missing))
    known = known_values(observations)
    values = resolve(stack.outputs, lambda ref: known[ref])
    run.set_members(outputs=values)
    run.show(show_outputs, values)
