"""The state of an environment: its resources, what differs, and how many messages its queues hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from cryptoctl.aws import Aws, AwsError
from cryptoctl.provisioners.queue import NO_SUCH_QUEUE, Queue
from cryptoctl.provisioners.stream_mapping import StreamMapping
from cryptoctl.reconcile.observe import planned
from cryptoctl.reconcile.permissions import Access, Permission, allow
from cryptoctl.reconcile.plan import Goal, Step, Verb
from cryptoctl.stack import Stack


class ResourceState(StrEnum):
    """The state of a resource."""

    PRESENT = "present"
    DRIFTED = "drifted"
    MISSING = "missing"
    FOREIGN = "not managed"
    ORPHANED = "orphaned"


_STATES = {
    Verb.NOTHING: ResourceState.PRESENT,
    Verb.CREATE: ResourceState.MISSING,
    Verb.UPDATE: ResourceState.DRIFTED,
    Verb.REPLACE: ResourceState.DRIFTED,
    Verb.REFUSED: ResourceState.FOREIGN,
    Verb.DELETE: ResourceState.ORPHANED,
}


@dataclass(frozen=True, kw_only=True)
class QueueDepth:
    """How many messages of a queue wait, are in flight, and are delayed (not receivable yet)."""

    name: str
    visible: int
    in_flight: int
    delayed: int


@dataclass(frozen=True, kw_only=True)
class MappingState:
    """A stream mapping as Lambda reports it."""

    name: str
    state: str
    last_result: str
    iterator_age_s: float | None
    """How old the last record was as it was handed over; None where nothing was in the last 15 minutes."""


@dataclass(frozen=True, kw_only=True)
class Health:
    """The whole environment."""

    resources: tuple[tuple[str, ResourceState, tuple[str, ...]], ...]
    queues: tuple[QueueDepth, ...]
    mappings: tuple[MappingState, ...]
    notes: tuple[str, ...] = ()
    """what else should be known, a sentence each"""

    def document(self) -> dict[str, Any]:
        """For a machine."""
        return {
            "resources": [
                {"resource": name, "state": state, "differs": list(fields)}
                for name, state, fields in self.resources
            ],
            "queues": [vars(queue) for queue in self.queues],
            "mappings": [vars(mapping) for mapping in self.mappings],
            "notes": list(self.notes),
        }


def permissions(stack: Stack) -> Iterator[Permission]:
    """Reading the queues' depths and the stream's iterator age; the resources declare the other reads."""
    for queue in (stack.webhook_dead_letters, stack.enricher_dead_letters):
        yield from allow(Access.DESCRIBE, "sqs", "GetQueueUrl GetQueueAttributes", queue.arn)
    yield from allow(Access.DESCRIBE, "cloudwatch", "GetMetricStatistics", "*")  # metrics are no resources


def status_of(stack: Stack, aws: Aws) -> Health:
    """Reads the whole environment; all reads run at the same time."""
    resources = list(stack)
    reads: list[Callable[[], Any]] = [lambda: planned(resources, aws, Goal.PRESENT, orphans=stack.orphans)]
    queues = [each for each in resources if isinstance(each, Queue)]
    mappings = [each for each in resources if isinstance(each, StreamMapping)]
    reads += [_depth(aws, queue) for queue in queues]
    reads += [_state(aws, mapping) for mapping in mappings]
    plan, *rest = aws.gather(*reads)
    return Health(
        resources=tuple(_resource(step) for step in plan.steps),
        queues=tuple(each for each in rest[: len(queues)] if each),
        mappings=tuple(each for each in rest[len(queues) :] if each),
        notes=plan.notes,
    )


def _resource(step: Step) -> tuple[str, ResourceState, tuple[str, ...]]:
    return str(step.resource), _STATES[step.verb], tuple(change.path for change in step.changes)


def _depth(aws: Aws, queue: Queue) -> Callable[[], QueueDepth | None]:
    def read() -> QueueDepth | None:
        found = aws.find("sqs", "GetQueueUrl", absent=NO_SUCH_QUEUE, QueueName=queue.name)
        if found is None:
            return None
        counts = ("", "NotVisible", "Delayed")
        names = [f"ApproximateNumberOfMessages{each}" for each in counts]
        answer = aws.find(
            "sqs",
            "GetQueueAttributes",
            absent=NO_SUCH_QUEUE,
            QueueUrl=found["QueueUrl"],
            AttributeNames=names,
        )
        if answer is None:
            return None
        visible, in_flight, delayed = (int(answer["Attributes"].get(name, 0)) for name in names)
        return QueueDepth(name=queue.name, visible=visible, in_flight=in_flight, delayed=delayed)

    return read


def _iterator_age_s(aws: Aws, function: str) -> float | None:
    now = datetime.now(UTC)
    try:
        answer = aws.call(
            "cloudwatch",
            "GetMetricStatistics",
            Namespace="AWS/Lambda",
            MetricName="IteratorAge",
            Dimensions=[{"Name": "FunctionName", "Value": function}],
            StartTime=now - timedelta(minutes=15),
            EndTime=now,
            Period=60,
            Statistics=["Maximum"],
        )
    except AwsError as error:
        if error.denied:  # the rest is worth seeing without it
            return None
        raise
    latest = max(answer["Datapoints"], key=lambda point: point["Timestamp"], default=None)
    return None if latest is None else float(latest["Maximum"]) / 1000


def _state(aws: Aws, mapping: StreamMapping) -> Callable[[], MappingState | None]:
    def read() -> MappingState | None:
        found = mapping.find(aws)
        if found is None:
            return None
        return MappingState(
            name=str(mapping),
            state=found["State"],
            last_result=found.get("LastProcessingResult", ""),
            iterator_age_s=_iterator_age_s(aws, mapping.function.name),
        )

    return read
