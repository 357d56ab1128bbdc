"""SQS's metrics of its queues: how many messages are visible, and in flight."""

from __future__ import annotations

from typing import Any, Final

from cryptoctl.local.http import ServiceError
from cryptoctl.local.internal_client import InternalClient
from cryptoctl.local.regions import Regions

_METRICS: Final[dict[str, str]] = {
    "ApproximateNumberOfMessages": "ApproximateNumberOfMessagesVisible",
    "ApproximateNumberOfMessagesNotVisible": "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed": "ApproximateNumberOfMessagesDelayed",
}


class QueueMetrics:
    """Tells CloudWatch what lies in the queues."""

    def __init__(self, client: InternalClient, regions: Regions) -> None:
        self._client = client
        self._regions = regions

    async def write(self) -> None:
        """Writes how it is now."""
        for region in self._regions.used():
            await self._write_region(region)

    async def _write_region(self, region: str) -> None:
        urls = (await self._client.json("sqs", "ListQueues", region)).get("QueueUrls", [])
        data: list[dict[str, Any]] = []
        for url in urls:
            try:
                response = await self._client.json(
                    "sqs", "GetQueueAttributes", region, QueueUrl=url, AttributeNames=list(_METRICS)
                )
            except ServiceError:
                # It was deleted between the two requests.
                continue
            dimensions = [{"Name": "QueueName", "Value": url.rpartition("/")[2]}]
            for attribute, metric in _METRICS.items():
                value = float(response["Attributes"][attribute])
                data.append({"MetricName": metric, "Unit": "Count", "Value": value, "Dimensions": dimensions})
        if data:
            await self._client.put_metrics(region, "AWS/SQS", data)
