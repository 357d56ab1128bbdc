"""How many dead letters there are and why, grouped by cause; nothing is taken out of a queue."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cryptoctl.ops.causes import cause_of
from cryptoctl.ops.dead_letters.messages import DeadLetter, QueueName, Shape
from cryptoctl.ops.dead_letters.queues import DeadLetterQueues, in_order
from cryptoctl.ops.dead_letters.receiving import selected_messages
from cryptoctl.ops.dead_letters.selection import Selection
from cryptoctl.ops.dead_letters.unreceived import Unreceived, unreceived
from cryptoctl.ops.queue_depth import QueueDepth
from cryptoctl.ops.times import now_ms
from cryptoctl.wording import shortened

MAX_NAMES = 3
MAX_NAME_LENGTH = 60
SLOTS = 12
# Of so many pointers the log lines are looked for.
MAX_POINTERS = 20


@dataclass(frozen=True, kw_only=True, order=True)
class Cause:
    """What messages share that failed alike."""

    queue: str
    shape: str
    function: str
    cause: str


@dataclass(kw_only=True)
class MessageGroup:
    """Messages together: how many, when each was sent, which prices they concern.

    `readable_until_ms` is when the first pointer can no longer be read.
    """

    count: int = 0
    oldest_ms: int | None = None
    newest_ms: int = 0
    readable_until_ms: int | None = None
    sent_ms: array[int] = field(default_factory=lambda: array("q"))
    symbols: Counter[str] = field(default_factory=Counter)
    exchanges: Counter[str] = field(default_factory=Counter)

    def add(self, letter: DeadLetter) -> None:
        """Counts one more."""
        self.count += 1
        self.oldest_ms = _earliest(self.oldest_ms, letter.message.sent_ms)
        self.newest_ms = max(self.newest_ms, letter.message.sent_ms)
        self.readable_until_ms = _earliest(self.readable_until_ms, letter.readable_until_ms())
        self.sent_ms.append(letter.message.sent_ms)
        self.symbols.update(letter.symbols)
        self.exchanges.update(letter.exchanges)


@dataclass(kw_only=True)
class Causes:
    """The selected queues, each with what SQS counts and what matches, and the causes."""

    at_ms: int
    depths: dict[QueueName, QueueDepth]
    matching: dict[QueueName, MessageGroup]
    groups: dict[Cause, MessageGroup] = field(default_factory=dict)
    unreceived: Unreceived = field(default_factory=Unreceived)
    """what was left once everything else was read"""

    def by_frequency(self) -> list[tuple[Cause, MessageGroup]]:
        """The causes, the most frequent first."""
        return sorted(self.groups.items(), key=lambda pair: (-pair[1].count, pair[0]))

    def document(self) -> dict[str, Any]:
        """`list --output json`: queues (with names, depths, matching, oldest_age_s), causes, what is left.

        A cause has queue, shape, function, cause, symbols and exchanges (the most frequent first), count,
        oldest_age_s, newest_age_s, over_time (how many in each twelfth of the time since the oldest of all),
        readable_for_s. Ages are in seconds, null where there is none.
        """
        queues = [
            {
                "queue": name.value,
                **vars(depth),
                "matching": self.matching[name].count,
                "oldest_age_s": self._age_s(self.matching[name].oldest_ms),
            }
            for name, depth in self.depths.items()
        ]
        causes = [
            {
                **vars(cause),
                "symbols": _by_frequency(group.symbols),
                "exchanges": _by_frequency(group.exchanges),
                "count": group.count,
                "oldest_age_s": self._age_s(group.oldest_ms),
                "newest_age_s": self._age_s(group.newest_ms),
                "over_time": self.over_time(group),
                "readable_for_s": _seconds(self.at_ms, group.readable_until_ms),
            }
            for cause, group in self.by_frequency()
        ]
        return {"queues": queues, "causes": causes, **self.unreceived.document()}

    def over_time(self, group: MessageGroup) -> list[int]:
        """How many of the group were sent in each twelfth of the time since the oldest message of all."""
        oldest_ms = min(
            (cause_group.oldest_ms for cause_group in self.groups.values() if cause_group.oldest_ms),
            default=self.at_ms,
        )
        span_ms = max(1, self.at_ms - oldest_ms + 1)
        counts = [0] * SLOTS
        for sent_ms in group.sent_ms:
            counts[min(SLOTS - 1, max(0, (sent_ms - oldest_ms) * SLOTS // span_ms))] += 1
        return counts

    def _age_s(self, then_ms: int | None) -> int | None:
        return None if then_ms is None else _seconds(then_ms, self.at_ms)


Reasons = Callable[[Sequence[DeadLetter]], Mapping[str, str]]


def count_causes(queues: DeadLetterQueues, selection: Selection, reasons: Reasons | None = None) -> Causes:
    """Reads every message once and releases it.

    A pointer names no error; `reasons` finds some messages' errors, by key. The others of the pointers
    are told by how Lambda gave them up.
    """
    selected_queues = in_order(queues, selection)
    causes = Causes(
        at_ms=now_ms(),
        depths={queue.name: queue.depth() for queue in selected_queues},
        matching={queue.name: MessageGroup() for queue in selected_queues},
    )
    pointers: list[DeadLetter] = []
    with selected_messages(queues, selection) as (letters, journal):
        for letter in letters:
            causes.matching[letter.message.queue].add(letter)
            if reasons is not None and letter.shape is Shape.POINTER:
                pointers.append(letter)
            else:
                causes.groups.setdefault(_cause(letter), MessageGroup()).add(letter)
        causes.unreceived = unreceived(queues, selection, journal)
    errors = reasons(pointers[:MAX_POINTERS]) if reasons and pointers else {}
    for letter in pointers:
        causes.groups.setdefault(_cause(letter, errors.get(letter.message.key, "")), MessageGroup()).add(
            letter
        )
    return causes


def _cause(letter: DeadLetter, error: str = "") -> Cause:
    return Cause(
        queue=letter.message.queue.value,
        shape=letter.shape.value,
        function="" if letter.shape is Shape.UNKNOWN else letter.function,
        cause=cause_of(error) if error else letter.cause,
    )


def most_frequent(names: Counter[str]) -> str:
    """The most frequent names."""
    return abbreviated([name for name, _ in names.most_common(MAX_NAMES + 1)])


def _by_frequency(names: Counter[str]) -> list[str]:
    return [name for name, _ in names.most_common()]


def abbreviated(names: Collection[str]) -> str:
    """A few of the names; of a very long one, the beginning."""
    few = list(names)[:MAX_NAMES]
    shown = ", ".join(shortened(name, MAX_NAME_LENGTH) for name in few)
    return f"{shown}, …" if len(names) > MAX_NAMES else shown


def _earliest(first_ms: int | None, second_ms: int | None) -> int | None:
    return min((time_ms for time_ms in (first_ms, second_ms) if time_ms is not None), default=None)


def _seconds(from_ms: int, to_ms: int | None) -> int | None:
    return None if to_ms is None else max(0, to_ms - from_ms) // 1000
