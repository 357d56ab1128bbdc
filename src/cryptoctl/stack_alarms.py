"""What each of the stack's alarms looks at, and what its message says: what it means, and what to type."""

from __future__ import annotations

from dataclasses import dataclass

from cryptoctl.alarm_settings import AlarmSettings, Threshold
from cryptoctl.provisioners.alarm import Alarm, prefix
from cryptoctl.provisioners.function import Function
from cryptoctl.provisioners.metric import Metric, function_metric, own_metric, waiting_metric
from cryptoctl.provisioners.queue import Queue
from cryptoctl.provisioners.topic import Topic

MILLISECONDS = 1000


@dataclass(frozen=True, kw_only=True)
class StackAlarms:
    """Builds the alarms that the configuration has; None for one that is switched off."""

    above: AlarmSettings
    topic: Topic

    def dead_letters(self, queue: Queue) -> Alarm | None:
        """Messages wait in a dead-letter queue."""
        meaning = f"{queue.name} has messages that failed all retries."
        return self._alarm(
            queue.short_name, waiting_metric(queue), self.above.dead_letters, meaning, "dlq list"
        )

    def lag(self, function: Function) -> Alarm | None:
        """What a function reads from a stream is old by then."""
        limit = self.above.lag_s
        return self._alarm(
            f"{function.short_name}-lag",
            function_metric(function, "IteratorAge", "Maximum"),
            limit if isinstance(limit, str) else limit * MILLISECONDS,
            f"Prices wait too long for {function.name}.",
            f"logs {function.short_name}",
        )

    def errors(self, function: Function) -> Alarm | None:
        """Invocations of a function fail."""
        meaning, name = f"Invocations of {function.name} fail.", function.short_name
        return self._alarm(
            f"{name}-errors", function_metric(function, "Errors"), self.above.errors, meaning, f"logs {name}"
        )

    def throttles(self, function: Function) -> Alarm | None:
        """More invocations of a function are wanted at once than are allowed."""
        return self._alarm(
            f"{function.short_name}-throttles",
            function_metric(function, "Throttles"),
            self.above.throttles,
            f"{function.name} is throttled: more invocations at once than its reserved concurrency allows.",
            "config",
        )

    def unauthorized(self, function: Function, sender: str) -> Alarm | None:
        """Many requests do not prove that they come from the sender that they name."""
        metric = own_metric(function, "Unauthorized", Sender=sender)
        meaning = f"Many requests to {function.name} are refused (sender: {sender})."
        return self._alarm(f"unauthorized-{sender}", metric, self.above.unauthorized, meaning, "webhook list")

    def _alarm(self, name: str, metric: Metric, above: Threshold, meaning: str, command: str) -> Alarm | None:
        if isinstance(above, str) or not self.above.enabled:
            return None
        scope = self.topic.scope
        return Alarm(
            scope=scope,
            name=f"{prefix(scope)}{name}",
            metric=metric,
            threshold=above,
            topic=self.topic,
            meaning=meaning,
            command=f"`cryptoctl {command} --env {scope.environment} --region {scope.region}`",
        )


def any_alarm(topic: Topic) -> Alarm:
    """One that no environment has, to find those that an earlier configuration had."""
    metric = Metric(namespace="", name="", dimensions={}, statistic="")
    return Alarm(
        scope=topic.scope,
        name=f"{prefix(topic.scope)}any",
        metric=metric,
        threshold=0,
        topic=topic,
        meaning="",
        command="",
    )
