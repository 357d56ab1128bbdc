"""What an environment has cost: what CloudWatch counted of it in the last days, at the estimate's prices."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from cryptoctl.aws import Aws
from cryptoctl.ops.cost.estimate import CostEstimate, cost_of_traffic, estimate, months
from cryptoctl.ops.cost.traffic import DAY_S, GB, STORED_BESIDE_BYTES, Load, round_up, traffic
from cryptoctl.ops.metric_data import metric_data
from cryptoctl.ops.table_items import require_table
from cryptoctl.provisioners.metric import Metric, function_metric, own_metric
from cryptoctl.reconcile.costs import Traffic
from cryptoctl.reconcile.permissions import Access, Permission, allow
from cryptoctl.reconcile.provisioner import Provisioner
from cryptoctl.stack import Stack

PERIOD_S = 3600
# CloudWatch keeps the figures of an hour for so long.
MAX_DAYS = 455
# SNS counts messages and bills requests, which hold up to ten.
MESSAGES_IN_A_REQUEST = 10


@dataclass(frozen=True, kw_only=True)
class BilledMetric:
    """A metric whose sum is `factor` times a field of a resource's traffic."""

    resource: Provisioner
    field: str
    metric: Metric
    factor: float = 1.0


@dataclass(frozen=True, kw_only=True)
class ActualCost:
    """What was counted since `since`, priced, and the estimate for as many prices in the same time.

    An amount that this AWS does not count is not a number (NaN), and in no total.
    """

    since: datetime
    prices: float
    actual: CostEstimate
    estimated: CostEstimate

    @property
    def uncounted(self) -> list[str]:
        """What is billed, and was not counted."""
        return list(dict.fromkeys(line.item for line in self.actual.lines if math.isnan(line.amount)))


def permissions(stack: Stack) -> Iterator[Permission]:
    """The table says how large it is."""
    yield from allow(Access.DESCRIBE, "dynamodb", "DescribeTable", stack.prices.arn)


def billed_metrics(stack: Stack) -> Iterator[BilledMetric]:
    """What CloudWatch counts of the stack that is billed."""
    for function in stack.functions:
        for field, name, factor in (("requests", "Invocations", 1.0), ("busy_s", "Duration", 1000.0)):
            yield BilledMetric(
                resource=function, field=field, metric=function_metric(function, name), factor=factor
            )
    for field, kind in (("write_units", "Write"), ("read_units", "Read")):
        metric = _sum_of("DynamoDB", f"Consumed{kind}CapacityUnits", TableName=stack.prices.name)
        yield BilledMetric(resource=stack.prices, field=field, metric=metric)
    for topic in (stack.success, stack.alerts):
        metric = _sum_of("SNS", "NumberOfMessagesPublished", TopicName=topic.name)
        yield BilledMetric(resource=topic, field="requests", metric=metric)
    for logs in (stack.webhook_logs, stack.enricher_logs, stack.notifier_logs):
        metric = _sum_of("Logs", "IncomingBytes", LogGroupName=logs.name)
        yield BilledMetric(resource=logs, field="ingested_gb", metric=metric, factor=GB)


def _sum_of(service: str, name: str, **dimensions: str) -> Metric:
    return Metric(namespace=f"AWS/{service}", name=name, dimensions=dimensions, statistic="Sum")


def actual_cost(aws: Aws, stack: Stack, days: int, symbols: int, now: datetime | None = None) -> ActualCost:
    """The cost of the last days, or of as many as there has been a table. Two requests, one for the metrics.

    `symbols` is for the estimate alone: no metric tells of how many the prices were.
    """
    now = now or datetime.now(UTC)
    with require_table(aws, stack.prices):
        table = aws.call("dynamodb", "DescribeTable", TableName=stack.prices.name)["Table"]
    size_bytes = table["TableSizeBytes"] + table["ItemCount"] * STORED_BESIDE_BYTES
    billed = list(billed_metrics(stack))
    metrics = {f"m{number}": billed_metric.metric for number, billed_metric in enumerate(billed)}
    begin = (now - timedelta(days=days)).replace(minute=0, second=0, microsecond=0)
    stored_metric = own_metric(stack.webhook, "Stored")
    figures = [*metric_data(aws, {**metrics, "stored": stored_metric}, PERIOD_S, begin, now).values()]
    # An environment that stood idle at first has no figures of that time, and cost something.
    moments = [hour for sums in figures for hour in sums]
    moments += [table["CreationDateTime"]] if "CreationDateTime" in table else []
    # A clock may be behind AWS's. And boto3 tells times in the machine's zone, where a day may have 23 hours.
    latest = now - timedelta(hours=1)
    since = max(begin, min((latest, *moments))).astimezone(UTC)
    length_days = (now - since).total_seconds() / DAY_S
    prices, calls = sum(figures[-1].values()), sum(figures[0].values())
    load = Load(
        prices_per_s=prices / length_days / DAY_S,
        symbols=symbols,
        batch=max(1.0, prices / calls) if calls else 1.0,
        days=length_days,
    )
    # AWS writes no zeros of what is idle; an engine has nothing of a service that it does not count.
    namespaces = {
        billed_metric.metric.namespace for billed_metric, sums in zip(billed, figures, strict=False) if sums
    }

    def amount(
        billed_metric: BilledMetric, sums: Mapping[datetime, float], begin: datetime, end: datetime
    ) -> float:
        if not aws.has_shared_quotas and billed_metric.metric.namespace not in namespaces:
            return math.nan
        return sum(value for hour, value in sums.items() if begin <= hour < end) / billed_metric.factor

    def traffic_between(begin_days: float, end_days: float) -> Mapping[Provisioner, Traffic]:
        span = since + timedelta(days=begin_days), since + timedelta(days=end_days)
        counted = [
            (billed_metric, amount(billed_metric, sums, *span))
            for billed_metric, sums in zip(billed, figures, strict=False)
        ]
        expected = traffic(stack, replace(load, days=end_days - begin_days))
        return _counted_traffic(stack, counted, expected, size_bytes)

    monthly_traffic = [(end - begin, traffic_between(begin, end)) for begin, end in months(length_days)]
    actual = cost_of_traffic(stack, traffic_between(0.0, length_days), monthly_traffic, load)
    return ActualCost(since=since, prices=prices, actual=actual, estimated=estimate(stack, load))


def _counted_traffic(
    stack: Stack,
    counted: Iterable[tuple[BilledMetric, float]],
    expected: Mapping[Provisioner, Traffic],
    size_bytes: int,
) -> Mapping[Provisioner, Traffic]:
    fields: dict[Provisioner, dict[str, float]] = defaultdict(dict)
    for billed_metric, amount in counted:
        fields[billed_metric.resource][billed_metric.field] = amount
    fields[stack.prices]["stored_gb"] = size_bytes / GB
    fields[stack.success]["requests"] = _publishes(
        fields[stack.success]["requests"], fields[stack.enricher]["requests"]
    )
    idle = Traffic(days=expected[stack.prices].days)
    counted_traffic: dict[Provisioner, Traffic] = dict(expected)
    for resource, amounts in fields.items():
        # What no metric tells is as it is expected, of what was in use at all.
        used = amounts.get("requests") != 0
        counted_traffic[resource] = replace(expected.get(resource, idle) if used else idle, **amounts)
    return counted_traffic


def _publishes(messages: float, invocations: float) -> float:
    """How many requests brought the messages, if each invocation had as many."""
    if not messages or not invocations or math.isnan(messages + invocations):
        return messages
    return invocations * round_up(messages / invocations / MESSAGES_IN_A_REQUEST)
