"""cryptoctl iam-policy: the smallest policy for deploying, operating or reading."""

from __future__ import annotations

from typing import Annotated

import typer

from cryptoctl.cli.command import CommandRun, command
from cryptoctl.ops.permissions import Purpose, policy
from cryptoctl.reconcile.permissions import Access


@command("iam-policy", access=Access.DESCRIBE, example="cryptoctl iam-policy --for operate --env prod")
def iam_policy(
    run: CommandRun,
    purpose: Annotated[Purpose, typer.Option("--for", help="Purpose of the policy.")] = Purpose.DEPLOY,
) -> None:
    """Print the smallest IAM policy for an environment, as JSON. Nothing is changed."""
    document = policy(run.session.stack, purpose)
    run.answer(policy=document)
    if not run.machine:
        run.screen.json(document)
