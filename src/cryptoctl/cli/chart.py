"""cryptoctl chart: a symbol's prices as a picture."""

from __future__ import annotations

from typing import Annotated

from cryptoctl.cli.command import CommandRun, command
from cryptoctl.cli.prices import LAST, SINCE, SYMBOL, query_of, say_nothing_found
from cryptoctl.ops.prices import document, prices
from cryptoctl.reconcile.permissions import Access
from cryptoctl.ui.chart import chart as drawn

HIGHEST = 24


@command("chart", access=Access.READ_DATA, example="cryptoctl chart BTC --last 400")
def chart(
    run: CommandRun,
    symbol: Annotated[str, SYMBOL],
    last: Annotated[int, LAST] = 400,
    since: Annotated[str | None, SINCE] = None,
) -> None:
    """Draw a symbol's last prices with ma_20 and the volume, as wide as the terminal."""
    query = query_of(symbol, last, since)
    stored_prices = prices(run.session.aws, run.session.stack.prices, query)
    run.set_members(prices=[document(price) for price in stored_prices])
    if not stored_prices:
        say_nothing_found(run, query)
    elif not run.is_json:
        out = run.screen.terminal.out
        for line in drawn(stored_prices, out.width, min(HIGHEST, max(8, out.height - 2))):
            run.screen.line(line)
