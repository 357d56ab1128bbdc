"""A replay as a whole on queues in memory: whatever fails, is cut short or comes again, nothing is lost or
done twice."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cryptoctl.aws import Aws, AwsError
from cryptoctl.cli.command import CommandRun
from cryptoctl.cli.dlq_files import purge
from cryptoctl.errors import ExitCode, Failure
from cryptoctl.ops.dead_letters.journal import Journal, MessageState
from cryptoctl.ops.dead_letters.messages import Message, QueueName
from cryptoctl.ops.dead_letters.planning import ReplayStep
from cryptoctl.ops.dead_letters.queues import DeadLetterQueue, DeadLetterQueues
from cryptoctl.ops.dead_letters.receiving import FIRST_VISIBILITY_S, ReceiveOptions
from cryptoctl.ops.dead_letters.replay import COLLECTING, Replay
from cryptoctl.ops.dead_letters.replayer import Replayer, StepAttempt
from cryptoctl.ops.dead_letters.results import (
    Outcome,
    ReplayListener,
    ReplayOptions,
    ReplayResult,
    ReplaySummary,
)
from cryptoctl.ops.dead_letters.selection import Selection
from cryptoctl.ops.queue_depth import QueueDepth
from cryptoctl.ops.times import now_ms
from cryptoctl.session import Session
from cryptoctl.ui.screen import Screen
from unit.answers import STACK, Answers

REASONS = {"ErrorMessage": {"DataType": "String", "StringValue": "KeyError: 1"}}
GOOD, BAD, ODD, RECORD = "good", "bad", "odd", "record"
"""what is stored, what fails however often it is run, what has none of the shapes, and what is enriched"""


@dataclass(frozen=True, kw_only=True)
class MemoryQueue(DeadLetterQueue):
    """A queue in memory. What is in `stubborn` it does not delete the first time."""

    messages: dict[str, Message]
    stubborn: set[str]
    hidden: set[str] = field(default_factory=set)

    def receive(self, *, visibility_s: int, wait_s: int) -> list[Message]:
        messages = [message for message in self.messages.values() if message.id not in self.hidden][:10]
        self.hidden.update(message.id for message in messages)
        return messages

    def receive_from_all(self, *, visibility_s: int) -> list[Message]:
        return self.receive(visibility_s=visibility_s, wait_s=0)

    def set_visibility(self, messages: Sequence[Message], seconds: int) -> list[bool]:
        if not seconds:
            self.hidden.difference_update(message.id for message in messages)
        return [message.id in self.messages for message in messages]

    def delete(self, messages: Sequence[Message]) -> list[bool]:
        done = [removed.id not in self.stubborn for removed in messages]
        for message, deleted in zip(messages, done, strict=True):
            self.stubborn.discard(message.id)
            if deleted:
                del self.messages[message.id]
        return done

    def depth(self) -> QueueDepth:
        hidden = len(self.hidden & self.messages.keys())
        return QueueDepth(name="q", visible=len(self.messages) - hidden, in_flight=hidden, delayed=0)

    def now_ms(self) -> int:
        return 10

    def wait(self) -> None:
        """Until what was received is visible again."""
        self.hidden.clear()


@dataclass(frozen=True, kw_only=True)
class Scripted(Replayer):
    """Runs a step as its message says."""

    run: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def attempt(self, step: ReplayStep) -> StepAttempt:
        if step.problem:
            return StepAttempt(reason=step.problem)
        bad = step.letter.symbols == (BAD.upper(),)
        with self.lock:
            self.run[step.letter.message.id] += step.how.startswith("store")
        return StepAttempt(reason="still broken") if bad else StepAttempt(way=step.summary)


class InterruptAfter(ReplayListener):
    """Interrupts once so many messages have ended."""

    def __init__(self, after: int | None) -> None:
        self.after, self.results = after, list[ReplayResult]()

    def ended(self, result: ReplayResult) -> None:
        self.results.append(result)
        if len(self.results) == self.after:
            raise KeyboardInterrupt


class Bench:
    """A queue with these messages, and an environment in which they are replayed."""

    def __init__(self, kinds: Sequence[str], stubborn: set[str], directory: str) -> None:
        aws = cast("Aws", Answers(responses={}))
        letters = {str(number): _letter(str(number), kind) for number, kind in enumerate(kinds)}
        self.queue = MemoryQueue(
            aws=aws,
            name=QueueName.WEBHOOK,
            queue_name="q",
            url="",
            identity="",
            messages=letters,
            stubborn=stubborn,
        )
        self.queues: DeadLetterQueues = {QueueName.WEBHOOK: self.queue}
        self.replayer = Scripted(aws=aws, stack=STACK)
        self.path = Path(directory) / "journal.sqlite"

    def replay(
        self,
        max_failures: int = 10,
        listener: ReplayListener | None = None,
        limit: int | None = None,
        **criteria: Any,
    ) -> ReplaySummary:
        selection = Selection(queues=[QueueName.WEBHOOK], **criteria)
        options = ReplayOptions(selection=selection, max_failures=max_failures, limit=limit)
        with Journal(self.path) as journal:
            return Replay(self.replayer, self.queues, journal, options, listener).run()

    @property
    def failures(self) -> set[str]:
        """The ids of the messages of which the journal knows why they stayed."""
        with Journal(self.path) as journal:
            assert journal.count(MessageState.CHOSEN, MessageState.DONE, MessageState.FAILED) == 0
            return {key.partition("/")[2] for key in journal.failures()}


def _letter(id: str, kind: str) -> Message:  # noqa: A002
    price = {"symbol": kind, "price": 1, "exchange": "x", "timestamp": 1_700_000_000}
    keys = {"symbol": {"S": GOOD}, "timestamp": {"N": "5"}}
    record = json.dumps({"kind": "record", "record": {"dynamodb": {"Keys": keys}}})
    others = {ODD: "scribble", RECORD: record}
    body = others.get(kind) or json.dumps({"body": json.dumps(price)})
    return Message(
        queue=QueueName.WEBHOOK, id=id, body=body, attributes=REASONS, sent_ms=int(id), receives=1, receipt=id
    )


def _ids(kinds: Sequence[str], *wanted: str) -> set[str]:
    return {str(number) for number, kind in enumerate(kinds) if kind in wanted}


def _failed_in_a_row(results: Sequence[ReplayResult]) -> int:
    """How many failures end what was tried."""
    tried = [
        result.outcome is Outcome.FAILED
        for result in results
        if result.outcome in (Outcome.FAILED, Outcome.REPLAYED)
    ]
    return [*reversed(tried), False].index(False)


KINDS = st.lists(st.sampled_from([GOOD, GOOD, BAD, ODD]), max_size=9)


@settings(max_examples=20)
@given(KINDS, st.sets(st.integers(0, 8)), st.integers(1, 5))
@example([BAD, GOOD, BAD, GOOD, GOOD], set(), 2)
def test_what_is_replayed_is_deleted_and_all_else_stays_with_its_reason(
    kinds: list[str], numbers: set[int], max_failures: int
) -> None:
    stubborn = {str(number) for number in numbers} & _ids(kinds, GOOD)
    with TemporaryDirectory() as directory:
        bench, listener = Bench(kinds, set(stubborn), directory), InterruptAfter(None)
        summary = bench.replay(max_failures, listener)
        by_outcome = {
            outcome: {result.letter.message.id for result in listener.results if result.outcome is outcome}
            for outcome in Outcome
        }
        assert Counter({outcome: len(ids) for outcome, ids in by_outcome.items() if ids}) == summary.outcomes
        assert sorted(result.letter.message.id for result in listener.results) == sorted(
            _ids(kinds, GOOD, BAD, ODD)
        ), "once each"
        replayed, failed = by_outcome[Outcome.REPLAYED], by_outcome[Outcome.FAILED]
        assert (replayed - _ids(kinds, GOOD), failed - _ids(kinds, BAD)) == (set(), set())
        assert bench.queue.messages.keys() == _ids(kinds, GOOD, BAD, ODD) - (replayed - stubborn)
        assert bench.queue.hidden & bench.queue.messages.keys() == stubborn & replayed
        assert (bench.failures, summary.undeleted) == (failed, len(stubborn & replayed))
        assert bool(summary.stopped) is bool(by_outcome[Outcome.NOT_TRIED])
        assert _failed_in_a_row(listener.results) <= max_failures
        assert not summary.stopped or _failed_in_a_row(listener.results) == max_failures
        assert summary.complete is (replayed == _ids(kinds, GOOD, BAD, ODD) and not stubborn)
        bench.queue.wait()
        again = bench.replay(len(kinds) + 1)
        assert again.replayed_before == len(stubborn & replayed)
        assert bench.queue.messages.keys() == _ids(kinds, BAD, ODD) | (stubborn - replayed)
        assert all(bench.replayer.run[number] == 1 for number in _ids(kinds, GOOD)), "none is stored twice"


@settings(max_examples=20)
@given(KINDS, st.integers(1, 9))
@example([GOOD, BAD, GOOD, GOOD, GOOD, GOOD], 4)
def test_after_ctrl_c_the_next_replay_goes_on_from_there(kinds: list[str], after: int) -> None:
    with TemporaryDirectory() as directory:
        bench = Bench(kinds, set(), directory)
        summary = bench.replay(listener=InterruptAfter(after))
        assert summary.interrupted is (after <= len(kinds))
        assert not (summary.interrupted and summary.complete)
        stored = {number for number in _ids(kinds, GOOD) if bench.replayer.run[number]}
        assert bench.queue.messages.keys() == _ids(kinds, GOOD, BAD, ODD) - stored, "what was done is deleted"
        bench.queue.wait()
        assert bench.replay().chosen >= len(_ids(kinds, GOOD) - stored)
        assert bench.queue.messages.keys() == _ids(kinds, BAD, ODD)
        assert bench.queue.depth().in_flight == 0
        assert all(bench.replayer.run[number] == 1 for number in _ids(kinds, GOOD)), "none is stored twice"


def test_a_purge_that_sqs_does_in_part_is_no_success(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bench = Bench([GOOD, GOOD], {"1"}, str(tmp_path))
    monkeypatch.setattr("cryptoctl.cli.dlq_files.dead_letter_queues", lambda *_: bench.queues)
    session = SimpleNamespace(aws=None, stack=None, location="dev")
    run = CommandRun(session=cast("Session", session), screen=Screen(colour=False))
    selection = Selection(queues=[QueueName.WEBHOOK])
    with pytest.raises(Failure, match="Not everything selected is deleted") as raised:
        purge(run, selection, yes=True, export_to=tmp_path / "file")
    assert raised.value.exit_code is ExitCode.FAILED and "1 message that was kept" in raised.value.hint
    assert capsys.readouterr().out == "1 of 2 messages were deleted.\n"
    assert list(bench.queue.messages) == ["1"]


def test_what_has_none_of_the_shapes_is_none_of_as_many_as_are_asked_for(tmp_path: Path) -> None:
    bench = Bench([ODD, GOOD, GOOD], set(), str(tmp_path))
    summary = bench.replay(limit=1)
    assert summary.outcomes == {Outcome.UNKNOWN: 1, Outcome.REPLAYED: 1}
    assert set(bench.queue.messages) == {"0", "2"} and not bench.queue.hidden & bench.queue.messages.keys()


def test_what_others_have_received_is_counted_unless_as_many_as_asked_for_are_found(tmp_path: Path) -> None:
    bench = Bench([GOOD] * 4, set(), str(tmp_path))
    bench.queue.hidden.update({"2", "3"})
    for limit, in_flight in ((1, 0), (None, 2)):
        summary = bench.replay(limit=limit)
        assert (summary.outcomes[Outcome.REPLAYED], summary.unreceived.in_flight) == (1, in_flight)
        assert summary.complete is (not in_flight)


def test_what_was_replayed_before_is_deleted_and_none_of_those_that_are_asked_for(tmp_path: Path) -> None:
    bench, listener = Bench([BAD, GOOD, GOOD], {"1"}, str(tmp_path)), InterruptAfter(None)
    with Journal(bench.path) as journal:
        journal.mark_replayed(["webhook/1"], now_ms())
    summary = bench.replay(1, listener)
    assert [(result.letter.message.id, result.outcome) for result in listener.results] == [
        ("0", Outcome.FAILED),
        ("2", Outcome.NOT_TRIED),
    ]
    bench.queue.wait()
    summary = bench.replay(symbol="nothing of that name")
    assert (summary.replayed_before, summary.chosen, summary.undeleted) == (1, 0, 0), "SQS did not delete it"
    bench.queue.wait()
    summary = bench.replay(ids=["1"])
    assert (summary.replayed_before, summary.undeleted) == (1, 0)
    assert set(bench.queue.messages) == {"0", "2"}
    assert bench.replay(ids=["1"]).replayed_before == 1, "it is in no queue any more, and known"
    with pytest.raises(Failure, match="has the id 7"):
        bench.replay(ids=["7"])


class Killed(BaseException):
    """The process's end, in the midst of a step."""


