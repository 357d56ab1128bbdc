"""What an environment has cost: CloudWatch's sums at the estimate's prices."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from cryptoctl.aws import Aws, AwsError
from cryptoctl.errors import Failure
from cryptoctl.ops.cost.actual import ActualCost, _counted_traffic, actual_cost, billed_metrics
from cryptoctl.ops.cost.estimate import CostEstimate
from cryptoctl.ops.cost.traffic import Load, traffic
from cryptoctl.provisioners.table import NOT_FOUND
from cryptoctl.ui.cost import show_actual
from cryptoctl.ui.screen import Screen
from unit.answers import STACK

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
TABLE_BYTES, ITEMS = 900_000_000, 1_000_000
Sums = Mapping[tuple[str, str], float]  # by metric and the first dimension's value

WRITES = ("ConsumedWriteCapacityUnits", STACK.prices.name)
CALLS = ("Invocations", STACK.webhook.name)
STORED = ("Stored", STACK.webhook.name)


class Metrics:
    """An AWS that has these sums, each in two hours from `first` on, and a table billed as a gigabyte."""

    def __init__(
        self, sums: Sums, *, first: datetime, metered: bool = True, made: datetime | None = None
    ) -> None:
        self.sums, self.first, self.has_shared_quotas, self.made = sums, first, metered, made
        self.requests: list[str] = []

    def call(self, service: str, operation: str, **_: Any) -> Any:
        self.requests.append(operation)
        creation = {} if self.made is None else {"CreationDateTime": self.made}
        return {"Table": {"TableSizeBytes": TABLE_BYTES, "ItemCount": ITEMS, **creation}}

    def paginate(self, service: str, operation: str, key: str, **asked: Any) -> Iterator[Any]:
        self.requests.append(operation)
        then = (self.first.astimezone(UTC) + timedelta(hours=1)).astimezone(self.first.tzinfo)
        for query in asked["MetricDataQueries"]:
            metric = query["MetricStat"]["Metric"]
            total = self.sums.get((metric["MetricName"], metric["Dimensions"][0]["Value"]))
            moments = [] if total is None else [self.first, then]
            yield {
                "Id": query["Id"],
                "Timestamps": moments,
                "Values": [share * (total or 0) for share in (0.25, 0.75)][: len(moments)],
            }


def cost_of(
    sums: Sums,
    *,
    days: int = 7,
    first: datetime | None = None,
    on_aws: bool = True,
    made: datetime | None = None,
) -> ActualCost:
    aws = Metrics(sums, first=first or NOW - timedelta(days=days), metered=on_aws, made=made)
    cost = actual_cost(cast("Aws", aws), STACK, days, 50, NOW)
    assert aws.requests == ["DescribeTable", "GetMetricData"]
    return cost


def usd(estimate: CostEstimate, item: str) -> float:
    return sum(line.usd for line in estimate.lines if line.item == item)


def test_what_was_counted_costs_what_aws_lists() -> None:
    cost = cost_of(
        {
            WRITES: 4_000_000,
            CALLS: 500_000,
            STORED: 1_000_000,
            ("Duration", STACK.webhook.name): 60_000_000,
            ("IncomingBytes", STACK.webhook_logs.name): 3e9,
        }
    )
    actual = cost.actual
    assert usd(actual, "writes, on demand") == pytest.approx(4 * 0.625)
    assert usd(actual, "requests") == pytest.approx(0.5 * 0.20)
    assert usd(actual, "compute (arm64)") == pytest.approx(60_000 * 1.0 * 0.0000133334)  # 1024 MB
    assert usd(actual, "log lines") == pytest.approx(3 * 0.50)
    days = actual.load.days
    assert usd(actual, "storage") == pytest.approx(0.25 * days / 30)
    assert (actual.load.batch, cost.prices) == (2, 1_000_000)
    assert usd(cost.estimated, "writes, on demand") == pytest.approx(2 * 0.625)
    assert not cost.uncounted


@given(
    st.builds(
        Load,
        prices_per_s=st.floats(0.01, 1000),
        symbols=st.just(50),
        batch=st.integers(1, 100),
        days=st.just(7.0),
    )
)
def test_an_environment_that_does_what_is_assumed_costs_what_is_estimated(load: Load) -> None:
    passing = traffic(STACK, load)
    sums = {
        (metric.metric.name, next(iter(metric.metric.dimensions.values()))): getattr(
            passing[metric.resource], metric.field
        )
        * metric.factor
        for metric in billed_metrics(STACK)
        if metric.resource in passing
    }
    sums[STORED] = load.prices
    sums["NumberOfMessagesPublished", STACK.success.name] = load.prices
    cost = cost_of(sums)
    for actual, estimated in zip(cost.actual.lines, cost.estimated.lines, strict=True):
        if actual.item not in ("storage", "point-in-time recovery", "stored log lines"):
            assert actual.amount == pytest.approx(estimated.amount, rel=1e-6), actual


def test_all_that_has_traffic_is_counted() -> None:
    """A new kind that the estimate knows of would be missing here."""
    passing = {resource for resource in traffic(STACK, Load(prices_per_s=1)) if resource is not STACK.key}
    assert passing <= {metric.resource for metric in billed_metrics(STACK)}


def test_of_a_young_environment_only_its_life_counts() -> None:
    cost = cost_of({WRITES: 10}, days=30, first=NOW - timedelta(days=3))
    assert cost.since == NOW - timedelta(days=3)
    assert cost.actual.load.days == pytest.approx(3)
    assert usd(cost.actual, "key") == pytest.approx(0.1)


def test_what_stood_idle_at_first_cost_something_since_its_table_was_made() -> None:
    recent = NOW - timedelta(days=2)
    old = cost_of({WRITES: 10}, days=30, first=recent, made=NOW - timedelta(days=400))
    assert old.since == NOW - timedelta(days=30)
    assert usd(old.actual, "key") == pytest.approx(1.00)
    young = cost_of({WRITES: 10}, days=30, first=recent, made=NOW - timedelta(days=3))
    assert young.since == NOW - timedelta(days=3)
    # A table that was replaced is younger than its environment.
    assert cost_of({WRITES: 10}, days=30, first=recent, made=NOW).since == recent


def test_a_time_in_the_machine_s_zone_is_told_in_utc() -> None:
    created = (NOW - timedelta(days=3)).astimezone(timezone(timedelta(hours=9)))
    for cost in (cost_of({}, days=30, made=created), cost_of({WRITES: 10}, days=30, first=created)):
        assert cost.since == created and not cost.since.utcoffset()


def test_the_hour_that_the_machine_s_clock_shows_twice_counts_twice() -> None:
    first = datetime(2026, 10, 25, 0, 0, tzinfo=UTC).astimezone(ZoneInfo("Europe/Berlin"))
    assert cost_of({CALLS: 10, STORED: 1000}, days=60, first=first).prices == 1000


def test_a_table_made_later_than_now_by_this_machine_s_clock_is_an_hour_old() -> None:
    cost = cost_of({CALLS: 1}, first=NOW + timedelta(minutes=1), made=NOW + timedelta(minutes=1))
    assert cost.actual.load.days == pytest.approx(1 / 24)


def test_what_is_free_in_a_month_does_not_pay_for_another_one() -> None:
    """All of it was in the first of three months."""
    cost = cost_of({CALLS: 3_000_000, WRITES: 5}, days=90)
    assert usd(cost.actual, "requests") == pytest.approx(3 * 0.20)
    assert cost.actual.free["requests"] == pytest.approx(0.20)
    later = cost_of(
        {CALLS: 3_000_000}, days=90, first=NOW - timedelta(days=45), made=NOW - timedelta(days=90)
    )
    assert later.actual.free["requests"] == pytest.approx(0.20)
    # What is there all the time is free in each of them.
    assert cost.actual.free["storage"] == pytest.approx(usd(cost.actual, "storage"))
    assert cost.actual.free["dashboards"] == pytest.approx(3 * 3.00)


def test_what_is_idle_on_aws_is_nothing_and_what_an_engine_does_not_count_is_unknown() -> None:
    idle = cost_of({})
    assert usd(idle.actual, "writes, on demand") == usd(idle.actual, "requests") == 0
    assert math.isfinite(idle.actual.total_usd)
    engine = cost_of({CALLS: 10, STORED: 10}, on_aws=False)
    assert {"writes, on demand", "log lines", "publishes"} <= set(engine.uncounted)
    assert "requests" not in engine.uncounted, "Lambda is counted: error-notifier was idle"
    assert math.isfinite(engine.actual.total_usd)
    assert usd(engine.estimated, "writes, on demand") > 0


def test_what_no_metric_tells_is_as_estimated_where_there_was_any_use() -> None:
    """A customer key's requests, and traces: of a function that did not run there are none."""
    expected = traffic(STACK, Load(prices_per_s=1, days=7))
    assert expected[STACK.prices].key_requests and expected[STACK.webhook].traces
    counted = [(metric, 0.0 if metric.resource is STACK.webhook else 1.0) for metric in billed_metrics(STACK)]
    passed = _counted_traffic(STACK, counted, expected, size_bytes=0)
    assert passed[STACK.prices].key_requests == expected[STACK.prices].key_requests
    assert passed[STACK.enricher].traces == expected[STACK.enricher].traces
    assert passed[STACK.webhook].traces == passed[STACK.webhook].metrics == 0


