"""SQS's metrics of its queues: how many messages are visible, and in flight."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from cryptoctl.local.http import ServiceError
from cryptoctl.local.internal_client import InternalClient
from cryptoctl.local.regions import Regions

EVERY_S: Final[float] = 15.0
_METRICS: Final[dict[str, str]] = {
    "ApproximateNumberOfMessages": "ApproximateNumberOfMessagesVisible",
    "ApproximateNumberOfMessagesNotVisible": "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed": "ApproximateNumberOfMessagesDelayed",
}


class QueueMetrics:
    """Tells CloudWatch, now and then, what lies in the queues."""

    def __init__(self, client: InternalClient, regions: Regions) -> None:
        self._client = client
        self._regions = regions

    async def work(self) -> None:
        """Writes, for as long as the engine lives."""
        while True:
            await asyncio.sleep(EVERY_S)
            for region in self._regions.seen():
                await self._write(region)

    async def _write(self, region: str) -> None:
        urls = (await self._client.json("sqs", "ListQueues", region)).get("QueueUrls", [])
        data: list[dict[str, Any]] = []
        for url in urls:
            try:
                found = await self._client.json(
                    "sqs", "GetQueueAttributes", region, QueueUrl=url, AttributeNames=list(_METRICS)
                )
            except ServiceError:
                # It was deleted between the two requests.
                continue
            dimensions = [{"Name": "QueueName", "Value": url.rpartition("/")[2]}]
            for attribute, metric in _METRICS.items():
                value = float(found["Attributes"][attribute])
                data.append({"MetricName": metric, "Unit": "Count", "Value": value, "Dimensions": dimensions})
        if data:
            await self._client.json(
                "monitoring", "PutMetricData", region, Namespace="AWS/SQS", MetricData=data
            )