@pytest.mark.parametrize("kind", [GOOD, RECORD])
def test_what_was_begun_is_finished_as_it_was_begun_and_counted_once(tmp_path: Path, kind: str) -> None:
    bench = Bench([kind, GOOD], set(), str(tmp_path))

    def killed(_: Scripted, step: ReplayStep) -> StepAttempt:
        raise Killed

    with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
        patch.setattr(Scripted, "attempt", killed)
        bench.replay()
    assert bench.queue.depth().visible == 1, "what was not begun is everybody's again"
    with Journal(bench.path) as journal:
        assert journal.count(MessageState.BEGUN) == 1
        assert [letter.id for letter in journal.messages(MessageState.BEGUN)] == ["0"]
    bench.queue.wait()
    summary = bench.replay()
    assert (summary.chosen, summary.resumed, summary.complete) == (2, 1, True)
    assert not bench.queue.messages


def test_while_steps_run_only_what_is_chosen_is_withheld_from_others(tmp_path: Path) -> None:
    bench, withheld = Bench([GOOD, GOOD, ODD, GOOD], set(), str(tmp_path)), list[set[str]]()

    class Looking(ReplayListener):
        def started(self, count: int) -> None:
            withheld.append(set(bench.queue.hidden))

    assert bench.replay(listener=Looking(), ids=["1"]).complete
    assert withheld == [{"1"}]


