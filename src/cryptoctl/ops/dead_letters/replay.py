"""Replaying: a fixed set, each step journaled before it is run, each message deleted only when it is back."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import replace

from cryptoctl.aws import AwsError
from cryptoctl.errors import Failure
from cryptoctl.ops.dead_letters.journal import Journal, MessageState
from cryptoctl.ops.dead_letters.messages import Message, Shape, decode, message_key
from cryptoctl.ops.dead_letters.planning import ReplayAction, ReplayStep, plan
from cryptoctl.ops.dead_letters.queues import DeadLetterQueues, in_order
from cryptoctl.ops.dead_letters.receiving import (
    FIRST_VISIBILITY_S,
    ReceiveOptions,
    check_ids,
    delete,
    keep_invisible,
    latest_ms,
    receive_all,
    release,
)
from cryptoctl.ops.dead_letters.repair import RepairSearch, read_units, unenriched, unrecovered_reason
from cryptoctl.ops.dead_letters.replayer import AwsFacts, Replayer, StepAttempt
from cryptoctl.ops.dead_letters.results import (
    Outcome,
    ReplayListener,
    ReplayOptions,
    ReplayResult,
    ReplaySummary,
)
from cryptoctl.ops.dead_letters.unreceived import Unreceived, ids_not_found, unreceived
from cryptoctl.ops.times import now_ms
from cryptoctl.reconcile.retry import RealClock
from cryptoctl.wording import pluralize

MAX_AT_ONCE = 4
# The first few run one after the other: if the cause is not fixed, hardly anything is tried in vain.
PROBE = 3
DELETED_AT_ONCE = 10
COLLECTING = "collecting since"


class Replay:
    """One replay of an environment's dead letters: `planned` gives its steps, `run` runs them."""

    def __init__(
        self,
        replayer: Replayer,
        queues: DeadLetterQueues,
        journal: Journal,
        options: ReplayOptions,
        listener: ReplayListener | None = None,
    ) -> None:
        self._replayer, self._queues, self._journal, self._options = replayer, queues, journal, options
        self._listener = listener or ReplayListener()
        self._summary = ReplaySummary()
        self._failures_in_a_row = 0
        self._done: list[ReplayStep] = []
        self._clock = RealClock()

    @property
    def unreceived(self) -> Unreceived:
        """What the queues hold beside the set, once that is fixed."""
        return self._summary.unreceived

    @contextmanager
    def planned(self) -> Iterator[Iterator[ReplayStep]]:
        """The steps: first what a killed replay had begun, as it was begun, then those of the set.

        The set is what the queues held at the beginning and the selection covers. It is invisible to others
        while the block runs; what is not begun by then is released.
        """
        with keep_invisible(self._queues, self._journal):
            try:
                self._resume()
                self._collect()
                yield self._steps()
                self._release()
            except BaseException:  # of an interrupted release the rest
                with suppress(AwsError, Failure):
                    self._release()
                raise

    def run(self) -> ReplaySummary:
        """Runs the steps. Ctrl-C ends it after those that are running; the summary says so.

        Raises Failure or AwsError if AWS cannot be reached or used; the next replay goes on from there.
        """
        with self.planned() as steps:
            try:
                self._listener.started(self._summary.chosen)
                self._work(steps)
                self._recover_trimmed()
            except KeyboardInterrupt:
                self._summary.interrupted = True
                self._summary.stopped = "interrupted"
            self._conclude()
        self._journal.prune(now_ms())
        return self._summary

    def _resume(self) -> None:
        """What a killed replay left is chosen anew, but for what it had begun or done."""
        release(self._queues, self._journal, *(set(MessageState) - {MessageState.BEGUN, MessageState.DONE}))
        self._journal.resume_done(now_ms())
        self._summary.chosen += self._journal.count(MessageState.BEGUN)

    def _collect(self) -> None:
        journal, options = self._journal, self._options
        queues = in_order(self._queues, options.selection)
        started_ms, picked = latest_ms(queues), 0

        def enough() -> bool:
            return options.limit is not None and picked >= options.limit

        def choose(message: Message) -> MessageState:
            nonlocal picked
            if journal.has(message.key):
                return MessageState.ASIDE  # it keeps the state that it has
            if journal.is_replayed(message.key):
                return MessageState.CHOSEN
            letter = decode(message)
            if enough() or not options.selection.matches(letter, started_ms):
                return MessageState.ASIDE
            picked += letter.shape is not Shape.UNKNOWN
            return MessageState.CHOSEN

        # What was lost was received later than the time noted, which is that of up to 100 messages before.
        missing_until_ms = journal.read_time(COLLECTING) + 2 * FIRST_VISIBILITY_S * 1000
        receiving = ReceiveOptions(
            journal=journal,
            before_ms=started_ms,
            choose=choose,
            enough=enough,
            missing_until_ms=missing_until_ms,
        )
        journal.write_time(COLLECTING, now_ms())
        for count, _ in enumerate(receive_all(queues, receiving)):
            if count % 100 == 0:
                journal.write_time(COLLECTING, now_ms())
                self._listener.collecting(picked)
        journal.write_time(COLLECTING, 0)
        self._summary.chosen += picked
        if not enough():
            self._summary.unreceived = unreceived(self._queues, options.selection, journal)
            missing = ids_not_found(options.selection, journal)
            keys = {id_: [message_key(queue.name, id_) for queue in queues] for id_ in missing}
            replayed_before = {id_ for id_ in missing if any(map(journal.is_replayed, keys[id_]))}
            self._summary.replayed_before += len(replayed_before)
            check_ids(missing - replayed_before, self._summary.unreceived)
        release(self._queues, journal, MessageState.ASIDE)

    def _steps(self) -> Iterator[ReplayStep]:
        for message, document in self._journal.steps(MessageState.BEGUN):
            yield replace(ReplayStep.from_document(decode(message), document), resumed=True)
        facts = AwsFacts(replayer=self._replayer, journal=self._journal)
        yield from plan(map(decode, self._journal.messages(MessageState.CHOSEN)), self._options.edits, facts)

    def _work(self, steps: Iterator[ReplayStep]) -> None:
        """Several at once, but one alone for the first few and after each failure."""
        running: set[Future[tuple[ReplayStep, StepAttempt]]] = set()
        begun_s, started, exhausted = self._clock.now_s(), 0, False
        with ThreadPoolExecutor(MAX_AT_ONCE, thread_name_prefix="replay") as workers:
            while True:
                while not exhausted and len(running) < self._concurrency(started - len(running)):
                    if self._options.rate_per_s is not None:
                        pause_s = begun_s + started / self._options.rate_per_s - self._clock.now_s()
                        self._clock.sleep(max(0.0, pause_s))
                    step = next(steps, None)
                    if step is None:
                        exhausted = True
                        break
                    started += 1
                    running.add(workers.submit(self._run_step, step))
                if not running:
                    break
                ended, running = wait(running, return_when=FIRST_COMPLETED)
                for future in ended:
                    self._end(*future.result())
        self._flush()
        if self._journal.count(MessageState.CHOSEN, MessageState.BEGUN):
            self._summary.stopped = f"{pluralize(self._failures_in_a_row, 'failure')} in a row"

    def _concurrency(self, ended: int) -> int:
        """How many may run at once: never so many that more could fail than may fail."""
        allowed = self._options.max_failures - self._failures_in_a_row
        alone = ended < PROBE or self._failures_in_a_row or self._options.edits.editor is not None
        return max(0, min(allowed, 1 if alone else MAX_AT_ONCE))

    def _run_step(self, step: ReplayStep) -> tuple[ReplayStep, StepAttempt]:
        key = step.letter.message.key
        if step.action is not ReplayAction.NONE:
            self._journal.begin(key, step.document())
        attempt = self._replayer.attempt(step)
        if attempt.succeeded:
            self._journal.mark(key, MessageState.DONE)
        elif attempt.trimmed:
            self._journal.mark(key, MessageState.TRIMMED)
        return step, attempt

    def _end(self, step: ReplayStep, attempt: StepAttempt) -> None:
        letter = step.letter
        self._summary.resumed += step.resumed
        if attempt.succeeded:
            self._failures_in_a_row = 0
            self._done.append(step)
            if step.action is ReplayAction.DELETE:
                self._summary.replayed_before += 1
            else:
                self._summary.ways[step.how] += 1
                self._report(ReplayResult(letter=letter, outcome=Outcome.REPLAYED, way=attempt.way))
            if len(self._done) >= DELETED_AT_ONCE:
                self._flush()
        elif letter.shape is Shape.UNKNOWN:
            self._journal.mark(letter.message.key, MessageState.ASIDE)
            self._report(ReplayResult(letter=letter, outcome=Outcome.UNKNOWN, reason=attempt.reason))
        elif not attempt.trimmed:
            self._failures_in_a_row += 1
            self._journal.mark_failed(letter.message.key, attempt.reason, now_ms())
            self._report(ReplayResult(letter=letter, outcome=Outcome.FAILED, reason=attempt.reason))

    def _report(self, result: ReplayResult) -> None:
        self._summary.outcomes[result.outcome] += 1
        self._listener.ended(result)

    def _recover_trimmed(self) -> None:
        """One search of the table for all pointers whose records have left the stream."""
        if self._summary.stopped or not self._journal.count(MessageState.TRIMMED):
            return
        aws, table = self._replayer.aws, self._replayer.stack.prices
        self._listener.searching(read_units(aws, table))
        enriched = self._replayer.enricher.enrich(unenriched(aws, table, RepairSearch()))
        prices = pluralize(enriched.enriched, "price was", "prices were")
        way = f"recovered from the table, where {prices} enriched"
        for message, document in self._journal.steps(MessageState.TRIMMED):
            step = ReplayStep.from_document(decode(message), document)
            attempt = StepAttempt(way=way, reason=unrecovered_reason(step.letter, enriched))
            if attempt.succeeded:
                self._journal.mark(message.key, MessageState.DONE)
            self._end(step, attempt)
        self._flush()

    def _flush(self) -> None:
        """Deletes what was replayed."""
        done, self._done = self._done, []
        undeleted = delete(self._queues, self._journal, [step.letter.message for step in done])
        replayed_before = {step.letter.message.key for step in done if step.action is ReplayAction.DELETE}
        self._summary.undeleted += sum(1 for message in undeleted if message.key not in replayed_before)

    def _conclude(self) -> None:
        """Reports what ended unseen in an interruption, and what was not tried."""
        self._flush()
        for message, document in self._journal.steps(MessageState.DONE):
            self._end(ReplayStep.from_document(decode(message), document), StepAttempt())
        self._flush()
        for state in (MessageState.CHOSEN, MessageState.BEGUN, MessageState.TRIMMED):
            for message in self._journal.messages(state):
                if not self._journal.is_replayed(message.key):
                    letter, reason = decode(message), self._summary.stopped
                    self._report(ReplayResult(letter=letter, outcome=Outcome.NOT_TRIED, reason=reason))

    def _release(self) -> None:
        # What was begun stays in the journal: its step may have been run.
        states = (MessageState.CHOSEN, MessageState.TRIMMED, MessageState.FAILED, MessageState.ASIDE)
        release(self._queues, self._journal, *states)
