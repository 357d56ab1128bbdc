"""Replaying: a fixed set, each step written down before it is taken, deleted only when it is back."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from cryptoctl.aws import AwsError
from cryptoctl.errors import Failure
from cryptoctl.ops.dead_letters.filters import Filter
from cryptoctl.ops.dead_letters.holding import FIRST_HOLD_S, Boxes, delete, kept, let_go, walk
from cryptoctl.ops.dead_letters.journal import Journal, State
from cryptoctl.ops.dead_letters.letters import Letter, Message, QueueName, Shape, decode
from cryptoctl.ops.dead_letters.payloads import UnmendableError
from cryptoctl.ops.dead_letters.recovery import recover_trimmed
from cryptoctl.ops.dead_letters.steps import Mending, Outcome, Step, Ways
from cryptoctl.ops.times import now_ms
from cryptoctl.reconcile.patience import RealClock

MOST_AT_ONCE = 4
# The first few go one after the other: where the cause is not mended, hardly anything is tried in vain.
PROBE = 3
DELETED_AT_ONCE = 10
# What differs from message to message in a way back: how many, and when.
_PARTICULAR = re.compile(r"^\d+ |, \d{4}-\S+")
COLLECTING = "collecting since"


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


class Replay:
    """One replay of an environment's dead letters."""

    def __init__(
        self, ways: Ways, boxes: Boxes, journal: Journal, wish: Wish, listener: Listener | None = None
    ) -> None:
        self._ways, self._boxes, self._journal, self._wish = ways, boxes, journal, wish
        self._listener = listener or Listener()
        self._summary = Summary()
        self._failures_in_a_row = 0
        self._done: list[Message] = []
        self._clock = RealClock()

    def run(self) -> Summary:
        """Finishes what a killed replay had begun, fixes the set, and brings it back.

        Ctrl-C ends it after what is in the air; the summary says so. Where AWS cannot be reached, Failure
        is raised, and the journal lets the next replay go on.
        """
        with kept(self._boxes, self._journal):
            try:
                self._collect(self._take_up())
                self._listener.started(self._summary.chosen)
                self._work(map(decode, self._journal.all(State.CHOSEN)))
                self._recover_trimmed()
            except KeyboardInterrupt:
                self._summary.interrupted = True
                self._summary.stopped = "interrupted"
            except Exception:
                with suppress(AwsError, Failure):
                    self._let_go()
                raise
            self._tidy()
        self._journal.prune(now_ms())
        return self._summary

    def _take_up(self) -> int:
        """Goes on where a killed replay stopped; gives until when messages may be missing that it held."""
        journal = self._journal
        missing_until_ms = int(journal.noted(COLLECTING) or 0) + FIRST_HOLD_S * 1000
        let_go(self._boxes, journal, State.CHOSEN, State.ASIDE, State.FAILED)
        done = list(journal.all(State.DONE))
        # With an old receipt SQS may not delete it; should it come again, it is known to be back.
        journal.settle([each.key for each in delete(self._boxes, journal, done)], now_ms())
        self._summary.chosen += journal.count(State.TRIMMED, State.BEGUN)
        for each in journal.begun():
            letter = decode(each.message)
            self._end(letter, self._took(letter, Step.from_document(each.step)))
            self._summary.finished += 1
        self._flush()
        return missing_until_ms

    def _collect(self, missing_until_ms: int) -> None:
        journal, wish, summary = self._journal, self._wish, self._summary
        limit = wish.limit
        picked = 0

        def choose(message: Message) -> State:
            nonlocal picked
            if journal.is_settled(message.key):
                return State.DONE
            if journal.has(message.key):
                return State.ASIDE  # it keeps the state that it has
            letter = decode(message)
            if not wish.chosen.matches(letter, started_ms) or (limit is not None and picked >= limit):
                return State.ASIDE
            if letter.shape is Shape.UNKNOWN:
                reason = "it has none of the shapes that can be replayed"
                self._told(Result(letter=letter, end=End.UNKNOWN, reason=reason))
                return State.ASIDE
            picked += 1
            return State.CHOSEN

        for name in sorted(wish.queues, reverse=True):
            box = self._boxes[name]
            started_ms = box.now_ms()
            found = walk(
                box,
                journal,
                before_ms=started_ms,
                choose=choose,
                enough=lambda: limit is not None and picked >= limit,
                missing_until_ms=missing_until_ms,
            )
            journal.note(COLLECTING, str(now_ms()))
            for count, _ in enumerate(found):
                if count % 100 == 0:
                    journal.note(COLLECTING, str(now_ms()))
                    self._listener.collecting(picked)
        journal.note(COLLECTING, "0")
        summary.chosen += picked
        let_go(self._boxes, journal, State.ASIDE)
        again = list(journal.all(State.DONE))
        summary.again += len(again)
        self._delete(again)

    def _work(self, letters: Iterator[Letter]) -> None:
        """Several at once, but one alone for the first few and after each failure."""
        running: set[Future[tuple[Letter, Outcome]]] = set()
        begun_s, started, exhausted = self._clock.now_s(), 0, False
        with ThreadPoolExecutor(MOST_AT_ONCE, thread_name_prefix="replay") as workers:
            while True:
                while not exhausted and len(running) < self._width(started):
                    if self._wish.rate_per_s is not None:
                        pause_s = begun_s + started / self._wish.rate_per_s - self._clock.now_s()
                        self._clock.sleep(max(0.0, pause_s))
                    letter = next(letters, None)
                    if letter is None:
                        exhausted = True
                        break
                    started += 1
                    running.add(workers.submit(self._bring_back, letter))
                if not running:
                    break
                ended, running = wait(running, return_when=FIRST_COMPLETED)
                for each in ended:
                    self._end(*each.result())
        self._flush()
        if self._journal.count(State.CHOSEN):
            self._summary.stopped = f"{self._failures_in_a_row} failures in a row"

    def _width(self, started: int) -> int:
        """How many may run at once: never so many that more could fail than may fail."""
        allowed = self._wish.max_failures - self._failures_in_a_row
        alone = started < PROBE or self._failures_in_a_row or self._wish.mending.edit is not None
        return max(0, min(allowed, 1 if alone else MOST_AT_ONCE))

    def _bring_back(self, letter: Letter) -> tuple[Letter, Outcome]:
        try:
            step = self._ways.prepare(letter, self._wish.mending)
        except UnmendableError as error:
            return letter, Outcome(reason=str(error))
        self._journal.begin(letter.message.key, step.document())
        return letter, self._took(letter, step)

    def _took(self, letter: Letter, step: Step) -> Outcome:
        outcome = self._ways.take(step, letter)
        key = letter.message.key
        if outcome.back:
            self._journal.mark(key, State.DONE)
        elif outcome.trimmed:
            self._journal.mark(key, State.TRIMMED)
        return outcome

    def _end(self, letter: Letter, outcome: Outcome) -> None:
        if outcome.trimmed:
            return
        if outcome.back:
            self._failures_in_a_row = 0
            self._summary.ways[_PARTICULAR.sub("", outcome.way.partition(": ")[0])] += 1
            self._told(Result(letter=letter, end=End.BACK, way=outcome.way))
            self._done.append(letter.message)
            if len(self._done) >= DELETED_AT_ONCE:
                self._flush()
            return
        self._failures_in_a_row += 1
        self._journal.failed(letter.message.key, outcome.reason, now_ms())
        self._told(Result(letter=letter, end=End.FAILED, reason=outcome.reason))

    def _told(self, result: Result) -> None:
        self._summary.ends[result.end] += 1
        self._listener.ended(result)

    def _recover_trimmed(self) -> None:
        if self._summary.stopped or not self._journal.count(State.TRIMMED):
            return
        for letter, outcome in recover_trimmed(self._ways, self._journal, self._listener.searching):
            if outcome.back:
                self._journal.mark(letter.message.key, State.DONE)
            self._end(letter, outcome)
        self._flush()

    def _flush(self) -> None:
        done, self._done = self._done, []
        self._delete(done)

    def _delete(self, messages: list[Message]) -> None:
        self._summary.undeleted += len(delete(self._boxes, self._journal, messages))

    def _tidy(self) -> None:
        """Settles what ended unseen in an interruption; what was not brought back is receivable at once."""
        seen = {each.key for each in self._done}
        self._flush()
        if self._summary.interrupted:
            unseen = [each for each in self._journal.all(State.DONE) if each.key not in seen]
            for message in unseen:
                self._told(Result(letter=decode(message), end=End.BACK))
            self._delete(unseen)
        for state in (State.CHOSEN, State.BEGUN, State.TRIMMED):
            for message in self._journal.all(state):
                self._told(Result(letter=decode(message), end=End.LEFT, reason=self._summary.stopped))
        self._let_go()

    def _let_go(self) -> None:
        # What was begun stays written down: its step may have been taken.
        let_go(self._boxes, self._journal, State.CHOSEN, State.TRIMMED, State.FAILED, State.ASIDE)
