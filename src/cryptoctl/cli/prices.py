"""cryptoctl prices: the stored prices with their enrichment."""

from __future__ import annotations

from typing import Annotated

import typer

from cryptoctl.cli.command import CommandRun, command
from cryptoctl.cli.options import OutputFormat, stored_as
from cryptoctl.ops.prices import Query, document, enriched_prices
from cryptoctl.ops.prices import prices as read_prices
from cryptoctl.ops.times import parse_time_ms, time_text
from cryptoctl.reconcile.permissions import Access
from cryptoctl.reconcile.retry import Retry
from cryptoctl.ui.prices import show_prices, write_csv
from cryptoctl.ui.waits import waiting

SYMBOL = typer.Argument(help="Such as BTC.")
LAST = typer.Option(min=1, max=100_000, help="Number of prices, the newest ones.")
SINCE = typer.Option(metavar="T", help="Only prices since then: 10m (ago), epoch or ISO 8601.")


@command(
    "prices", access=Access.READ_DATA, example="cryptoctl prices BTC --last 20", formats=[OutputFormat.CSV]
)
def prices(
    run: CommandRun,
    symbol: Annotated[str, SYMBOL],
    last: Annotated[int, LAST] = 20,
    since: Annotated[str | None, SINCE] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until all of them are enriched.")] = False,
) -> None:
    """Show a symbol's prices, oldest first, with ma_5, ma_20 and volatility. Times are UTC."""
    query = query_of(symbol, last, since)
    aws, table = run.session.aws, run.session.stack.prices
    if wait:
        with waiting(run.screen, run.clock) as on_wait:
            stored_prices = enriched_prices(aws, table, query, Retry(run.clock, on_wait))
    else:
        stored_prices = read_prices(aws, table, query)
    if run.is_json:
        run.set_members(prices=[document(price) for price in stored_prices])
    elif run.output is OutputFormat.CSV:
        write_csv(run.screen, stored_prices)
    else:
        show_prices(run.screen, stored_prices)
    if not stored_prices:
        say_nothing_found(run, query)


def query_of(symbol: str, last: int, since: str | None) -> Query:
    """What the options ask for. Raises Failure for what is none."""
    since_ms = parse_time_ms(since) if since is not None else None
    return Query(symbol=stored_as(symbol), last=last, since_ms=since_ms)


def say_nothing_found(run: CommandRun, query: Query) -> None:
    """That there is none, and whether it is only the time that hides them."""
    message = f"No prices of {query.symbol} in {run.session.location}"
    if query.since_ms is None:
        run.screen.say(f"{message}.")
        return
    newest = read_prices(run.session.aws, run.session.stack.prices, Query(symbol=query.symbol, last=1))
    last = (
        f"the newest is from {time_text(newest[0].timestamp_ms)} UTC" if newest else "there are none at all"
    )
    run.screen.say(f"{message} since {time_text(query.since_ms)} UTC; {last}.")
