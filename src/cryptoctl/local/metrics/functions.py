"""Lambda's own metrics, written to CloudWatch: Invocations, Errors, Throttles, Duration, IteratorAge."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

from cryptoctl.local.functions.execution import Counts, Execution
from cryptoctl.local.internal_client import InternalClient

VALUES_IN_A_DATUM: Final[int] = 150


class FunctionMetrics:
    """Tells CloudWatch what functions did since the last time."""

    def __init__(self, client: InternalClient, execution: Execution) -> None:
        self._client = client
        self._execution = execution

    async def write(self) -> None:
        """Writes what is not yet written. An invocation counts when it has ended."""
        for (region, function), counts in self._execution.take_counts().items():
            dimensions = [{"Name": "FunctionName", "Value": function}]
            data = [{**datum, "Dimensions": dimensions} for datum in _data(counts)]
            await self._client.put_metrics(region, "AWS/Lambda", data)


def _data(counts: Counts) -> Iterator[dict[str, Any]]:
    numbers = {"Invocations": counts.invocations, "Errors": counts.errors, "Throttles": counts.throttles}
    for name, number in numbers.items():
        yield {"MetricName": name, "Unit": "Count", "Value": float(number)}
    for name, values in {"Duration": counts.durations_ms, "IteratorAge": counts.iterator_ages_ms}.items():
        pairs = sorted(Counter(values).items())
        for start in range(0, len(pairs), VALUES_IN_A_DATUM):
            batch = pairs[start : start + VALUES_IN_A_DATUM]
            yield {
                "MetricName": name,
                "Unit": "Milliseconds",
                "Values": [value for value, _ in batch],
                "Counts": [float(count) for _, count in batch],
            }
