"""Replaying: a fixed set, each step written down before it is taken, deleted only when it is back."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from functools import partial

from cryptoctl.aws import AwsError
from cryptoctl.errors import Failure, Problem
from cryptoctl.ops.dead_letters.journal import Journal, State
from cryptoctl.ops.dead_letters.messages import Letter, Message, Shape, decode
from cryptoctl.ops.dead_letters.planning import Kind, Outcome, Step, Ways
from cryptoctl.ops.dead_letters.receiving import FIRST_HOLD_S, Boxes, Walk, delete, kept, let_go, moment_of
from cryptoctl.ops.dead_letters.recovery import recover_trimmed
from cryptoctl.ops.dead_letters.results import End, Listener, Result, Summary, Wish
from cryptoctl.ops.times import now_ms
from cryptoctl.reconcile.retry import RealClock

MOST_AT_ONCE = 4
# The first few go one after the other: where the cause is not mended, hardly anything is tried in vain.
PROBE = 3
DELETED_AT_ONCE = 10
# What differs from message to message in a way back: how many, and when.
_PARTICULAR = re.compile(r"^\d+ |, \d{4}-\S+")
COLLECTING = "collecting since"


def _contained(take: Callable[[], Outcome]) -> Outcome:
    """The step's outcome; whatever one message does to us, the others go on.

    Raises only where nothing at all can be reached.
    """
    try:
        return take()
    except Failure as failure:
        if failure.problem in (Problem.UNREACHABLE, Problem.CREDENTIALS):
            raise
        return Outcome(reason=failure.message)
    except AwsError as error:
        return Outcome(reason=f"{error.service}:{error.operation} answered {error.code}: {error.message}")
    except Exception as error:
        # A message may hold anything: it stays in its queue, and its reason names what it met.
        named = "" if isinstance(error, ValueError) else f"{type(error).__name__}: "
        return Outcome(reason=f"{named}{error}")


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
            step = Step.from_document(each.step)
            self._end(letter, self._took(letter, partial(self._ways.take, step, letter)))
            self._summary.finished += 1
        self._flush()
        return missing_until_ms

    def _collect(self, missing_until_ms: int) -> None:
        journal, wish, summary = self._journal, self._wish, self._summary
        boxes = [self._boxes[name] for name in sorted(wish.queues, reverse=True)]
        started_ms, limit, picked = moment_of(boxes), wish.limit, 0

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

        walk = Walk(
            journal=journal,
            before_ms=started_ms,
            choose=choose,
            enough=lambda: limit is not None and picked >= limit,
            missing_until_ms=missing_until_ms,
        )
        journal.note(COLLECTING, str(now_ms()))
        for count, _ in enumerate(walk.through(boxes)):
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
                while not exhausted and len(running) < self._width(started - len(running)):
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

    def _width(self, ended: int) -> int:
        """How many may run at once: never so many that more could fail than may fail."""
        allowed = self._wish.max_failures - self._failures_in_a_row
        alone = ended < PROBE or self._failures_in_a_row or self._wish.mending.edit is not None
        return max(0, min(allowed, 1 if alone else MOST_AT_ONCE))

    def _bring_back(self, letter: Letter) -> tuple[Letter, Outcome]:
        def prepared() -> Outcome:
            step = self._tried(letter) or self._ways.prepare(letter, self._wish.mending)
            self._journal.begin(letter.message.key, step.document())
            return self._ways.take(step, letter)

        return letter, self._took(letter, prepared)

    def _tried(self, letter: Letter) -> Step | None:
        """The step that failed before: it may have stored a price, at a time that no log knows any more."""
        found = self._journal.tried(letter.message.key)
        if found is None or self._wish.mending:
            return None
        step = Step.from_document(found)
        return step if step.kind is Kind.STORE and not step.mended else None

    def _took(self, letter: Letter, take: Callable[[], Outcome]) -> Outcome:
        outcome = _contained(take)
        if outcome.back:
            self._journal.mark(letter.message.key, State.DONE)
        elif outcome.trimmed:
            self._journal.mark(letter.message.key, State.TRIMMED)
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
