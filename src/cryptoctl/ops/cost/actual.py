"""What an environment has cost: what CloudWatch counted of it in the last days, at the estimate's prices."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from cryptoctl.aws import Aws
from cryptoctl.ops.cost.estimate import CostEstimate, estimate, month_ends, priced
from cryptoctl.ops.cost.traffic import DAY_S, GB, STORED_BESIDE_BYTES, Load, traffic, whole
from cryptoctl.ops.rows import existing
from cryptoctl.reconcile.costs import Traffic
from cryptoctl.reconcile.permissions import Access, Permission, allow
from cryptoctl.reconcile.provisioner import Provisioner
from cryptoctl.stack import Stack

PERIOD_S = 3600
# CloudWatch keeps the figures of an hour for so long.
MOST_DAYS = 455
# SNS counts messages and bills requests, which hold up to ten.
MESSAGES_IN_A_REQUEST = 10


@dataclass(frozen=True, kw_only=True)
class Metered:
    """A metric whose sum is `times` a field of a resource's traffic."""

    resource: Provisioner
    field: str
    namespace: str
    metric: str
    dimensions: Mapping[str, str]
    times: float = 1.0


class Figure(NamedTuple):
    """A metric's sum in an hour."""

    begin: datetime
    total: float


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
    """Metrics are no resources; the table says how large it is."""
    yield from allow(Access.DESCRIBE, "cloudwatch", "GetMetricData", "*")
    yield from allow(Access.DESCRIBE, "dynamodb", "DescribeTable", stack.prices.arn)


def metered(stack: Stack) -> Iterator[Metered]:
    """What CloudWatch counts of the stack that is billed."""
    for function in stack.functions:
        for field, metric, times in (("requests", "Invocations", 1.0), ("busy_s", "Duration", 1000.0)):
            yield Metered(
                resource=function,
                field=field,
                namespace="AWS/Lambda",
                metric=metric,
                dimensions={"FunctionName": function.name},
                times=times,
            )
    for field, kind in (("write_units", "Write"), ("read_units", "Read")):
        yield Metered(
            resource=stack.prices,
            field=field,
            namespace="AWS/DynamoDB",
            metric=f"Consumed{kind}CapacityUnits",
            dimensions={"TableName": stack.prices.name},
        )
    for topic in (stack.success, stack.alerts):
        yield Metered(
            resource=topic,
            field="requests",
            namespace="AWS/SNS",
            metric="NumberOfMessagesPublished",
            dimensions={"TopicName": topic.name},
        )
    for logs in (stack.webhook_logs, stack.enricher_logs, stack.notifier_logs):
        yield Metered(
            resource=logs,
            field="ingested_gb",
            namespace="AWS/Logs",
            metric="IncomingBytes",
            dimensions={"LogGroupName": logs.name},
            times=GB,
        )


