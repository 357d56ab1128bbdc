"""cryptoctl open: AWS's console at the right page."""

from __future__ import annotations

import webbrowser
from enum import StrEnum
from typing import Annotated

import typer

from cryptoctl.cli.command import CommandRun, command
from cryptoctl.errors import InputError
from cryptoctl.ops.console import dashboard_page, function_page, logs_page, queue_page, table_page
from cryptoctl.reconcile.permissions import Access
from cryptoctl.settings import Target
from cryptoctl.ui.screen import Screen


class Page(StrEnum):
    """What is opened."""

    DASHBOARD = "dashboard"
    FUNCTION = "function"
    LOGS = "logs"
    QUEUE = "queue"
    TABLE = "table"


class FunctionPart(StrEnum):
    """Of which function."""

    WEBHOOK = "webhook"
    ENRICHER = "enricher"
    NOTIFIER = "notifier"


@command("open", access=Access.DESCRIBE, example="cryptoctl open logs enricher --env prod")
def open_(
    run: CommandRun,
    page: Annotated[Page, typer.Argument(help="What to open.")],
    part: Annotated[FunctionPart, typer.Argument(help="Of which function.")] = FunctionPart.WEBHOOK,
    only_print: Annotated[bool, typer.Option("--print", help="Print the address and open nothing.")] = False,
) -> None:
    """Open AWS's console in a browser: a function, its logs or dead letters, the table, the dashboard."""
    if run.session.target is Target.LOCAL:
        raise InputError(
            "The embedded engine has no console.",
            "Use `cryptoctl status --all`, `cryptoctl logs` and `cryptoctl dlq list`.",
        )
    url = _url(run, page, part)
    run.set_members(url=url)
    run.show(Screen.data, url)
    if not only_print and not run.is_json and run.screen.can_ask and not webbrowser.open(url):
        run.screen.warn("No browser could be started: open the address above.")


def _url(run: CommandRun, page: Page, part: FunctionPart) -> str:
    scope, stack = run.session.scope, run.session.stack
    function = {"webhook": stack.webhook, "enricher": stack.enricher, "notifier": stack.notifier}[part]
    if page is Page.DASHBOARD:
        if stack.dashboard is None:
            raise InputError(
                "The configuration has no dashboard.",
                f"Take `dashboard = false` out of [env.{scope.environment}], and run `cryptoctl up`.",
            )
        return dashboard_page(scope, stack.dashboard.name)
    if page is Page.TABLE:
        return table_page(scope, stack.prices.name)
    if page is Page.LOGS:
        return logs_page(scope, function.log_group.name)
    if page is Page.FUNCTION:
        return function_page(scope, function.name)
    queues = {"webhook": stack.webhook_dead_letters, "enricher": stack.enricher_dead_letters}
    if part not in queues:
        raise InputError(
            f"The {part} has no queue of dead letters: they go to the alerts topic.",
            "Choose webhook or enricher.",
        )
    return queue_page(scope, queues[part].name)
