"""An environment at a glance: one value for `status`, its live screen, and whatever else shows it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from cryptoctl.ops.activity import LATELY_MINUTES, Activity
from cryptoctl.ops.alarms import AlarmState
from cryptoctl.ops.causes import cause_of
from cryptoctl.ops.log_entries import LogEntry
from cryptoctl.ops.queue_depth import QueueDepth
from cryptoctl.ops.status import Inventory, MappingState, ResourceState
from cryptoctl.ops.symbols import MINUTE_MS, SymbolState
from cryptoctl.provisioners.alarm import alarm_name
from cryptoctl.wording import pluralize

NEWEST_ERRORS = 5
LATE_S = 60.0
LOG_GROUPS = "/aws/lambda/"
QUEUE_CHOICES = {"webhook-processor": "webhook", "price-enricher": "enricher"}
HEALTHY_STATES = ("Enabled", "Creating", "Updating", "Enabling")
PLAN_SHOWS = "`cryptoctl plan` shows what `cryptoctl up` would do"
ENGINE_HINT = "Make room on the disk, if it is full; `cryptoctl local logs` may say more"
# A command without its options: which environment it is for is the same in all of them.
COMMAND = re.compile(r"`(cryptoctl [^`]*?)(?: --[^`]*)?`")


class Health(StrEnum):
    """What a part of the pipeline is shown as."""

    GOOD = "good"
    DOUBTFUL = "doubtful"
    """dead letters wait"""
    BAD = "bad"
    """it needs attention"""


@dataclass(frozen=True, kw_only=True)
class Concern:
    """Something that needs attention: what, in words, and the command that goes on from there."""

    subject: str
    description: str
    hint: str
    is_about_letters: bool = False
    """whether messages wait in a queue, rather than something being wrong with a part"""


@dataclass(frozen=True, kw_only=True)
class Overview:
    """The environment as it stands. What these credentials may not read is None, and named in `unread`."""

    environment: str
    at_ms: int
    inventory: Inventory
    queues: tuple[QueueDepth, ...]
    mappings: tuple[MappingState, ...]
    activity: Activity | None
    errors: tuple[LogEntry, ...] | None
    """those of the last hour, the newest last"""
    alarms: tuple[AlarmState, ...] | None
    """those of the configuration that exist, the one that changed last first"""
    symbols: tuple[SymbolState, ...] | None
    """those that prices came of in the last hour, MAX_SYMBOLS at most, the one with the newest first"""
    more_symbols: int = 0
    """how many more they are"""
    unread: tuple[str, ...] = ()
    incomplete: tuple[str, ...] = ()
    """the parts of which the last hour's log may hold more than was read"""
    engine_problems: tuple[str, ...] = ()
    """what does not work in the embedded engine that it is on, such as to save its data"""

    @property
    def dead_letters(self) -> int:
        """How many messages wait in both queues."""
        return sum(queue.messages for queue in self.queues)

    @property
    def as_configured(self) -> int:
        """How many resources are as they should be."""
        return sum(resource.state is ResourceState.PRESENT for resource in self.inventory.resources)

    @property
    def last_price_ms(self) -> int | None:
        """When the newest price was traded; None where none is known."""
        return self.symbols[0].last.timestamp_ms if self.symbols else None

    @property
    def distinct_errors(self) -> list[tuple[LogEntry, int]]:
        """Each error once, as it was logged last, with how often that was; the newest last."""
        counts = Counter((entry.function, entry.text) for entry in self.errors or ())
        latest = {(entry.function, entry.text): entry for entry in self.errors or ()}
        return [
            (entry, counts[key]) for key, entry in sorted(latest.items(), key=lambda pair: pair[1].time_ms)
        ]

    def dead_letter_queue(self, part: str) -> QueueDepth | None:
        """The queue of the part with this name in its resources' names; None where there is none."""
        return next((queue for queue in self.queues if queue.name.startswith(f"{part}-dlq-")), None)

    def cause(self, queue: str) -> str | None:
        """What most of its function's errors were since its messages failed; None where it logged none."""
        errors = [entry for entry in self.errors or () if entry.function == queue.replace("-dlq-", "-", 1)]
        latest_ms = max((entry.time_ms for entry in errors), default=0)
        oldest_s = self.activity.oldest_s.get(queue) if self.activity else None
        failed_ms = latest_ms if oldest_s is None else self.at_ms - oldest_s * 1000
        # Neither an incident that was over before, nor one late error, is named in the place of this one.
        lately_ms = failed_ms - LATELY_MINUTES * MINUTE_MS
        causes = Counter(cause_of(entry.text) for entry in errors if entry.time_ms > lately_ms)
        return next((cause for cause, _ in causes.most_common(1)), None)

    @property
    def concerns(self) -> tuple[Concern, ...]:
        """What needs attention, the most urgent first."""
        return (
            *(
                Concern(subject="embedded engine", description=problem, hint=ENGINE_HINT)
                for problem in self.engine_problems
            ),
            *self._resource_concerns(),
            *self._queue_concerns(),
            *self._mapping_concerns(),
            *self._alarm_concerns(),
        )

    def _resource_concerns(self) -> Iterator[Concern]:
        for resource in self.inventory.resources:
            if resource.state is not ResourceState.PRESENT:
                differs = f": {', '.join(resource.differs)}" if resource.differs else ""
                yield Concern(
                    subject=resource.name, description=f"{resource.state}{differs}", hint=PLAN_SHOWS
                )

    def _queue_concerns(self) -> Iterator[Concern]:
        for queue in self.queues:
            if not queue.messages:
                continue
            cause = self.cause(queue.name)
            age_s = self.activity.oldest_s.get(queue.name) if self.activity else None
            parts = [
                pluralize(queue.messages, "dead letter"),
                f", {queue.in_flight} in flight" if queue.in_flight else "",
                f", {queue.delayed} delayed" if queue.delayed else "",
                "" if age_s is None else f", the oldest {age_s / 60:.0f} min old",
                f"; its function's errors: {cause}" if cause else "",
            ]
            yield Concern(
                subject=queue.name,
                description="".join(parts),
                hint=self._queue_hint(queue),
                is_about_letters=True,
            )

    def _queue_hint(self, queue: QueueDepth) -> str:
        if len(self.queues) > 1:
            return "`cryptoctl dlq list` says why, and `cryptoctl dlq replay` processes them again"
        # Where the other one is missing, the commands refuse to look at both.
        choice = QUEUE_CHOICES[queue.name.partition("-dlq-")[0]]
        return (
            f"`cryptoctl dlq list --queue {choice}` says why, and "
            f"`cryptoctl dlq replay --queue {choice}` processes them again"
        )

    def _mapping_concerns(self) -> Iterator[Concern]:
        age_s = self.activity.iterator_age_s if self.activity else None
        for mapping in self.mappings:
            if mapping.state not in HEALTHY_STATES:
                yield Concern(
                    subject=mapping.name,
                    description=f"{mapping.state}: no price is enriched",
                    hint=PLAN_SHOWS,
                )
            elif mapping.last_result.startswith("PROBLEM"):
                yield Concern(
                    subject=mapping.name,
                    description=f"its last batch failed ({mapping.last_result})",
                    hint="`cryptoctl logs price-enricher` says why",
                )
            if age_s is not None and age_s > LATE_S:
                yield Concern(
                    subject=mapping.name,
                    description=f"{age_s:.0f} s behind",
                    hint="`cryptoctl logs price-enricher` says what it does",
                )

    def _alarm_concerns(self) -> Iterator[Concern]:
        letter_alarms = [alarm_name(self.environment, f"{part}-dlq") for part in QUEUE_CHOICES]
        for alarm in self.alarms or ():
            if alarm.raised:
                minutes = max(0, self.at_ms - alarm.since_ms) // MINUTE_MS
                yield Concern(
                    subject=f"alarm {alarm.name}",
                    description=f"raised {minutes} min ago: {alarm.meaning} It clears 5 min after its cause.",
                    hint=f"{alarm.command} shows more",
                    is_about_letters=alarm.name in letter_alarms,
                )


def next_steps(concerns: Sequence[Concern]) -> Iterator[str]:
    """The hints, each once; one that only names commands which an earlier one has named is left out."""
    named: set[str] = set()
    for hint in dict.fromkeys(concern.hint for concern in concerns):
        commands = set(COMMAND.findall(hint))
        if not commands <= named or not commands:
            yield hint
        named |= commands


def health(overview: Overview, part: str) -> Health:
    """How the part with this name at the beginning of its resources' names stands."""
    if any(
        _is_of_part(concern.subject, part, overview.environment)
        for concern in overview.concerns
        if not concern.is_about_letters
    ):
        return Health.BAD
    queue = overview.dead_letter_queue(part)
    return Health.DOUBTFUL if queue is not None and queue.messages else Health.GOOD


def _is_of_part(subject: str, part: str, environment: str) -> bool:
    """Whether it is a resource of the part; an environment or a sender may have any name."""
    name = subject.rpartition(" ")[2]
    for prefix in (LOG_GROUPS, alarm_name(environment, "")):
        name = name.removeprefix(prefix)
    return name.startswith(f"{part}-")
