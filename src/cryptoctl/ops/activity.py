"""What the functions and queues did in the last hour, minute by minute, from CloudWatch's metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptoctl.aws import Aws
from cryptoctl.ops.metric_data import metric_data
from cryptoctl.provisioners.metric import function_metric, own_metric, queue_metric
from cryptoctl.stack import Stack

MINUTES = 60
PERIOD_S = 60
# As long as an alarm stays raised after its cause: a stream that has caught up since is not behind.
LATELY_MINUTES = 5
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
    """how old the last record was as it was handed over; None where nothing was lately"""
    oldest_s: Mapping[str, float]
    """the age of the oldest message of each queue, as far as SQS has told it"""


def activity(aws: Aws, stack: Stack, now: datetime | None = None) -> Activity:
    """Reads all of it with one request."""
    now = now or datetime.now(UTC)
    begin = now.replace(second=0, microsecond=0) - timedelta(minutes=MINUTES - 1)
    functions = {"webhook": stack.webhook, "enricher": stack.enricher}
    queues = (stack.webhook_dead_letters, stack.enricher_dead_letters)
    metrics = {"lag": function_metric(stack.enricher, "IteratorAge", "Maximum")}
    for name, function in functions.items():
        metrics[f"{name}_prices"] = own_metric(function, PRICES[name])
        metrics[f"{name}_invocations"] = function_metric(function, "Invocations")
        metrics[f"{name}_errors"] = function_metric(function, "Errors")
    for number, queue in enumerate(queues):
        metrics[f"oldest{number}"] = queue_metric(queue, "ApproximateAgeOfOldestMessage")
    series = {
        id_: _by_minute(values, begin)
        for id_, values in metric_data(aws, metrics, PERIOD_S, begin, now).items()
    }
    lag_ms = _latest(series["lag"])
    ages_s = {queue.name: _latest(series[f"oldest{number}"]) for number, queue in enumerate(queues)}

    def numbers(id_: str) -> tuple[float, ...]:
        return tuple(value or 0.0 for value in series[id_])

    return Activity(
        functions=tuple(
            FunctionActivity(
                function=function.name,
                prices=numbers(f"{name}_prices"),
                invocations=numbers(f"{name}_invocations"),
                errors=numbers(f"{name}_errors"),
            )
            for name, function in functions.items()
        ),
        iterator_age_s=None if lag_ms is None else lag_ms / 1000,
        oldest_s={name: age_s for name, age_s in ages_s.items() if age_s is not None},
    )


def _by_minute(values: Mapping[datetime, float], begin: datetime) -> list[float | None]:
    """One value for each minute, None where there is no datum."""
    numbers = {(moment - begin) // timedelta(seconds=PERIOD_S): float(values[moment]) for moment in values}
    return [numbers.get(minute) for minute in range(MINUTES)]


def _latest(by_minute: Sequence[float | None]) -> float | None:
    """The last value of the last minutes; None where there is none."""
    return next((value for value in by_minute[: -LATELY_MINUTES - 1 : -1] if value is not None), None)
