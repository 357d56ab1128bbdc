"""How many dead letters there are and why, grouped by cause; nothing is taken out of a queue."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from cryptoctl.ops.dead_letters.messages import DeadLetter, QueueName, Shape
from cryptoctl.ops.dead_letters.queues import DeadLetterQueues, Depth
from cryptoctl.ops.dead_letters.receiving import in_order, reading
from cryptoctl.ops.dead_letters.selection import Selection
from cryptoctl.ops.times import now_ms

NAMED = 3


@dataclass(frozen=True, kw_only=True, order=True)
class Cause:
    """What messages share that failed alike."""

    queue: str
    shape: str
    function: str
    cause: str
    symbols: str
    exchanges: str


@dataclass(kw_only=True)
class Group:
    """How many messages, when the oldest was sent, and when the first pointer can no longer be read."""

    count: int = 0
    oldest_ms: int | None = None
    readable_until_ms: int | None = None

    def add(self, letter: DeadLetter) -> None:
        """Counts one more."""
        self.count += 1
        self.oldest_ms = _earlier(self.oldest_ms, letter.message.sent_ms)
        self.readable_until_ms = _earlier(self.readable_until_ms, letter.readable_until_ms())


@dataclass(kw_only=True)
class Overview:
    """The selected queues, each with its name, what SQS counts and what matches, and the causes."""

    at_ms: int
    depths: dict[QueueName, tuple[str, Depth]]
    matching: dict[QueueName, Group]
    groups: dict[Cause, Group] = field(default_factory=dict)

    def ordered(self) -> list[tuple[Cause, Group]]:
        """The causes, the most frequent first."""
        return sorted(self.groups.items(), key=lambda item: (-item[1].count, item[0]))

    def document(self) -> dict[str, Any]:
        """`list --output json`: `queues` (queue, name, depths, matching, oldest_age_s) and `causes`.

        A cause has queue, shape, function, cause, symbols, exchanges, count, oldest_age_s, readable_for_s.
        Ages are in seconds, null where there is none.
        """
        queues = [
            {
                "queue": name.value,
                "name": queue_name,
                **vars(depth),
                "matching": self.matching[name].count,
                "oldest_age_s": self._age_s(self.matching[name].oldest_ms),
            }
            for name, (queue_name, depth) in self.depths.items()
        ]
        causes = [
            {
                **vars(cause),
                "count": group.count,
                "oldest_age_s": self._age_s(group.oldest_ms),
                "readable_for_s": _seconds(self.at_ms, group.readable_until_ms),
            }
            for cause, group in self.ordered()
        ]
        return {"queues": queues, "causes": causes}

    def _age_s(self, then_ms: int | None) -> int | None:
        return None if then_ms is None else _seconds(then_ms, self.at_ms)


def overview(queues: DeadLetterQueues, selection: Selection) -> Overview:
    """Reads every message once and releases it."""
    chosen = in_order(queues, selection)
    found = Overview(
        at_ms=now_ms(),
        depths={each.name: (each.queue_name, each.depth()) for each in chosen},
        matching={each.name: Group() for each in chosen},
    )
    with reading(queues, selection) as (letters, _):
        for letter in letters:
            found.matching[letter.message.queue].add(letter)
            found.groups.setdefault(_cause(letter), Group()).add(letter)
    return found


def _cause(letter: DeadLetter) -> Cause:
    return Cause(
        queue=letter.message.queue.value,
        shape=letter.shape.value,
        function="" if letter.shape is Shape.UNKNOWN else letter.function,
        cause=letter.cause,
        symbols=some(letter.symbols),
        exchanges=some(letter.exchanges),
    )


def some(names: Collection[str]) -> str:
    """A few of the names."""
    shown = ", ".join(list(names)[:NAMED])
    return f"{shown}, …" if len(names) > NAMED else shown


def _earlier(one_ms: int | None, other_ms: int | None) -> int | None:
    return min((each for each in (one_ms, other_ms) if each is not None), default=None)


def _seconds(from_ms: int, to_ms: int | None) -> int | None:
    return None if to_ms is None else max(0, to_ms - from_ms) // 1000
