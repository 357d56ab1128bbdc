"""The estimate: each resource's usage at AWS's prices, less what is free."""

from __future__ import annotations

import math
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from itertools import pairwise

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
    document = tomllib.loads(files("cryptoctl.ops.cost").joinpath("prices.toml").read_text("utf-8"))
    items = {name: PriceItem(**fields) for name, fields in document["item"].items()}
    return PriceList(date=document["date"], region=document["region"], items=items)


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
    def total_usd(self) -> float:
        """What is to be paid where nothing else in the account uses the free amounts."""
        return sum(line.usd for line in self.lines if not math.isnan(line.usd)) - sum(self.free.values())


def estimate(stack: Stack, load: Load) -> CostEstimate:
    """What an environment costs under a load, from its first day on."""
    spans = months(load.days)
    monthly_usages = [_usages(stack, traffic(stack, replace(load, days=end)), end) for _, end in spans]
    totals = [_amounts(usages) for usages in monthly_usages]
    # What is free in one month and not used is not free in the next.
    monthly_amounts = [
        (end - begin, {item: amount - before.get(item, 0.0) for item, amount in total.items()})
        for (begin, end), before, total in zip(spans, ({}, *totals), totals, strict=False)
    ]
    return _cost_estimate(load, monthly_usages[-1], monthly_amounts)


def cost_of_traffic(
    stack: Stack,
    total_traffic: Mapping[Provisioner, Traffic],
    monthly_traffic: Iterable[tuple[float, Mapping[Provisioner, Traffic]]],
    load: Load,
) -> CostEstimate:
    """What an environment costs with this traffic in the load's days, as each kind says.

    `monthly_traffic`: how many days, up to 30, and the traffic in them, of which something is free.
    An amount that is not known (NaN) is in no total.
    """
    amounts = [(days, _amounts(_usages(stack, of_month, days))) for days, of_month in monthly_traffic]
    return _cost_estimate(load, _usages(stack, total_traffic, load.days), amounts)


def _cost_estimate(
    load: Load,
    usages: Iterable[tuple[Provisioner, Usage]],
    monthly_amounts: Iterable[tuple[float, Mapping[str, float]]],
) -> CostEstimate:
    prices = price_list()
    free: dict[str, float] = defaultdict(float)
    for days, amounts in monthly_amounts:
        for item, amount in amounts.items():
            price = prices.items[item]
            if usd := price.cost_usd(min(amount, price.free * days / 30)):
                free[price.name] += usd
    return CostEstimate(load=load, lines=tuple(map(_line, usages)), free=free, prices=prices)


def months(days: float) -> list[tuple[float, float]]:
    """When each month of 30 days, the last one of fewer, begins and ends: in days from the first."""
    return list(pairwise((0.0, *map(float, range(30, math.ceil(days), 30)), days)))


def _usages(
    stack: Stack, total_traffic: Mapping[Provisioner, Traffic], days: float
) -> list[tuple[Provisioner, Usage]]:
    return [
        (resource, usage)
        for resource in stack
        if isinstance(resource, Priced)
        for usage in resource.usage(total_traffic.get(resource, Traffic(days=days)))
    ]


def _amounts(usages: Iterable[tuple[Provisioner, Usage]]) -> dict[str, float]:
    amounts: dict[str, float] = defaultdict(float)
    for _, usage in usages:
        amounts[usage.item] += 0.0 if math.isnan(usage.amount) else usage.amount
    return amounts


def _line(usage_of_resource: tuple[Provisioner, Usage]) -> CostLine:
    resource, usage = usage_of_resource
    item = price_list().items[usage.item]
    return CostLine(
        resource=str(resource),
        item=item.name,
        amount=usage.amount,
        unit=item.unit,
        driver=usage.driver,
        usd=item.cost_usd(usage.amount),
    )
