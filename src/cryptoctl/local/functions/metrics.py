"""Lambda's own metrics, written to CloudWatch: Invocations, Errors, Throttles, Duration, IteratorAge."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from typing import Final

from cryptoctl.local.functions.execution import Counts
from cryptoctl.local.internal_client import InternalClient

EVERY_S: Final[float] = 5.0


class Metrics:
    """Tells CloudWatch, every few seconds, what functions did since the last time."""

    def __init__(self, client: InternalClient, counts: dict[tuple[str, str], Counts]) -> None:
        self._client = client
        self._counts = counts

    async def work(self) -> None:
        """Writes, for as long as the engine lives."""
        while True:
            await asyncio.sleep(EVERY_S)
            counts = dict(self._counts)
            self._counts.clear()
            for (region, function), count in counts.items():
                await self._write(region, function, count)

    async def _write(self, region: str, function: str, counts: Counts) -> None:
        parameters = {"Namespace": "AWS/Lambda"}
        for number, (name, unit, values) in enumerate(_data(counts), 1):
            datum = f"MetricData.member.{number}"
            parameters |= {
                f"{datum}.MetricName": name,
                f"{datum}.Unit": unit,
                f"{datum}.Dimensions.member.1.Name": "FunctionName",
                f"{datum}.Dimensions.member.1.Value": function,
                **_statistics(datum, values),
            }
        await self._client.form("monitoring", "2010-08-01", "PutMetricData", region, **parameters)


def _data(counts: Counts) -> Iterator[tuple[str, str, list[float]]]:
    yield "Invocations", "Count", [float(counts.invocations)]
    yield "Errors", "Count", [float(counts.errors)]
    yield "Throttles", "Count", [float(counts.throttles)]
    if counts.durations_ms:
        yield "Duration", "Milliseconds", counts.durations_ms
    if counts.iterator_ages_ms:
        yield "IteratorAge", "Milliseconds", counts.iterator_ages_ms


def _statistics(datum: str, values: list[float]) -> Mapping[str, str]:
    found = {"SampleCount": len(values), "Sum": sum(values), "Minimum": min(values), "Maximum": max(values)}
    return {f"{datum}.StatisticValues.{name}": str(value) for name, value in found.items()}
