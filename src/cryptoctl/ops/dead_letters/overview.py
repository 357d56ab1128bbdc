"""Looking into the queues without taking anything out: message by message, or grouped by cause."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptoctl import settings
from cryptoctl.aws import Aws
from cryptoctl.ops.dead_letters.journal import Journal, State
from cryptoctl.ops.dead_letters.messages import Letter, QueueName, Shape, decode
from cryptoctl.ops.dead_letters.queues import Depth, letter_box
from cryptoctl.ops.dead_letters.receiving import Boxes, Walk, kept, let_go, moment_of
from cryptoctl.ops.dead_letters.selection import Filter
from cryptoctl.ops.times import now_ms
from cryptoctl.reconcile.scope import Scope
from cryptoctl.stack import Stack

NAMED = 3


def letter_boxes(aws: Aws, stack: Stack) -> Boxes:
    """Both queues. Raises Failure where the environment is not up."""
    found = aws.gather(*[_finding(aws, stack, name) for name in QueueName])
    return {box.name: box for box in found}


def _finding(aws: Aws, stack: Stack, name: QueueName) -> Any:
    return lambda: letter_box(aws, stack, name)


def own_directory() -> Path:
    """Where this machine keeps journals and what was purged."""
    return settings.state_directory() / "dead-letters"


def journal_path(scope: Scope) -> Path:
    """The journal of an environment in its account and region."""
    return own_directory() / f"{scope.environment}-{scope.account}-{scope.region}.sqlite"


@contextmanager
def looking(
    boxes: Boxes, queues: Collection[QueueName], chosen: Filter, *, limit: int | None = None
) -> Iterator[tuple[Iterator[Letter], Journal]]:
    """The messages that are meant, each once; held while they are looked at, receivable again afterwards."""
    with Journal() as journal, kept(boxes, journal):
        try:
            yield _letters(boxes, queues, chosen, journal, limit), journal
        finally:
            let_go(boxes, journal, *State)


def _letters(
    boxes: Boxes, queues: Collection[QueueName], chosen: Filter, journal: Journal, limit: int | None
) -> Iterator[Letter]:
    chosen_boxes = [boxes[name] for name in sorted(queues, reverse=True)]
    started_ms = moment_of(chosen_boxes)
    walk = Walk(journal=journal, before_ms=started_ms, choose=lambda _: State.ASIDE)
    count = 0
    for message in walk.through(chosen_boxes):
        letter = decode(message)
        if not chosen.matches(letter, started_ms):
            continue
        journal.mark(message.key, State.CHOSEN)
        yield letter
        count += 1
        if limit is not None and count >= limit:
            return


@dataclass(frozen=True, kw_only=True, order=True)
class Cause:
    """What messages have in common that failed alike."""

    queue: str
    shape: str
    function: str
    cause: str
    symbols: str
    exchanges: str


@dataclass(kw_only=True)
class Group:
    """How many of a cause there are, since when, and for pointers until when they can be read again."""

    count: int = 0
    oldest_ms: int = 2**62
    readable_until_ms: int | None = None

    def add(self, letter: Letter) -> None:
        """Counts one in."""
        self.count += 1
        self.oldest_ms = min(self.oldest_ms, letter.message.sent_ms)
        until = letter.readable_until_ms()
        if until is not None:
            self.readable_until_ms = min(until, self.readable_until_ms or until)


@dataclass(kw_only=True)
class QueueSurvey:
    """One queue: what SQS counts, and what was seen."""

    queue: QueueName
    queue_name: str
    depth: Depth
    seen: int = 0
    oldest_ms: int | None = None


@dataclass(kw_only=True)
class Survey:
    """Both queues and the causes, the most frequent first."""

    at_ms: int
    queues: dict[QueueName, QueueSurvey]
    groups: dict[Cause, Group] = field(default_factory=dict)

    def ordered(self) -> list[tuple[Cause, Group]]:
        """The causes, the most frequent first."""
        return sorted(self.groups.items(), key=lambda item: (-item[1].count, item[0]))

    def document(self) -> dict[str, Any]:
        """For a machine; ages in seconds."""
        return {
            "queues": [
                {
                    "queue": each.queue.value,
                    "name": each.queue_name,
                    "visible": each.depth.visible,
                    "in_flight": each.depth.in_flight,
                    "matching": each.seen,
                    "oldest_age_s": None if each.oldest_ms is None else self._age_s(each.oldest_ms),
                }
                for each in self.queues.values()
            ],
            "causes": [
                {
                    **vars(cause),
                    "count": group.count,
                    "oldest_age_s": self._age_s(group.oldest_ms),
                    "readable_for_s": None
                    if group.readable_until_ms is None
                    else max(0, group.readable_until_ms - self.at_ms) // 1000,
                }
                for cause, group in self.ordered()
            ],
        }

    def _age_s(self, then_ms: int) -> int:
        return max(0, self.at_ms - then_ms) // 1000


def survey(boxes: Boxes, queues: Collection[QueueName], chosen: Filter) -> Survey:
    """Looks at every message once and lets all of them go again."""
    found = Survey(
        at_ms=now_ms(),
        queues={
            name: QueueSurvey(queue=name, queue_name=boxes[name].queue_name, depth=boxes[name].depth())
            for name in queues
        },
    )
    with looking(boxes, queues, chosen) as (letters, _):
        for letter in letters:
            found.groups.setdefault(_cause(letter), Group()).add(letter)
            queue = found.queues[letter.message.queue]
            queue.seen += 1
            queue.oldest_ms = min(letter.message.sent_ms, queue.oldest_ms or letter.message.sent_ms)
    return found


def _cause(letter: Letter) -> Cause:
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
