"""What the environment's dashboard shows: the picture that `status` gives, over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cryptoctl.handlers.metrics import NAMESPACE
from cryptoctl.provisioners.alarm import Alarm, Metric
from cryptoctl.provisioners.dashboard import Dashboard, Graph, dashboard_name
from cryptoctl.provisioners.function import Function
from cryptoctl.provisioners.queue import Queue
from cryptoctl.reconcile.scope import Scope


@dataclass(frozen=True, kw_only=True)
class StackDashboard:
    """Builds the dashboard of a stack's functions, queues and alarms."""

    scope: Scope
    webhook: Function
    enricher: Function
    functions: Sequence[Function]
    queues: Sequence[Queue]
    alarms: Sequence[Alarm]

    def dashboard(self) -> Dashboard:
        """Six graphs, and the alarms."""
        waiting = "ApproximateNumberOfMessagesVisible"
        return Dashboard(
            scope=self.scope,
            name=dashboard_name(self.scope),
            graphs=(
                Graph(
                    title="Prices",
                    lines={
                        "received": self._ours(self.webhook, "Received"),
                        "stored": self._ours(self.webhook, "Stored"),
                        "rejected": self._ours(self.webhook, "Rejected"),
                        "enriched": self._ours(self.enricher, "Enriched"),
                    },
                ),
                Graph(
                    title="Behind (ms)",
                    lines={
                        "age of the stream's records": _of(self.enricher, "IteratorAge", "Maximum"),
                        "price's time to enrichment": self._ours(self.enricher, "Lag", "p99"),
                    },
                ),
                Graph(
                    title="Dead letters",
                    lines={
                        queue.short_name: Metric(
                            namespace="AWS/SQS",
                            metric=waiting,
                            dimensions={"QueueName": queue.name},
                            statistic="Maximum",
                        )
                        for queue in self.queues
                    },
                ),
                self._each("Errors", "Errors", "Sum"),
                self._each("Throttles", "Throttles", "Sum"),
                self._each("Duration (ms, p99)", "Duration", "p99"),
            ),
            alarms=tuple(each.arn for each in self.alarms),
        )

    def _each(self, title: str, metric: str, statistic: str) -> Graph:
        """The same metric of each function."""
        return Graph(
            title=title,
            lines={each.short_name: _of(each, metric, statistic) for each in self.functions},
        )

    def _ours(self, function: Function, metric: str, statistic: str = "Sum") -> Metric:
        dimensions = {"Function": function.name, "Environment": self.scope.environment}
        return Metric(namespace=NAMESPACE, metric=metric, dimensions=dimensions, statistic=statistic)


def _of(function: Function, metric: str, statistic: str) -> Metric:
    return Metric(
        namespace="AWS/Lambda",
        metric=metric,
        dimensions={"FunctionName": function.name},
        statistic=statistic,
    )