def test_where_aws_cannot_be_used_what_was_received_is_released(tmp_path: Path) -> None:
    bench = Bench([GOOD, GOOD], set(), str(tmp_path))

    class Refused(ReplayListener):
        def started(self, count: int) -> None:
            raise AwsError(service="sqs", operation="Any", code="AccessDenied", message="not you")

    with pytest.raises(AwsError, match="AccessDenied"):
        bench.replay(listener=Refused())
    assert not bench.queue.hidden


def test_what_an_interrupted_release_has_left_is_released_too(tmp_path: Path) -> None:
    pressed = list[bool]()

    def press_once(its: MemoryQueue, messages: Sequence[Message], seconds: int) -> list[bool]:
        if not (seconds or pressed):
            pressed.append(True)
            raise KeyboardInterrupt
        return shown(its, messages, seconds)

    bench, shown = Bench([BAD, BAD], set(), str(tmp_path)), MemoryQueue.set_visibility
    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(MemoryQueue, "set_visibility", press_once)
        bench.replay()
    assert pressed
    assert not bench.queue.hidden


def test_a_replay_that_was_stopped_does_not_go_on_to_read_the_whole_table(tmp_path: Path) -> None:
    bench = Bench([GOOD, BAD, GOOD], set(), str(tmp_path))

    def trimmed(its: Scripted, step: ReplayStep) -> StepAttempt:
        bad = step.letter.symbols == (BAD.upper(),)
        return StepAttempt(reason="still broken") if bad else StepAttempt(way="w", trimmed=True)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Scripted, "attempt", trimmed)
        summary = bench.replay(1)
    assert summary.outcomes == {Outcome.FAILED: 1, Outcome.NOT_TRIED: 2}
    assert bench.replayer.aws.requests == []  # type: ignore[attr-defined]
    assert not bench.queue.hidden & bench.queue.messages.keys()


