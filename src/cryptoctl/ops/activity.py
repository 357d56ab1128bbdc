"""What the functions and queues did in the last hour, minute by minute, from CloudWatch's metrics."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptoctl.aws import Aws
from cryptoctl.provisioners.function import Function
from cryptoctl.provisioners.queue import Queue
from cryptoctl.reconcile.permissions import Access, Permission, allow
from cryptoctl.stack import Stack

MINUTES = 60
PERIOD_S = 60
# The functions' own metrics (handlers/metrics.py), by the stack's name of the function.
PRICES = {"webhook": "Received", "enricher": "Enriched"}


@dataclass(frozen=True, kw_only=True)
class FunctionActivity:
    """A function's last hour: a number for each minute, the oldest first, the last one not yet over."""

    function: str
    prices: tuple[float, ...]
    """how many prices it received, or enriched"""
    invocations: tuple[float, ...]
    errors: tuple[float, ...]
    """how many invocations failed"""


@dataclass(frozen=True, kw_only=True)
class Activity:
    """The functions', and how far behind the stream and the queues are."""

    functions: tuple[FunctionActivity, ...]
    iterator_age_s: float | None
    """how old the last record was as it was handed over; None where nothing was in the last 15 minutes"""
    oldest_s: Mapping[str, float]
    """the age of the oldest message of each queue, as far as SQS has told it"""


def permissions(_: Stack) -> Iterator[Permission]:
    """Metrics are no resources."""
    yield from allow(Access.DESCRIBE, "cloudwatch", "GetMetricData", "*")


def activity(aws: Aws, stack: Stack, now: datetime | None = None) -> Activity:
    """Reads all of it with one request."""
    now = now or datetime.now(UTC)
    begin = now.replace(second=0, microsecond=0) - timedelta(minutes=MINUTES - 1)
    functions = {"webhook": stack.webhook, "enricher": stack.enricher}
    queues = (stack.webhook_dead_letters, stack.enricher_dead_letters)
    queries = [
        *(query for name, function in functions.items() for query in _of_function(name, function)),
        _query("lag", "AWS/Lambda", "IteratorAge", "Maximum", FunctionName=stack.enricher.name),
        *(_of_queue(number, queue) for number, queue in enumerate(queues)),
    ]
    found = {
        each["Id"]: _by_minute(each, begin)
        for each in aws.paginate(
            "cloudwatch",
            "GetMetricData",
            "MetricDataResults",
            MetricDataQueries=queries,
            StartTime=begin,
            EndTime=now,
        )
    }
    lag = [each for each in found.get("lag", [])[-15:] if each is not None]
    return Activity(
        functions=tuple(_function(name, function, found) for name, function in functions.items()),
        iterator_age_s=lag[-1] / 1000 if lag else None,
        oldest_s={
            queue.name: ages[-1]
            for number, queue in enumerate(queues)
            if (ages := [each for each in found.get(f"oldest{number}", [])[-5:] if each is not None])
        },
    )


def _function(name: str, function: Function, found: Mapping[str, list[float | None]]) -> FunctionActivity:
    def numbers(what: str) -> tuple[float, ...]:
        return tuple(each or 0.0 for each in found.get(f"{name}_{what}") or [None] * MINUTES)

    return FunctionActivity(
        function=function.name,
        prices=numbers("prices"),
        invocations=numbers("invocations"),
        errors=numbers("errors"),
    )


def _of_function(name: str, function: Function) -> Iterator[dict[str, Any]]:
    ours = {"Function": function.name, "Environment": function.scope.environment}
    yield _query(f"{name}_prices", "cryptoctl", PRICES[name], "Sum", **ours)
    for metric in ("Invocations", "Errors"):
        yield _query(f"{name}_{metric.lower()}", "AWS/Lambda", metric, "Sum", FunctionName=function.name)


def _of_queue(number: int, queue: Queue) -> dict[str, Any]:
    metric = "ApproximateAgeOfOldestMessage"
    return _query(f"oldest{number}", "AWS/SQS", metric, "Maximum", QueueName=queue.name)


def _query(id: str, namespace: str, metric: str, statistic: str, **dimensions: str) -> dict[str, Any]:  # noqa: A002
    named = [{"Name": name, "Value": value} for name, value in dimensions.items()]
    return {
        "Id": id,
        "MetricStat": {
            "Metric": {"Namespace": namespace, "MetricName": metric, "Dimensions": named},
            "Period": PERIOD_S,
            "Stat": statistic,
        },
    }


def _by_minute(result: Mapping[str, Any], begin: datetime) -> list[float | None]:
    """One value for each minute, None where there is no datum."""
    found: list[float | None] = [None] * MINUTES
    for moment, value in zip(result["Timestamps"], result["Values"], strict=True):
        minute = int((moment - begin).total_seconds() // PERIOD_S)
        if 0 <= minute < MINUTES:
            found[minute] = float(value)
    return found