def actual_cost(aws: Aws, stack: Stack, days: int, symbols: int, now: datetime | None = None) -> ActualCost:
    """The cost of the last days, or of as many as there has been a table. Two requests, one for the metrics.

    `symbols` is for the estimate alone: no metric tells of how many the prices were.
    """
    now = now or datetime.now(UTC)
    with existing(aws, stack.prices):
        table = aws.call("dynamodb", "DescribeTable", TableName=stack.prices.name)["Table"]
    size_bytes = table["TableSizeBytes"] + table["ItemCount"] * STORED_BESIDE_BYTES
    metrics = list(metered(stack))
    stored = Metered(
        resource=stack.webhook,
        field="prices",
        namespace="cryptoctl",
        metric="Stored",
        dimensions={"Function": stack.webhook.name, "Environment": stack.scope.environment},
    )
    begin = (now - timedelta(days=days)).replace(minute=0, second=0, microsecond=0)
    figures = _figures(aws, [*metrics, stored], begin, now)
    # An environment that stood idle at first has no figures of that time, and cost something.
    known = [each.begin for of_metric in figures for each in of_metric]
    known += [table["CreationDateTime"]] if "CreationDateTime" in table else []
    # A clock may be behind AWS's. And boto3 tells times in the machine's zone, where a day may have 23 hours.
    latest = now - timedelta(hours=1)
    since = max(begin, min((latest, *known))).astimezone(UTC)
    length_days = (now - since).total_seconds() / DAY_S
    prices, calls = _sum(figures[-1]), _sum(figures[0])
    load = Load(
        prices_per_s=prices / length_days / DAY_S,
        symbols=symbols,
        batch=max(1.0, prices / calls) if calls else 1.0,
        days=length_days,
    )
    # AWS writes no zeros of what is idle; an engine has nothing of a service that it does not count.
    counts = {metric.namespace for metric, found in zip(metrics, figures, strict=False) if found}

    def passed(start_days: float, end_days: float) -> Mapping[Provisioner, Traffic]:
        start, end = since + timedelta(days=start_days), since + timedelta(days=end_days)
        counted = [
            (
                metric,
                _sum(each for each in found if start <= each.begin < end) / metric.times
                if aws.metered or metric.namespace in counts
                else math.nan,
            )
            for metric, found in zip(metrics, figures, strict=False)
        ]
        return _passed(stack, counted, traffic(stack, replace(load, days=end_days - start_days)), size_bytes)

    ends = month_ends(length_days)
    months = [(end - start, passed(start, end)) for start, end in zip((0.0, *ends), ends, strict=False)]
    actual = priced(stack, passed(0.0, length_days), months, load)
    return ActualCost(since=since, prices=prices, actual=actual, estimated=estimate(stack, load))


def _passed(
    stack: Stack,
    counted: Iterable[tuple[Metered, float]],
    expected: Mapping[Provisioner, Traffic],
    size_bytes: int,
) -> Mapping[Provisioner, Traffic]:
    fields: dict[Provisioner, dict[str, float]] = defaultdict(dict)
    for metric, amount in counted:
        fields[metric.resource][metric.field] = amount
    fields[stack.prices]["stored_gb"] = size_bytes / GB
    fields[stack.success]["requests"] = _publishes(
        fields[stack.success]["requests"], fields[stack.enricher]["requests"]
    )
    idle = Traffic(days=expected[stack.prices].days)
    passed: dict[Provisioner, Traffic] = dict(expected)
    for resource, amounts in fields.items():
        # What no metric tells is as it is expected, of what was in use at all.
        used = amounts.get("requests") != 0
        passed[resource] = replace(expected.get(resource, idle) if used else idle, **amounts)
    return passed


def _publishes(messages: float, invocations: float) -> float:
    """How many requests brought the messages, if each invocation had as many."""
    if not messages or not invocations or math.isnan(messages + invocations):
        return messages
    return invocations * whole(messages / invocations / MESSAGES_IN_A_REQUEST)


def _sum(figures: Iterable[Figure]) -> float:
    return sum(each.total for each in figures)


def _figures(aws: Aws, metrics: Sequence[Metered], begin: datetime, end: datetime) -> list[list[Figure]]:
    """Those of each metric, in no order."""
    queries = [_query(f"m{number}", metric) for number, metric in enumerate(metrics)]
    found: dict[str, list[Figure]] = defaultdict(list)
    for each in aws.paginate(
        "cloudwatch",
        "GetMetricData",
        "MetricDataResults",
        MetricDataQueries=queries,
        StartTime=begin,
        EndTime=end,
    ):
        found[each["Id"]] += map(Figure, each["Timestamps"], each["Values"])
    return [found[query["Id"]] for query in queries]


def _query(name: str, metric: Metered) -> dict[str, Any]:
    dimensions = [{"Name": key, "Value": value} for key, value in metric.dimensions.items()]
    return {
        "Id": name,
        "MetricStat": {
            "Metric": {
                "Namespace": metric.namespace,
                "MetricName": metric.metric,
                "Dimensions": dimensions,
            },
            "Period": PERIOD_S,
            "Stat": "Sum",
        },
    }
