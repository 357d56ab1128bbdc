"""cryptoctl symbols: what the table holds prices of."""

from __future__ import annotations

from cryptoctl.cli.command import CommandRun, command
from cryptoctl.ops.symbols import names, states, symbol_document
from cryptoctl.ops.times import now_ms
from cryptoctl.reconcile.permissions import Access
from cryptoctl.ui.screen import Screen
from cryptoctl.ui.symbols import show_symbols


@command("symbols", access=Access.READ_DATA, example="cryptoctl symbols --env prod")
def symbols(run: CommandRun) -> None:
    """List the symbols that have prices: the last one, when that was, and how it has changed."""
    aws, table, now = run.session.aws, run.session.stack.prices, now_ms()
    symbol_states = states(aws, table, list(names(aws, table)), now)
    run.set_members(symbols=[symbol_document(symbol) for symbol in symbol_states])
    run.show(show_symbols, symbol_states, now)
    if not symbol_states:
        run.show(Screen.say, f"No prices in {run.session.location} yet.")
