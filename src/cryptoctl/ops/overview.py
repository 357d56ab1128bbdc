"""An environment at a glance: one value for `status`, its live screen, and whatever else shows it.

It is made of parts that are read at the same time, each as often as it is worth its requests.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from cryptoctl.aws import Aws, AwsError
from cryptoctl.ops import logs, recent_symbols, status, symbols
from cryptoctl.ops.activity import LATELY_MINUTES, Activity, activity
from cryptoctl.ops.alarms import AlarmState, alarm_states
from cryptoctl.ops.causes import cause_of
from cryptoctl.ops.log_entries import entries
from cryptoctl.ops.queue_depth import QueueDepth, depth
from cryptoctl.ops.status import Inventory, MappingState, ResourceState
from cryptoctl.ops.symbols import MINUTE_MS, SymbolState
from cryptoctl.ops.times import HOUR_MS, now_ms
from cryptoctl.provisioners.alarm import alarm_name
from cryptoctl.provisioners.function import Function
from cryptoctl.provisioners.table import NOT_FOUND as NO_SUCH_TABLE
from cryptoctl.stack import Stack

NEWEST_ERRORS = 5
MAX_SYMBOLS = 12
LATE_S = 60.0
THE_ERRORS, THE_SYMBOLS = "the errors", "the symbols with recent prices"
REQUIRED = ("the resources", "the queues", "the stream mapping")
QUEUE_CHOICES = {"webhook-processor": "webhook", "price-enricher": "enricher"}
HEALTHY_STATES = ("Enabled", "Creating", "Updating", "Enabling")


@dataclass(frozen=True, kw_only=True)
class Concern:
    """Something that needs attention: what, in words, and the command that goes on from there."""

    subject: str
    what: str
    hint: str
    letters: bool = False
    """whether messages wait in a queue, rather than something being wrong with a part"""


@dataclass(frozen=True, kw_only=True)
class ErrorLine:
    """An error that a function has logged, in one line."""

    time_ms: int
    function: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Overview:
    """The environment as it stands. What these credentials may not read is None, and named in `unread`."""

    environment: str
    at_ms: int
    inventory: Inventory
    queues: tuple[QueueDepth, ...]
    mappings: tuple[MappingState, ...]
    activity: Activity | None
    errors: tuple[ErrorLine, ...] | None
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

    @property
    def dead_letters(self) -> int:
        """How many messages wait in both queues."""
        return sum(each.messages for each in self.queues)

    @property
    def as_configured(self) -> int:
        """How many resources are as they should be."""
        return sum(each.state is ResourceState.PRESENT for each in self.inventory.resources)

    @property
    def last_price_ms(self) -> int | None:
        """When the newest price was traded; None where none is known."""
        return self.symbols[0].last.timestamp_ms if self.symbols else None

    def dead_letter_queue(self, part: str) -> QueueDepth | None:
        """The queue of the part with this name in its resources' names; None where there is none."""
        return next((each for each in self.queues if each.name.startswith(f"{part}-dlq-")), None)

    def cause(self, queue: str) -> str | None:
        """What most of its function's errors were since its messages failed; None where it logged none."""
        errors = [each for each in self.errors or () if each.function == queue.replace("-dlq-", "-", 1)]
        latest_ms = max((each.time_ms for each in errors), default=0)
        oldest_s = self.activity.oldest_s.get(queue) if self.activity else None
        failed_ms = latest_ms if oldest_s is None else self.at_ms - oldest_s * 1000
        # Neither an incident that was over before, nor one late error, is named in the place of this one.
        lately_ms = failed_ms - LATELY_MINUTES * MINUTE_MS
        causes = Counter(cause_of(each.text) for each in errors if each.time_ms > lately_ms)
        return next((cause for cause, _ in causes.most_common(1)), None)

    @property
    def concerns(self) -> tuple[Concern, ...]:
        """What needs attention, the most urgent first."""
        return (*self._of_resources(), *self._of_queues(), *self._of_mapping(), *self._of_alarms())

    def _of_resources(self) -> Iterator[Concern]:
        for each in self.inventory.resources:
            if each.state is not ResourceState.PRESENT:
                differs = f": {', '.join(each.differs)}" if each.differs else ""
                yield Concern(
                    subject=each.name,
                    what=f"{each.state}{differs}",
                    hint="`cryptoctl plan` shows what `cryptoctl up` would do",
                )

    def _of_queues(self) -> Iterator[Concern]:
        for each in self.queues:
            count = each.messages
            if count:
                cause = self.cause(each.name)
                delayed = f", {each.delayed} delayed" if each.delayed else ""
                flying = f", {each.in_flight} in flight" if each.in_flight else ""
                why = f"; its function's errors: {cause}" if cause else ""
                age_s = self.activity.oldest_s.get(each.name) if self.activity else None
                oldest = "" if age_s is None else f", the oldest {age_s / 60:.0f} min old"
                yield Concern(
                    subject=each.name,
                    what=f"{count} dead letter{'s' * (count != 1)}{flying}{delayed}{oldest}{why}",
                    hint=self._what_next(each),
                    letters=True,
                )

    def _what_next(self, queue: QueueDepth) -> str:
        if len(self.queues) > 1:
            return "`cryptoctl dlq list` says why, and `cryptoctl dlq replay` processes them again"
        # Where the other one is missing, the commands refuse to look at both.
        its = QUEUE_CHOICES[queue.name.partition("-dlq-")[0]]
        return (
            f"`cryptoctl dlq list --queue {its}` says why, "
            f"and `cryptoctl dlq replay --queue {its}` processes them again"
        )

    def _of_mapping(self) -> Iterator[Concern]:
        for each in self.mappings:
            if each.state not in HEALTHY_STATES:
                yield Concern(
                    subject=each.name,
                    what=f"{each.state}: no price is enriched",
                    hint="`cryptoctl plan` shows what `cryptoctl up` would do",
                )
            elif each.last_result.startswith("PROBLEM"):
                yield Concern(
                    subject=each.name,
                    what=f"its last batch failed ({each.last_result})",
                    hint="`cryptoctl logs price-enricher` says why",
                )
            age_s = self.activity.iterator_age_s if self.activity else None
            if age_s is not None and age_s > LATE_S:
                yield Concern(
                    subject=each.name,
                    what=f"{age_s:.0f} s behind",
                    hint="`cryptoctl logs price-enricher` says what it does",
                )

    def _of_alarms(self) -> Iterator[Concern]:
        of_letters = [alarm_name(self.environment, f"{part}-dlq") for part in QUEUE_CHOICES]
        for each in self.alarms or ():
            if each.raised:
                minutes = max(0, self.at_ms - each.since_ms) // 60_000
                yield Concern(
                    subject=f"alarm {each.name}",
                    what=f"raised {minutes} min ago: {each.meaning} It clears 5 min after its cause.",
                    hint=f"{each.command} shows more",
                    letters=each.name in of_letters,
                )