def test_what_a_replay_remembers_is_forgotten_once_no_queue_can_hold_it(tmp_path: Path) -> None:
    bench, day_ms = Bench([], set(), str(tmp_path)), 86_400_000
    with Journal(bench.path) as journal:
        journal.mark_replayed(["old"], now_ms() - 15 * day_ms)
        journal.mark_replayed(["new"], now_ms() - 13 * day_ms)
    bench.replay()
    with Journal(bench.path) as journal:
        assert (journal.is_replayed("old"), journal.is_replayed("new")) == (False, True)


def test_while_it_collects_it_is_noted_until_when_others_wait_for_what_it_may_lose(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench, until_ms, noted = Bench([], set(), str(tmp_path)), list[int](), list[int]()

    def received(_: object, wanted: ReceiveOptions) -> Iterator[Message]:
        until_ms.append(wanted.missing_until_ms)
        for _ in range(101):
            noted.append(wanted.journal.read_time(COLLECTING))
            wanted.journal.write_time(COLLECTING, 5)
            yield _letter("0", GOOD)
        noted.append(wanted.journal.read_time(COLLECTING))

    monkeypatch.setattr("cryptoctl.ops.dead_letters.replay.receive_all", received)
    began_ms = now_ms()
    with Journal(bench.path) as journal:
        journal.write_time(COLLECTING, 1_000)
    bench.replay()
    assert until_ms == [1_000 + 2 * FIRST_VISIBILITY_S * 1000]
    assert noted[0] >= began_ms and noted[50] == 5 and noted[-1] >= began_ms, "at first, and now and then"
    with Journal(bench.path) as journal:
        assert journal.read_time(COLLECTING) == 0
