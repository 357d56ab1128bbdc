"""What an environment costs, for a person and for a machine."""

from __future__ import annotations

from typing import Any

from cryptoctl.ops.cost.estimate import CostEstimate
from cryptoctl.ui.screen import Screen
from cryptoctl.ui.tables import Column

COLUMNS = (
    Column("resource"),
    Column("billed"),
    Column("amount", right=True, rank=1),
    Column("unit", rank=1),
    Column("USD", right=True),
    Column("driven by", rank=2, cut=24),
)
# Less is not worth a line for a person; JSON has all of it.
SHOWN_FROM_USD = 0.005


def show_cost(screen: Screen, found: CostEstimate) -> None:
    """Each part that costs something, what is free, and the total."""
    shown = [line for line in found.lines if line.usd >= SHOWN_FROM_USD]
    rows: list[list[object]] = [
        [line.resource, line.item, _amount(line.amount), line.unit, _usd(line.usd), line.driver]
        for line in sorted(shown, key=lambda line: -line.usd)
    ]
    rows += [
        ["free", name, "", "", _usd(-usd), "each month, for the whole account"]
        for name, usd in found.free.items()
        if usd >= SHOWN_FROM_USD
    ]
    rows.append(["total", f"{found.load.days:g} days", "", "", _usd(found.total_usd), ""])
    screen.table(COLUMNS, rows)
    screen.say(
        f"An estimate with AWS's prices in {found.prices.region} of {found.prices.date}, for prices that "
        "come evenly. Other regions, taxes, and how long an invocation takes on AWS change it."
    )


def _amount(amount: float) -> str:
    return f"{amount:,.0f}" if amount >= 100 else f"{amount:.3g}"


def _usd(usd: float) -> str:
    return f"{usd:,.2f}"


def cost_document(found: CostEstimate) -> dict[str, Any]:
    """The estimate for a machine."""
    return {
        "days": found.load.days,
        "prices_date": found.prices.date,
        "prices_region": found.prices.region,
        "parts": [vars(line) for line in found.lines],
        "free": dict(found.free),
        "total_usd": found.total_usd,
    }
