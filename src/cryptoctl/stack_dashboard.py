"""What the environment's dashboard shows: the picture that `status` gives, over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cryptoctl.provisioners.alarm import Alarm
from cryptoctl.provisioners.dashboard import Dashboard, Graph, dashboard_name
from cryptoctl.provisioners.function import Function
from cryptoctl.provisioners.metric import function_metric, own_metric, waiting_metric
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
        return Dashboard(
            scope=self.scope,
            name=dashboard_name(self.scope),
            graphs=(
                Graph(
                    title="Prices",
                    lines={
                        "received": own_metric(self.webhook, "Received"),
                        "stored": own_metric(self.webhook, "Stored"),
                        "rejected": own_metric(self.webhook, "Rejected"),
                        "enriched": own_metric(self.enricher, "Enriched"),
                    },
                ),
                Graph(
                    title="Behind (ms)",
                    lines={
                        "age of the stream's records": function_metric(
                            self.enricher, "IteratorAge", "Maximum"
                        ),
                        "price's time to enrichment": own_metric(self.enricher, "Lag", "p99"),
                    },
                ),
                Graph(
                    title="Dead letters",
                    lines={queue.short_name: waiting_metric(queue) for queue in self.queues},
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
            lines={each.short_name: function_metric(each, metric, statistic) for each in self.functions},
        )
