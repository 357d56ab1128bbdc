"""Metrics in the embedded metric format: log lines with `_aws` that CloudWatch Logs turns into metrics."""

from __future__ import annotations

import asyncio
import json
import logging
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from cryptoctl.local.http import ServiceError
from cryptoctl.local.internal_client import InternalClient
from cryptoctl.local.logs.store import LogEvent
from cryptoctl.local.supervision import work_in_batches

logger = logging.getLogger(__name__)

MAX_WAITING: Final[int] = 10_000
DATA_IN_A_PUT: Final[int] = 1000
GATHER_S: Final[float] = 1.0


class EmbeddedMetrics:
    """Takes new log events, and writes to CloudWatch the metrics that are in them."""

    def __init__(self, client: InternalClient) -> None:
        self._client = client
        self._waiting: deque[tuple[str, str, dict[str, Any]]] = deque(maxlen=MAX_WAITING)
        self._wake = asyncio.Event()

    def take(self, region: str, _group: str, _stream: str, events: Iterable[LogEvent]) -> None:
        """Takes new events of a stream."""
        for event in events:
            if event.message.startswith("{") and '"_aws"' in event.message:
                self._waiting.extend((region, *datum) for datum in embedded(event.message))
                self._wake.set()

    async def work(self) -> None:
        """Writes, for as long as the engine lives."""
        await work_in_batches(self._wake, GATHER_S, self.write)

    async def write(self) -> None:
        """Writes what is not yet written, the metrics of a namespace together."""
        gathered: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
        while self._waiting:
            region, namespace, datum = self._waiting.popleft()
            gathered[region, namespace].append(datum)
        for (region, namespace), data in gathered.items():
            for start in range(0, len(data), DATA_IN_A_PUT):
                batch = data[start : start + DATA_IN_A_PUT]
                try:
                    await self._client.put_metrics(region, namespace, batch)
                except ServiceError as error:
                    logger.warning("embedded metrics of %s are refused: %s", namespace, error)


def embedded(line: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The metrics of a line, as (namespace, datum); none where the line is not in the format."""
    try:
        content = json.loads(line)
        directives = content["_aws"]["CloudWatchMetrics"]
        timestamp = content["_aws"]["Timestamp"] / 1000
        for directive in directives:
            for names in directive.get("Dimensions") or [[]]:
                dimensions = [{"Name": name, "Value": str(content[name])} for name in names]
                for metric in directive["Metrics"]:
                    datum = {"Timestamp": timestamp, "Dimensions": dimensions, **_datum(metric, content)}
                    yield directive["Namespace"], datum
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        return


def _datum(metric: Mapping[str, Any], content: Mapping[str, Any]) -> dict[str, Any]:
    value = content[metric["Name"]]
    numbers = [float(number) for number in value] if isinstance(value, list) else [float(value)]
    return {"MetricName": metric["Name"], "Unit": metric.get("Unit", "None"), "Values": numbers}
