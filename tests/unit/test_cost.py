"""The cost estimate: amounts from the load, money from AWS's prices."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cryptoctl.cli.cost import _per_second
from cryptoctl.core.items import new_item
from cryptoctl.core.prices import Price
from cryptoctl.errors import Failure
from cryptoctl.ops.cost import traffic as assumed
from cryptoctl.ops.cost.difference import cost_difference, cost_sentences
from cryptoctl.ops.cost.estimate import CostEstimate, estimate, price_list
from cryptoctl.ops.cost.traffic import Load, batches_per_s, traffic
from cryptoctl.reconcile.costs import Priced, Traffic
from cryptoctl.reconcile.observed import Observed
from cryptoctl.reconcile.plan import Action, Goal, Plan
from cryptoctl.reconcile.planner import build_plan
from cryptoctl.security_settings import FunctionSettings, SecuritySettings
from cryptoctl.settings import EnvironmentSettings
from cryptoctl.stack import Stack
from unit.answers import STACK

LOADS = st.builds(
    Load,
    prices_per_s=st.floats(0.0001, 100_000),
    symbols=st.integers(1, 10_000),
    batch=st.integers(1, 1000),
    days=st.integers(1, 365),
)
MILLION = 1_000_000


def usd_of(costs: CostEstimate, item: str) -> float:
    return sum(line.usd for line in costs.lines if line.item == item)


def amount(costs: CostEstimate, resource: str, item: str) -> float:
    return sum(line.amount for line in costs.lines if line.resource == resource and line.item == item)


@pytest.mark.parametrize(
    ("per_s", "batch", "days", "symbols"), [(1 / 60, 1, 30, 1), (10, 1, 30, 50), (1000, 10, 1, 500)]
)
def test_the_parts_that_follow_from_the_load_alone(per_s: float, batch: int, days: int, symbols: int) -> None:
    cost = estimate(STACK, Load(prices_per_s=per_s, symbols=symbols, batch=batch, days=days))
    prices = per_s * 60 * 60 * 24 * days
    assert usd_of(cost, "writes, on demand") == pytest.approx(prices * 2 / MILLION * 0.625)
    assert amount(cost, str(STACK.webhook), "requests") == pytest.approx(prices / batch)
    assert usd_of(cost, "key") == pytest.approx(1.00 * days / 30)
    stored_at_the_end_gb = prices * (assumed.ITEM_BYTES + 100) / 1e9
    assert usd_of(cost, "storage") == pytest.approx(stored_at_the_end_gb / 2 * 0.25 * days / 30)


@given(LOADS)
def test_a_total_is_its_parts_without_what_is_free_and_never_negative(load: Load) -> None:
    cost = estimate(STACK, load)
    assert cost.total_usd == pytest.approx(sum(line.usd for line in cost.lines) - sum(cost.free.values()))
    assert cost.total_usd >= -1e-9
    by_item: dict[str, float] = defaultdict(float)
    for line in cost.lines:
        assert line.amount >= 0 and math.isfinite(line.usd)
        by_item[line.item] += line.usd
    limits = {
        price.name: price.cost_usd(price.free) * load.days / 30 for price in price_list().items.values()
    }
    for item, usd in cost.free.items():
        assert usd <= min(by_item[item], limits[item]) + 1e-9


@pytest.mark.thorough
@given(LOADS, st.floats(1, 10))
# Full batches of which a float says that they are a hair more than full.
@example(Load(prices_per_s=28439.5, symbols=1, batch=1, days=1), 1.015625)
def test_more_prices_never_cost_less(load: Load, times: float) -> None:
    more = replace(load, prices_per_s=load.prices_per_s * times)
    writes = (usd_of(estimate(STACK, traffic), "writes, on demand") for traffic in (load, more))
    assert next(writes) <= next(writes)
    # With another shard, fewer symbols are in a batch, and less is read.
    if assumed.shards(load.prices_per_s, load.symbols) == assumed.shards(more.prices_per_s, load.symbols):
        assert estimate(STACK, load).total_usd <= estimate(STACK, more).total_usd * (1 + 1e-9) + 0.01


@given(LOADS, st.integers(1, 10_000), st.integers(0, 300))
def test_a_batch_is_never_more_than_full_and_never_waits_longer_than_its_window(
    load: Load, batch_size: int, window_s: int
) -> None:
    per_s = batches_per_s(load, batch_size=batch_size, window_s=window_s)
    assert per_s <= load.prices_per_s * (1 + 1e-9)
    assert load.prices_per_s / per_s <= batch_size * (1 + 1e-9)
    if window_s:
        shards = assumed.shards(load.prices_per_s, load.symbols)
        rate = load.prices_per_s / shards
        assert per_s >= min(load.prices_per_s, shards * min(rate, 1 / window_s)) * (1 - 1e-9)
        # Not oftener than full batches and windows that are over ask for.
        assert per_s <= max(load.prices_per_s / batch_size, shards / window_s) * (1 + 1e-9)


def test_the_configuration_counts() -> None:
    load = Load(prices_per_s=10)
    longer = replace(EnvironmentSettings(), log_retention_days=30)
    longer_kept = Stack(STACK.scope, longer, STACK.code)
    stored = "stored log lines"
    assert usd_of(estimate(longer_kept, load), stored) == pytest.approx(
        usd_of(estimate(STACK, load), stored) * 30 / 3
    )


def test_traces_and_requests_to_a_customer_s_key_are_billed_where_there_are_any() -> None:
    secured = EnvironmentSettings(
        functions=FunctionSettings(tracing=True),
        security=SecuritySettings(customer_key="arn:aws:kms:us-east-1:000000000000:key/1"),
    )
    load = Load(prices_per_s=3, batch=1, days=30)
    cost = estimate(Stack(STACK.scope, secured, STACK.code), load)
    seconds = 30 * 86_400
    # One a second, and 5 % of the other two.
    assert amount(cost, str(STACK.webhook), "traces") == pytest.approx(seconds * 1.1)
    key = "requests to the customer's key"
    assert amount(cost, str(STACK.prices), key) == pytest.approx(4 * seconds / 300)
    assert usd_of(cost, "traces") > 0 and usd_of(cost, key) > 0
    plain = estimate(STACK, load)
    assert not [line for line in plain.lines if line.item in ("traces", key)]


def plan_for(*, existing: Stack | None, desired: Stack, goal: Goal = Goal.PRESENT) -> Plan:
    """From nothing, or from everything."""
    resources = list(desired)
    observed = {
        resource: None
        if existing is None
        else Observed(fields=resource.desired(), outputs={"KeyId": "k", "UUID": "u"})
        for resource in resources
    }
    return build_plan(resources, observed, goal)


def test_a_plan_says_what_it_costs_without_any_use() -> None:
    difference = cost_difference(plan_for(existing=None, desired=STACK))
    fixed = {line.item: (line.amount, round(line.usd, 2)) for line in difference.fixed}
    assert fixed == {"key": (1, 1.0), "alarms": (9, 0.9), "dashboards": (1, 3.0)}
    assert difference.by_use and difference.usd == pytest.approx(4.9)
    sentences = cost_sentences(difference)
    assert sentences.startswith("+4.90 USD a month even when idle (key +1.00")
    assert "3 dashboards and 10 alarms are free for the whole account." in sentences
    assert "`cryptoctl cost" in sentences


def test_a_key_that_is_taken_back_costs_again() -> None:
    pending = Observed(
        fields={**STACK.key.desired(), "KeyState": "PendingDeletion"},
        outputs={"KeyId": "k"},
        pending_deletion_until=datetime(2026, 12, 7, tzinfo=UTC),
    )
    plan = build_plan([STACK.key], {STACK.key: pending}, Goal.PRESENT)
    assert [step.action for step in plan.work] == [Action.UPDATE]
    assert [(line.item, line.usd) for line in cost_difference(plan).fixed] == [("key", 1.0)]


def test_a_plan_that_changes_nothing_or_only_what_is_free_says_nothing_of_costs() -> None:
    plan = plan_for(existing=None, desired=STACK)
    queues = tuple(step for step in plan.steps if step.resource.kind == "queue")
    none = cost_difference(replace(plan, steps=queues))
    assert not none.fixed and cost_sentences(none) == ""
    removed = replace(plan, steps=tuple(replace(step, action=Action.DELETE) for step in plan.steps))
    assert cost_difference(removed).usd == pytest.approx(-4.9)
    sentences = cost_sentences(cost_difference(removed))
    assert sentences.startswith("-4.90 USD a month") and "`cryptoctl cost" not in sentences


def test_every_price_has_its_source_and_is_of_something_that_is_billed() -> None:
    prices = price_list()
    assert re.fullmatch(r"\d{4}-\d\d", prices.date)
    secured = EnvironmentSettings(
        functions=FunctionSettings(tracing=True),
        security=SecuritySettings(customer_key="arn:aws:kms:us-east-1:000000000000:key/1"),
    )
    secured_stack = Stack(STACK.scope, secured, STACK.code)
    used = {
        usage.item
        for resource in secured_stack
        if isinstance(resource, Priced)
        for usage in resource.usage(Traffic(days=30))
    }
    assert used == set(prices.items)
    assert all(price.source.endswith(("pricing", "on-demand")) for price in prices.items.values())


def test_what_has_traffic_is_priced() -> None:
    for resource in traffic(STACK, Load(prices_per_s=1)):
        assert isinstance(resource, Priced), str(resource)


def test_the_bytes_of_an_item_are_those_of_an_enriched_price() -> None:
    price = Price(
        symbol="BTC-USD",
        timestamp_ms=1_790_000_000_123,
        price=Decimal("50123.45"),
        exchange="coinbase",
        volume=Decimal("0.01234"),
        raw='{"symbol": "BTC-USD", "price": 50123.45, "exchange": "coinbase", "volume": 0.01, "id": "12345"}',
        id="123456789",
    )
    now = datetime(2026, 11, 26, tzinfo=UTC).isoformat(timespec="milliseconds")
    item = new_item(price, "1790000000123.00123456789", now)
    item |= {"enriched_at": {"S": now}, "rev": {"S": "x" * 16}}
    item |= {name: {"N": "50123.4512345678901234"} for name in ("ma_5", "ma_20", "volatility")}
    size = sum(len(name) + _bytes(value) for name, value in item.items())
    assert size == pytest.approx(assumed.ITEM_BYTES, rel=0.25)
    assert size < 1024, "one write unit"


def _bytes(value: dict[str, object]) -> int:
    [(kind, content)] = value.items()
    if kind == "N":
        return math.ceil(len(str(content).replace(".", "")) / 2) + 1
    return 1 if kind == "BOOL" else len(str(content))


@pytest.mark.parametrize(
    ("text", "per_s"), [("10", 10), ("10/s", 10), ("600/m", 10), ("36000 / h", 10), ("1.5/d", 1.5 / 86_400)]
)
def test_a_rate_has_a_unit_or_is_a_second(text: str, per_s: float) -> None:
    assert _per_second(text) == pytest.approx(per_s)


@pytest.mark.parametrize("text", ["", "0", "-1", "ten", "10/y", "1e3", "nan", "1000001/s"])
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(Failure, match="not a valid rate"):
        _per_second(text)


def test_what_is_free_in_a_month_and_not_used_is_not_free_later() -> None:
    """At 10 prices a second the table grows by 12.4 GB in 30 days: 6.2, 18.7 and 31.1 on average, 25 free."""
    cost = estimate(STACK, Load(prices_per_s=10, days=90))
    stored = [10 * 86_400 * 30 * 480 / 1e9 * (month + 0.5) for month in range(3)]
    assert usd_of(cost, "storage") == pytest.approx(sum(stored) * 0.25)
    assert usd_of(cost, "storage") - cost.free["storage"] == pytest.approx((stored[2] - 25) * 0.25)


@pytest.mark.parametrize(("days", "usd"), [(30, 1), (365, 365 / 30), (730, 1095 / 30), (1095, 2190 / 30)])
def test_the_first_two_rotations_of_the_key_cost_as_much_as_the_key_again(days: int, usd: float) -> None:
    assert usd_of(estimate(STACK, Load(prices_per_s=1, days=days)), "key") == pytest.approx(usd)
