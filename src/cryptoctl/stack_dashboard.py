"""What the environment's dashboard shows: the picture that `status` gives, over time."""

from __future__ import annotations

from collections.abc import Sequence

from cryptoctl.provisioners.alarm import Alarm
from cryptoctl.provisioners.dashboard import Dashboard, Graph, dashboard_name
from cryptoctl.provisioners.function import Function
from cryptoctl.provisioners.metric import function_metric, own_metric, waiting_metric
from cryptoctl.provisioners.queue import Queue
from cryptoctl.reconcile.scope import Scope


def stack_dashboard(
    scope: Scope,
    *,
    webhook: Function,
    enricher: Function,
    functions: Sequence[Function],
    queues: Sequence[Queue],
    alarms: Sequence[Alarm],
) -> Dashboard:
    """Six graphs, and the alarms."""

    def function_graph(title: str, metric: str, statistic: str) -> Graph:
        """The same metric of each function."""
        lines = {function.short_name: function_metric(function, metric, statistic) for function in functions}
        return Graph(title=title, lines=lines)

    return Dashboard(
        scope=scope,
        name=dashboard_name(scope),
        graphs=(
            Graph(
                title="Prices",
                lines={
                    "received": own_metric(webhook, "Received"),
                    "stored": own_metric(webhook, "Stored"),
                    "rejected": own_metric(webhook, "Rejected"),
                    "enriched": own_metric(enricher, "Enriched"),
                },
            ),
            Graph(
                title="Behind (ms)",
                lines={
                    "age of the stream's records": function_metric(enricher, "IteratorAge", "Maximum"),
                    "price's time to enrichment": own_metric(enricher, "Lag", "p99"),
                },
            ),
            Graph(title="Dead letters", lines={queue.short_name: waiting_metric(queue) for queue in queues}),
            function_graph("Errors", "Errors", "Sum"),
            function_graph("Throttles", "Throttles", "Sum"),
            function_graph("Duration (ms, p99)", "Duration", "p99"),
        ),
        alarms=tuple(alarm.arn for alarm in alarms),
    )
