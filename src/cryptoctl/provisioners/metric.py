"""Metrics of CloudWatch: what alarms look at, dashboards show, and commands read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cryptoctl.handlers.metrics import NAMESPACE
from cryptoctl.provisioners.function import Function
from cryptoctl.provisioners.queue import Queue


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A metric of CloudWatch, and the statistic of it that counts."""

    namespace: str
    name: str
    dimensions: Mapping[str, str]
    statistic: str


def function_metric(function: Function, name: str, statistic: str = "Sum") -> Metric:
    """One that Lambda writes of a function."""
    dimensions = {"FunctionName": function.name}
    return Metric(namespace="AWS/Lambda", name=name, dimensions=dimensions, statistic=statistic)


def own_metric(function: Function, name: str, statistic: str = "Sum", **more: str) -> Metric:
    """One that a function of ours writes (handlers/metrics.py), by further dimensions if need be."""
    dimensions = {"Function": function.name, "Environment": function.scope.environment, **more}
    return Metric(namespace=NAMESPACE, name=name, dimensions=dimensions, statistic=statistic)


def queue_metric(queue: Queue, name: str) -> Metric:
    """The largest value of one that SQS writes of a queue."""
    dimensions = {"QueueName": queue.name}
    return Metric(namespace="AWS/SQS", name=name, dimensions=dimensions, statistic="Maximum")


def waiting_metric(queue: Queue) -> Metric:
    """How many messages can be received from a queue."""
    return queue_metric(queue, "ApproximateNumberOfMessagesVisible")
