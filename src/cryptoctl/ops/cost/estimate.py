"""The estimate: each resource's usage at AWS's prices, less what is free."""

from __future__ import annotations

import math
import tomllib
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from cryptoctl.ops.cost.traffic import Load, traffic
from cryptoctl.reconcile.costs import Priced, Traffic, Usage
from cryptoctl.reconcile.provisioner import Provisioner
from cryptoctl.stack import Stack


@dataclass(frozen=True, kw_only=True)
class PriceItem:
    """Something that AWS bills: `per` of `unit` cost `usd`, `free` of them are free each month."""

    name: str
    unit: str
    per: float
    usd: float
    free: float
    source: str

    def cost_usd(self, amount: float) -> float:
        """What an amount costs, without what is free."""
        return amount / self.per * self.usd


@dataclass(frozen=True, kw_only=True)
class PriceList:
    """AWS's prices in a region, and when they were looked up (year and month)."""

    date: str
    region: str
    items: Mapping[str, PriceItem]


@cache
def price_list() -> PriceList:
    """The prices in prices.toml."""
    loaded = tomllib.loads(files("cryptoctl.ops.cost").joinpath("prices.toml").read_text("utf-8"))
    items = {name: PriceItem(**each) for name, each in loaded["item"].items()}
    return PriceList(date=loaded["date"], region=loaded["region"], items=items)


@dataclass(frozen=True, kw_only=True)
class CostLine:
    """A resource's part: what is billed, how much of it, what drives it, and what it costs in USD."""

    resource: str
    item: str
    amount: float
    unit: str
    driver: str
    usd: float


@dataclass(frozen=True, kw_only=True)
class CostEstimate:
    """All parts, and what is taken off because it is free, by item."""

    load: Load
    lines: tuple[CostLine, ...]
    free: Mapping[str, float]
    prices: PriceList

    @property
    def free_usd(self) -> float:
        """What is taken off."""
        return sum(self.free.values())

    @property
    def total_usd(self) -> float:
        """What is to be paid where nothing else in the account uses the free amounts."""
        return sum(line.usd for line in self.lines if not math.isnan(line.usd)) - self.free_usd


def estimate(stack: Stack, load: Load) -> CostEstimate:
    """What an environment costs under a load."""
    return priced(stack, traffic(stack, load), load)


def priced(stack: Stack, passing: Mapping[Provisioner, Traffic], load: Load) -> CostEstimate:
    """What an environment costs with this traffic in the load's days, each kind's part as the kind says.

    An amount that is not known (NaN) is in no total.
    """
    prices = price_list()
    lines: list[CostLine] = []
    amounts: dict[str, float] = defaultdict(float)
    for resource in stack:
        if isinstance(resource, Priced):
            for each in resource.usage(passing.get(resource, Traffic(days=load.days))):
                amounts[each.item] += 0.0 if math.isnan(each.amount) else each.amount
                lines.append(_line(str(resource), each, prices.items[each.item]))
    months = load.days / 30
    free = {
        prices.items[item].name: prices.items[item].cost_usd(min(amount, prices.items[item].free * months))
        for item, amount in amounts.items()
    }
    return CostEstimate(
        load=load, lines=tuple(lines), free={name: usd for name, usd in free.items() if usd}, prices=prices
    )


def _line(resource: str, usage: Usage, item: PriceItem) -> CostLine:
    return CostLine(
        resource=resource,
        item=item.name,
        amount=usage.amount,
        unit=item.unit,
        driver=usage.driver,
        usd=item.cost_usd(usage.amount),
    )
