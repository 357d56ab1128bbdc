"""cryptoctl prices: the stored prices with their enrichment."""

from __future__ import annotations

from typing import Annotated

import typer

from cryptoctl.cli.command import CommandRun, command
from cryptoctl.core.names import folded_symbol
from cryptoctl.ops.prices import Query, document, enriched_prices
from cryptoctl.ops.prices import prices as read_prices
from cryptoctl.ops.times import moment_ms
from cryptoctl.reconcile.permissions import Access
from cryptoctl.ui.prices import show_prices, write_csv


@command("prices", access=Access.READ_DATA, example="cryptoctl prices BTC --last 20", csv=True)
def prices(
    run: CommandRun,
    symbol: Annotated[str, typer.Argument(help="Such as BTC.")],
    last: Annotated[int, typer.Option(min=1, max=100_000, help="Number of prices, the newest ones.")] = 20,
    since: Annotated[
        str | None, typer.Option(metavar="T", help="Only prices since then: 10m (ago), epoch or ISO 8601.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until all of them are enriched.")] = False,
) -> None:
    """Show a symbol's prices, oldest first, with ma_5, ma_20 and volatility. Times are UTC."""
    query = Query(
        symbol=folded_symbol(symbol), last=last, since_ms=moment_ms(since) if since is not None else None
    )
    read = enriched_prices if wait else read_prices
    found = read(run.session.aws, run.session.stack.prices, query)
    if run.machine:
        run.answer(prices=[document(price) for price in found])
    elif run.csv:
        write_csv(run.screen, found)
    else:
        show_prices(run.screen, found)
        if not found:
            run.screen.say(f"No prices of {query.symbol} in {run.session.location}.")
