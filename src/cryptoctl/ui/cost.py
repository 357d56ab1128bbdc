"""What an environment costs, for a person and for a machine."""

from __future__ import annotations

import math
from typing import Any

from cryptoctl.ops.cost.actual import ActualCost
from cryptoctl.ops.cost.estimate import CostEstimate, CostLine
from cryptoctl.ops.times import iso
from cryptoctl.ui.screen import Screen
from cryptoctl.ui.tables import Column

COLUMNS = (
    Column("resource", cut=20),
    Column("billed", cut=12),
    Column("amount", right=True, rank=1),
    Column("unit", rank=1),
    Column("USD", right=True),
    Column("driven by", rank=2, cut=24),
)
ACTUAL_COLUMNS = (*COLUMNS[:-1], Column("estimated", right=True), COLUMNS[-1])
# Less is not worth a line for a person; JSON has all of it.
SHOWN_FROM_USD = 0.005


def show_cost(screen: Screen, estimate: CostEstimate) -> None:
    """Each part that costs something, what is free, and the total."""
    lines = [line for line in estimate.lines if line.usd >= SHOWN_FROM_USD]
    rows = [_row(line, line.usd) for line in sorted(lines, key=lambda line: -line.usd)]
    rows += [
        ["free", name, "", "", _usd(-usd), "each month, for the whole account"]
        for name, usd in estimate.free.items()
        if usd >= SHOWN_FROM_USD
    ]
    rows.append(["total", f"{estimate.load.days:g} days", "", "", _usd(estimate.total_usd), ""])
    screen.table(COLUMNS, rows)
    screen.say(
        f"An estimate with AWS's prices in {estimate.prices.region} of {estimate.prices.date}, for prices "
        "that come evenly. Other regions, taxes, and how long an invocation takes on AWS change it."
    )


def _row(line: CostLine, *usd: float) -> list[str]:
    return [line.resource, line.item, _amount(line.amount), line.unit, *map(_usd, usd), line.driver]


def show_actual(screen: Screen, cost: ActualCost, location: str) -> None:
    """Each part as it was counted, beside the estimate for as many prices."""
    actual, estimated = cost.actual, cost.estimated
    rows = [
        _row(line, line.usd, expected.usd)
        for line, expected in zip(actual.lines, estimated.lines, strict=True)
        if max(0.0 if math.isnan(line.usd) else line.usd, expected.usd) >= SHOWN_FROM_USD
    ]
    names = dict.fromkeys([*actual.free, *estimated.free])
    free = [(name, actual.free.get(name, 0), estimated.free.get(name, 0)) for name in names]
    rows += [
        ["free", name, "", "", _usd(-counted), _usd(-expected), "each month"]
        for name, counted, expected in free
        if max(counted, expected) >= SHOWN_FROM_USD
    ]
    days = f"{actual.load.days:.3g} days"
    rows.append(["total", days, "", "", _usd(actual.total_usd), _usd(estimated.total_usd), ""])
    screen.table(ACTUAL_COLUMNS, rows)
    screen.say(
        f"Counted in {location} since {cost.since:%Y-%m-%d %H:%M} UTC: {cost.prices:,.0f} prices, "
        f"{actual.load.prices_per_s:.3g} a second, {actual.load.batch:.3g} a request. Beside it the estimate "
        f"for as many prices of {actual.load.symbols} symbols, with AWS's prices in {actual.prices.region} "
        f"of {actual.prices.date}. What else the account has may use up what is free."
    )
    if cost.uncounted:
        screen.say(f"Not counted here: {'; '.join(cost.uncounted)}. The total is without them.")


def actual_document(cost: ActualCost) -> dict[str, Any]:
    """The same for a machine."""
    return {
        **cost_document(cost.actual),
        "parts": [
            {**vars(line), "estimated_usd": expected.usd}  # in JSON, what is not counted is null
            for line, expected in zip(cost.actual.lines, cost.estimated.lines, strict=True)
        ],
        "since": iso(cost.since),
        "prices": cost.prices,
        "estimated_total_usd": cost.estimated.total_usd,
    }


def _amount(amount: float) -> str:
    if math.isnan(amount):
        return "not counted"
    return f"{amount:,.0f}" if amount >= 100 else f"{amount:.3g}"


def _usd(usd: float) -> str:
    return "" if math.isnan(usd) else f"{usd:,.2f}"


def cost_document(estimate: CostEstimate) -> dict[str, Any]:
    """The estimate for a machine."""
    return {
        "days": estimate.load.days,
        "prices_date": estimate.prices.date,
        "prices_region": estimate.prices.region,
        "parts": [vars(line) for line in estimate.lines],
        "free": dict(estimate.free),
        "total_usd": estimate.total_usd,
    }
