"""What is asked of a replay, and what became of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from cryptoctl.ops.dead_letters.messages import DeadLetter
from cryptoctl.ops.dead_letters.payloads import Edits
from cryptoctl.ops.dead_letters.selection import Selection
from cryptoctl.ops.dead_letters.unreceived import Unreceived


class Outcome(StrEnum):
    """What became of a message."""

    REPLAYED = "replayed"
    FAILED = "failed again"
    NOT_TRIED = "not tried"
    UNKNOWN = "not replayable"


@dataclass(frozen=True, kw_only=True)
class ReplayResult:
    """One message's outcome, with both reasons: why it was in the queue, and why it still is."""

    letter: DeadLetter
    outcome: Outcome
    way: str = ""
    reason: str = ""

    def document(self) -> dict[str, Any]:
        """An element of `results`; way, reason_before and reason_now are texts or null."""
        return {
            "queue": self.letter.message.queue.value,
            "id": self.letter.message.id,
            "shape": self.letter.shape.value,
            "symbols": list(self.letter.symbols),
            "outcome": self.outcome.value,
            "way": self.way or None,
            "reason_before": self.letter.error or None,
            "reason_now": self.reason or None,
        }


@dataclass(kw_only=True)
class ReplaySummary:
    """The whole replay, counted in messages."""

    chosen: int = 0
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    ways: Counter[str] = field(default_factory=Counter)
    resumed: int = 0
    """begun by a replay that did not end, and finished by this one"""
    replayed_before: int = 0
    """by an earlier replay: what was left of them is deleted now"""
    undeleted: int = 0
    """replayed, but SQS has not deleted them: the next replay does"""
    unreceived: Unreceived = field(default_factory=Unreceived)
    stopped: str = ""
    interrupted: bool = False

    @property
    def complete(self) -> bool:
        """Whether everything selected was replayed."""
        return self.chosen_is_replayed and not self.unreceived

    @property
    def chosen_is_replayed(self) -> bool:
        """Whether everything chosen was replayed."""
        all_replayed = self.outcomes[Outcome.REPLAYED] == self.outcomes.total()
        return all_replayed and not self.undeleted and not self.interrupted

    def document(self) -> dict[str, Any]:
        """`summary` of `replay --output json`: counts of messages, `stopped` (text or null), `complete`."""
        return {
            "chosen": self.chosen,
            "replayed": self.outcomes[Outcome.REPLAYED],
            "failed_again": self.outcomes[Outcome.FAILED],
            "not_tried": self.outcomes[Outcome.NOT_TRIED],
            "not_replayable": self.outcomes[Outcome.UNKNOWN],
            "finished_from_before": self.resumed,
            "replayed_before": self.replayed_before,
            "not_deleted": self.undeleted,
            **self.unreceived.document(),
            "stopped": self.stopped or None,
            "complete": self.complete,
        }


@dataclass(frozen=True, kw_only=True)
class ReplayOptions:
    """What is replayed, and how. `rate_per_s`: at most so many steps a second."""

    selection: Selection = field(default_factory=Selection)
    limit: int | None = None
    rate_per_s: float | None = None
    max_failures: int = 10
    """it stops after so many failures in a row"""
    edits: Edits = field(default_factory=Edits)


class ReplayListener:
    """What a replay reports while it runs; this one ignores it."""

    def collecting(self, count: int) -> None:
        """So many messages are chosen by now."""

    def started(self, total: int) -> None:
        """The set is fixed."""

    def ended(self, result: ReplayResult) -> None:
        """One message has its outcome."""

    def searching(self, units: int) -> None:
        """The whole table is about to be read, at a cost of so many read units."""


def replay_hint(unknown: int, unreplayed: int, suffix: str = "") -> str:
    """What to do about the messages that are left: nobody can fix those that have none of the shapes."""
    fix = (
        f"Fix what the reasons name, then run the same command again.{suffix}" if unreplayed > unknown else ""
    )
    purge = "`cryptoctl dlq purge --id ID` deletes what is not replayable." if unknown else ""
    return f"{fix} {purge}".strip()
