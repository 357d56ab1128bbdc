"""What a plan changes of the bill: what costs even when idle, a month; the rest follows from the prices."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from cryptoctl.ops.cost.estimate import price_list
from cryptoctl.reconcile.costs import Priced, Traffic
from cryptoctl.reconcile.plan import Action, Plan, Step

MONTH = Traffic(days=30)
CHANGE = {Action.CREATE: 1, Action.DELETE: -1}


@dataclass(frozen=True, kw_only=True)
class FixedCost:
    """More, or fewer, of something that is billed by the month: `usd` is the difference a month."""

    item: str
    amount: float
    usd: float
    free: float
    """so many of them are free each month, for the whole account"""


@dataclass(frozen=True, kw_only=True)
class CostDifference:
    """The fixed costs that a plan changes, and whether it adds or removes what is billed by use."""

    fixed: tuple[FixedCost, ...]
    by_use: bool
    prices_of: str
    """month of the prices, and their region"""

    @property
    def usd(self) -> float:
        """A month, at list prices: what the account has free is not taken off."""
        return sum(cost.usd for cost in self.fixed)


def cost_difference(plan: Plan) -> CostDifference:
    """Of what the plan creates and deletes. What is replaced or changed in place costs as before.

    What is pending deletion costs nothing until it is taken back.
    """
    prices = price_list()
    amounts: Counter[str] = Counter()
    by_use = False
    for step in plan.work:
        resource, sign = step.resource, CHANGE.get(step.action, 0)
        if step.action is Action.UPDATE and _pending_deletion(step):
            sign = CHANGE[Action.CREATE]
        if not sign or not isinstance(resource, Priced):
            continue
        fixed = {usage.item: usage.amount for usage in resource.usage(MONTH) if usage.amount}
        by_use = by_use or not fixed
        for item, amount in fixed.items():
            amounts[item] += sign * amount  # type: ignore[assignment]
    return CostDifference(
        fixed=tuple(
            FixedCost(
                item=prices.items[item].name,
                amount=amount,
                usd=prices.items[item].cost_usd(amount),
                free=prices.items[item].free,
            )
            for item, amount in amounts.items()
            if amount
        ),
        by_use=by_use,
        prices_of=f"{prices.date}, {prices.region}",
    )


def _pending_deletion(step: Step) -> bool:
    observed = step.delta.observed
    return observed is not None and observed.pending_deletion_until is not None


def cost_sentences(difference: CostDifference) -> str:
    """The difference in words; empty where nothing changes that costs even when idle."""
    if not difference.fixed:
        return ""
    parts = ", ".join(f"{cost.item} {cost.usd:+.2f}" for cost in difference.fixed)
    free = " and ".join(f"{cost.free:g} {cost.item}" for cost in difference.fixed if cost.free)
    sentences = [
        f"{difference.usd:+.2f} USD a month even when idle ({parts}; prices of {difference.prices_of}).",
        f"{free} are free for the whole account." if free else "",
        "`cryptoctl cost` estimates what prices cost." if difference.by_use and difference.usd > 0 else "",
    ]
    return " ".join(filter(None, sentences))