def test_messages_are_published_ten_at_a_time() -> None:
    calls = ("Invocations", STACK.enricher.name)
    published = ("NumberOfMessagesPublished", STACK.success.name)
    cost = cost_of({calls: 4, published: 100})
    (amount,) = {line.amount for line in cost.actual.lines if line.resource == str(STACK.success)}
    assert amount == 4 * 3


def test_an_environment_that_does_not_exist_is_named() -> None:
    class Absent(Metrics):
        endpoint_url = None

        def call(self, service: str, operation: str, **_: Any) -> Any:
            raise AwsError(service=service, operation=operation, code=NOT_FOUND, message="no such table")

        def tagged(self, *_: Any, **__: Any) -> dict[str, dict[str, str]]:
            return {}

        def find(self, *_: Any, **__: Any) -> None:
            return None

    with pytest.raises(Failure, match="There is no environment"):
        actual_cost(cast("Aws", Absent({}, first=NOW)), STACK, 7, 50, NOW)


def test_a_person_is_told_what_was_not_counted() -> None:
    err, out = io.StringIO(), io.StringIO()
    screen = Screen(colour=False)
    screen.terminal.out, screen.terminal.err = (
        Console(file=out, soft_wrap=True),
        Console(file=err, soft_wrap=True),
    )
    show_actual(screen, cost_of({CALLS: 10, STORED: 10_000_000}, on_aws=False), "dev on this machine")
    assert "not counted" in out.getvalue()
    assert "nan" not in out.getvalue() + err.getvalue()
    assert "Not counted here: writes, on demand;" in err.getvalue()
