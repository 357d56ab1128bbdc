"""cryptoctl candles: a symbol's prices by interval."""

from __future__ import annotations

from itertools import islice
from typing import Annotated

import typer

from cryptoctl.cli.command import CommandRun, command
from cryptoctl.cli.options import OutputFormat, stored_as
from cryptoctl.cli.prices import SINCE, SYMBOL, say_nothing_found
from cryptoctl.ops.candles import Interval, candle_document, candles
from cryptoctl.ops.prices import Query, newest_first
from cryptoctl.ops.times import parse_time_ms
from cryptoctl.reconcile.permissions import Access
from cryptoctl.ui.prices import show_candles, write_candles

ALL = 10**9


@command(
    "candles",
    access=Access.READ_DATA,
    example="cryptoctl candles BTC --interval 5m",
    formats=[OutputFormat.CSV],
)
def candles_(
    run: CommandRun,
    symbol: Annotated[str, SYMBOL],
    interval: Annotated[Interval, typer.Option(help="How long a candle is.")] = Interval.MINUTE,
    last: Annotated[int, typer.Option(min=1, max=10_000, help="Number of candles, the newest ones.")] = 20,
    since: Annotated[str | None, SINCE] = None,
) -> None:
    """Show a symbol's open, high, low, close, volume and trades by interval, oldest first. Times are UTC."""
    query = Query(
        symbol=stored_as(symbol),
        last=ALL,
        since_ms=interval.begin_ms(parse_time_ms(since)) if since is not None else None,
    )
    stored_prices = newest_first(run.session.aws, run.session.stack.prices, query)
    newest = list(islice(candles(stored_prices, interval), last))[::-1]
    if run.is_json:
        run.set_members(interval=interval.value, candles=[candle_document(candle) for candle in newest])
    elif run.output is OutputFormat.CSV:
        write_candles(run.screen, newest)
    else:
        show_candles(run.screen, newest)
    if not newest:
        say_nothing_found(run, query)
