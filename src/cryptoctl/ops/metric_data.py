"""What CloudWatch has counted of metrics."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from cryptoctl.aws import Aws
from cryptoctl.aws_responses import parsing_response
from cryptoctl.provisioners.metric import Metric
from cryptoctl.provisioners.tags import key_values
from cryptoctl.reconcile.permissions import Access, Permission, allow
from cryptoctl.stack import Stack


def permissions(_: Stack) -> Iterator[Permission]:
    """Metrics are no resources."""
    yield from allow(Access.DESCRIBE, "cloudwatch", "GetMetricData", "*")


def metric_data(
    aws: Aws, metrics: Mapping[str, Metric], period_s: int, begin: datetime, end: datetime
) -> dict[str, dict[datetime, float]]:
    """Each metric's values under its id, by the begin of their periods, in UTC."""
    values: dict[str, dict[datetime, float]] = {id_: {} for id_ in metrics}
    for result in aws.paginate(
        "cloudwatch",
        "GetMetricData",
        "MetricDataResults",
        MetricDataQueries=[_query(id_, metric, period_s) for id_, metric in metrics.items()],
        StartTime=begin,
        EndTime=end,
    ):
        with parsing_response("metrics"):
            for moment, value in zip(result["Timestamps"], result["Values"], strict=True):
                # boto3 tells times in the machine's zone, where two hours of a year are the same.
                values[result["Id"]][moment.astimezone(UTC)] = value
    return values


def _query(id_: str, metric: Metric, period_s: int) -> dict[str, Any]:
    return {
        "Id": id_,
        "MetricStat": {
            "Metric": {
                "Namespace": metric.namespace,
                "MetricName": metric.name,
                "Dimensions": key_values(metric.dimensions, "Name", "Value"),
            },
            "Period": period_s,
            "Stat": metric.statistic,
        },
    }
