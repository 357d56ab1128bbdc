"""cryptoctl envs: the environments that exist here."""

from __future__ import annotations

from cryptoctl.cli.command import CommandRun, command
from cryptoctl.ops.environments import environments
from cryptoctl.reconcile.permissions import Access
from cryptoctl.ui.screen import Screen
from cryptoctl.ui.tables import Column


@command("envs", access=Access.DESCRIBE, example="cryptoctl envs --region eu-central-1")
def envs(run: CommandRun) -> None:
    """List the environments in this account and region, found by their tags."""
    run.session.every_environment = True
    aws = run.session.aws
    account = aws.caller.account  # in JSON it is a part of the answer
    counts = environments(aws)
    run.set_members(
        environments=[{"environment": name, "resources": number} for name, number in counts.items()]
    )
    run.show(Screen.table, ["environment", Column("tagged resources", right=True)], list(counts.items()))
    if not counts:
        run.show(Screen.say, f"No environment in {account}, {aws.region}.")