@dataclass(frozen=True, kw_only=True)
class RefreshIntervals:
    """How old a part may be; one that is older is read again. Queues and prices are read each time."""

    inventory_s: float = 0.0
    activity_s: float = 0.0
    mapping_s: float = 0.0
    errors_s: float = 0.0
    names_s: float = 0.0


# On AWS each part is refreshed as often as it can change and its requests are worth (docs/performance.md).
ON_AWS = RefreshIntervals(inventory_s=60, activity_s=30, mapping_s=30, errors_s=10, names_s=60)
ON_THE_ENGINE = RefreshIntervals(inventory_s=15, activity_s=5, mapping_s=2, errors_s=2, names_s=5)


class OverviewReader:
    """Reads overviews, again and again; each at most three round trips behind one another."""

    def __init__(self, aws: Aws, stack: Stack, intervals: RefreshIntervals | None = None) -> None:
        self._aws, self._stack = aws, stack
        self._intervals = intervals or RefreshIntervals()
        self._read: dict[str, tuple[float, Any]] = {}
        self._unread: dict[str, str] = {}
        self._complete: dict[str, bool] = {}

    def overview(self) -> Overview:
        """The environment now. What the credentials may not read is left out."""
        aws, stack, intervals = self._aws, self._stack, self._intervals
        parts: dict[str, tuple[float, Callable[[], Any]]] = {
            "the resources": (intervals.inventory_s, lambda: status.inventory(stack, aws)),
            "the metrics": (intervals.activity_s, lambda: activity(aws, stack)),
            "the stream mapping": (intervals.mapping_s, self._mappings),
            THE_ERRORS: (intervals.errors_s, self._errors),
            "the alarms": (intervals.mapping_s, lambda: alarm_states(aws, stack)),
            "the queues": (0.0, self._queues),
            "the prices": (0.0, self._symbols),
        }
        read = aws.map(lambda name: self._part(name, *parts[name]), parts)
        found: dict[str, Any] = dict(zip(parts, read, strict=True))
        named = self._read.get(THE_SYMBOLS, (0.0, None))[1] or ()
        return Overview(
            environment=stack.scope.environment,
            at_ms=now_ms(),
            inventory=found["the resources"],
            queues=found["the queues"],
            mappings=found["the stream mapping"],
            activity=found["the metrics"],
            errors=found[THE_ERRORS],
            alarms=found["the alarms"],
            symbols=found["the prices"],
            more_symbols=max(0, len(named) - MAX_SYMBOLS) if found["the prices"] is not None else 0,
            unread=tuple(name for name in (*parts, THE_SYMBOLS) if name in self._unread),
            incomplete=tuple(name for name, complete in sorted(self._complete.items()) if not complete),
        )

    def _part(self, name: str, interval_s: float, read: Callable[[], Any]) -> Any:
        read_at_s, known = self._read.get(name, (float("-inf"), None))
        if time.monotonic() - read_at_s < interval_s:
            return known
        try:
            fresh = read()
        except AwsError as error:
            if error.throttled and name in self._read:
                return known
            if not error.denied or name in REQUIRED:
                raise
            fresh = None
            self._unread[name] = str(error)
        else:
            self._unread.pop(name, None)
        self._read[name] = (time.monotonic(), fresh)
        return fresh

    def _queues(self) -> tuple[QueueDepth, ...]:
        queues = (self._stack.webhook_dead_letters, self._stack.enricher_dead_letters)
        found = self._aws.map(lambda queue: depth(self._aws, queue), queues)
        return tuple(each for each in found if each)

    def _mappings(self) -> tuple[MappingState, ...]:
        found = status.mapping_state(self._aws, self._stack.prices_to_enricher)
        return (found,) if found else ()

    def _errors(self) -> tuple[ErrorLine, ...]:
        functions = (self._stack.webhook, self._stack.enricher)
        found = self._logged(THE_ERRORS, functions, self._stack.webhook_errors.pattern)
        return tuple(
            ErrorLine(time_ms=each.time_ms, function=each.function, text=each.text)
            for each in entries(found)
            if each.level != "WARNING"
        )

    def _symbols(self) -> tuple[SymbolState, ...] | None:
        names = self._part(THE_SYMBOLS, self._intervals.names_s, self._names)
        if names is None:
            return None
        try:
            return tuple(symbols.states(self._aws, self._stack.prices, names[:MAX_SYMBOLS], now_ms()))
        except AwsError as error:
            # There is no table, or somebody's with other keys, of which the resources tell.
            if error.code in (NO_SUCH_TABLE, "ValidationException"):
                return None
            raise

    def _names(self) -> Sequence[str]:
        return recent_symbols.named_in(
            self._logged(THE_SYMBOLS, (self._stack.webhook,), recent_symbols.PATTERN)
        )

    def _logged(self, name: str, functions: Sequence[Function], pattern: str) -> Sequence[logs.Line]:
        found = logs.matching(self._aws, functions, now_ms() - HOUR_MS, pattern)
        self._complete[name] = found.complete
        return found.lines
