"""What is wished of a replay, and what became of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from cryptoctl.ops.dead_letters.messages import Letter, QueueName
from cryptoctl.ops.dead_letters.planning import Mending
from cryptoctl.ops.dead_letters.selection import Filter


class End(StrEnum):
    """What became of a message."""

    BACK = "brought back"
    FAILED = "failed again"
    LEFT = "not tried"
    UNKNOWN = "not replayable"


@dataclass(frozen=True, kw_only=True)
class Result:
    """One message's end, with both reasons: why it was there, and why it still is."""

    letter: Letter
    end: End
    way: str = ""
    reason: str = ""

    def document(self) -> dict[str, Any]:
        """For a machine."""
        return {
            "queue": self.letter.message.queue.value,
            "id": self.letter.message.id,
            "shape": self.letter.shape.value,
            "symbols": list(self.letter.symbols),
            "outcome": self.end.value,
            "way": self.way or None,
            "reason_before": self.letter.error or None,
            "reason_now": self.reason or None,
        }


@dataclass(kw_only=True)
class Summary:
    """The whole replay."""

    chosen: int = 0
    ends: Counter[End] = field(default_factory=Counter)
    ways: Counter[str] = field(default_factory=Counter)
    finished: int = 0
    """begun by a replay that was killed, and finished by this one"""
    again: int = 0
    """brought back before, and delivered once more by SQS: deleted"""
    undeleted: int = 0
    """brought back, but SQS has not deleted them: the next replay does"""
    stopped: str = ""
    interrupted: bool = False

    @property
    def complete(self) -> bool:
        """Whether everything chosen was brought back."""
        return self.ends[End.BACK] == self.ends.total() and not self.undeleted and not self.interrupted

    def document(self) -> dict[str, Any]:
        """For a machine."""
        return {
            "chosen": self.chosen,
            "brought_back": self.ends[End.BACK],
            "failed_again": self.ends[End.FAILED],
            "not_tried": self.ends[End.LEFT],
            "not_replayable": self.ends[End.UNKNOWN],
            "finished_from_before": self.finished,
            "delivered_again": self.again,
            "not_deleted": self.undeleted,
            "stopped": self.stopped or None,
            "complete": self.complete,
        }


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What is to be replayed, and how."""

    chosen: Filter = field(default_factory=Filter)
    queues: Collection[QueueName] = tuple(QueueName)
    limit: int | None = None
    rate_per_s: float | None = None
    max_failures: int = 10
    mending: Mending = field(default_factory=Mending)


class Listener:
    """What a replay tells while it goes on; this one says nothing."""

    def collecting(self, count: int) -> None:
        """So many messages are chosen by now."""

    def started(self, total: int) -> None:
        """The set is fixed."""

    def ended(self, result: Result) -> None:
        """One message has come to its end."""

    def searching(self, units: int) -> None:
        """The whole table is about to be read, at a cost of so many read units."""
