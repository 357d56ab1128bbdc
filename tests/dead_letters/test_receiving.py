"""What ends the reading of a queue, and what becomes of messages that SQS does not take."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest

from cryptoctl.aws import AccessKey, Aws, AwsError
from cryptoctl.ops.dead_letters.journal import PAGE, Journal, MessageState
from cryptoctl.ops.dead_letters.messages import Message, QueueName
from cryptoctl.ops.dead_letters.queues import LONG_POLL_S, MAX_A_CALL, DeadLetterQueue
from cryptoctl.ops.dead_letters.receiving import (
    CALLS_WITH_NOTHING_OLDER,
    FIRST_VISIBILITY_S,
    ReceiveOptions,
    _extend,
    _extend_until,
    keep_invisible,
    receive_all,
    release,
)
from cryptoctl.ops.dead_letters.unreceived import VISIBILITY_S
from cryptoctl.ops.queue_depth import QueueDepth
from cryptoctl.ops.times import now_ms
from cryptoctl.reconcile.retry import Interrupted, RealClock
from unit.answers import Answers

MESSAGE = Message(queue=QueueName.WEBHOOK, id="", body="{}", attributes={}, sent_ms=1, receives=1, receipt="")


class OneAfterTheOther(Aws):
    """No request; what would be done at the same time is done in order."""

    def __init__(self, metered: bool) -> None:
        url = "https://sqs.example" if metered else "http://127.0.0.1:1"
        super().__init__(endpoint_url=url, credentials=AccessKey(access_key="a", secret_key="s"))

    def map(self, function: Callable[[Any], Any], things: Iterable[Any]) -> list[Any]:
        """As `map` is, without threads."""
        return [function(argument) for argument in things]


@dataclass(frozen=True, kw_only=True)
class ManyServers(DeadLetterQueue):
    """A queue whose short polls ask a server that has nothing; a long poll finds one message."""

    remaining: list[Message]
    waits_s: list[int] = field(default_factory=list)

    def receive(self, *, visibility_s: int, wait_s: int) -> list[Message]:
        """One message, to whoever waits."""
        self.waits_s.append(wait_s)
        return [self.remaining.pop()] if wait_s and self.remaining else []

    def depth(self) -> QueueDepth:
        """The approximate count knows of none."""
        return QueueDepth(name=self.queue_name, visible=0, in_flight=0, delayed=0)


def read(queue: ManyServers) -> list[str]:
    with Journal() as journal:
        options = ReceiveOptions(journal=journal, before_ms=2, choose=lambda _: MessageState.ASIDE)
        return [message.id for message in receive_all([queue], options)]


def queue(ids: list[str], *, metered: bool) -> ManyServers:
    messages = [replace(MESSAGE, id=message_id, receipt=message_id) for message_id in ids]
    return ManyServers(
        aws=OneAfterTheOther(metered),
        name=QueueName.WEBHOOK,
        queue_name="q",
        url="",
        identity="",
        remaining=messages,
    )


@pytest.mark.parametrize("ids", [[], ["a"], ["a", "b", "c"]])
def test_on_aws_what_short_polls_miss_is_received_by_long_ones(ids: list[str]) -> None:
    many = queue(ids, metered=True)
    assert sorted(read(many)) == ids
    assert many.waits_s[-1] == LONG_POLL_S


def test_an_engine_is_one_server_and_is_not_waited_for() -> None:
    many = queue([], metered=False)
    assert read(many) == []
    assert set(many.waits_s) == {0}


@pytest.mark.parametrize(
    ("date", "answered_ms"),
    [
        ("Fri, 01 Jan 2100 00:00:00 GMT", 4_102_444_800_999),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
        (None, 0),
    ],
)
def test_whatever_has_been_sent_is_older_by_the_later_of_both_clocks(
    date: str | None, answered_ms: int
) -> None:
    """The date of an answer is cut off to whole seconds."""
    at_least_ms = max(answered_ms, now_ms())
    headers = {} if date is None else {"date": date}
    aws = Answers(responses={"GetQueueAttributes": {"ResponseMetadata": {"HTTPHeaders": headers}}})
    metered = replace(queue([], metered=True), aws=cast("Aws", aws))
    assert at_least_ms <= metered.now_ms() < at_least_ms + 10 * 86_400_000


class Strict(Aws):
    """SQS, which refuses a whole call for one of its messages."""

    def __init__(self, code: str) -> None:
        super().__init__(
            endpoint_url="http://127.0.0.1:1", credentials=AccessKey(access_key="a", secret_key="s")
        )
        self.code, self.calls = code, 0

    def call(self, service: str, operation: str, **params: Any) -> dict[str, Any]:
        """Takes what is good."""
        self.calls += 1
        if any(entry["MessageBody"] == "bad" for entry in params["Entries"]):
            raise AwsError(service=service, operation=operation, code=self.code, message="no")
        return {"Successful": [{"Id": entry["Id"]} for entry in params["Entries"]]}


def sender(code: str) -> DeadLetterQueue:
    return DeadLetterQueue(aws=Strict(code), name=QueueName.WEBHOOK, queue_name="q", url="", identity="")


@pytest.mark.parametrize("code", ["BatchRequestTooLong", "AWS.SimpleQueueService.InvalidMessageContents"])
def test_a_message_for_which_sqs_refuses_the_call_keeps_no_other_from_being_sent(code: str) -> None:
    bodies = ["a", "bad", "c", "d", "bad"]
    assert list(sender(code).send([(body, {}) for body in bodies])) == [True, False, True, True, False]


def test_what_concerns_every_message_is_no_refusal_of_one() -> None:
    queue = sender("AccessDenied")
    with pytest.raises(AwsError):
        list(queue.send([("bad", {}), ("c", {})]))
    assert isinstance(queue.aws, Strict) and queue.aws.calls == 1


class AllAtOnce(Strict):
    """SQS, which answers only once as many calls as make a page are under way."""

    def __init__(self) -> None:
        super().__init__("")
        self.under_way = threading.Barrier(PAGE // MAX_A_CALL)

    def call(self, service: str, operation: str, **params: Any) -> dict[str, Any]:
        """Shows the messages but the last of each call."""
        self.under_way.wait(20)
        return {"Successful": [{"Id": str(number)} for number in range(MAX_A_CALL - 1)]}


def test_many_messages_are_released_at_the_same_time() -> None:
    """One after the other, between calls that keep the rest invisible, took twice as long as the look."""
    dlq = replace(sender(""), aws=AllAtOnce())
    messages = [replace(MESSAGE, id=str(number), receipt=str(number)) for number in range(PAGE)]
    assert dlq.set_visibility(messages, 0) == ([True] * (MAX_A_CALL - 1) + [False]) * (PAGE // MAX_A_CALL)
    with Journal() as journal:
        journal.add([(message, MessageState.CHOSEN) for message in messages], extend_ms=0)
        release({dlq.name: dlq}, journal, MessageState.CHOSEN)
        assert journal.count(*MessageState) == 0


@dataclass(frozen=True, kw_only=True)
class ReleasedMeanwhile(DeadLetterQueue):
    """While the keeper extends a message, the work ends and releases it."""

    journal: Journal
    seconds: list[int] = field(default_factory=list)
    releasing: list[threading.Thread] = field(default_factory=list)
    extending: threading.Event = field(default_factory=threading.Event)

    def set_visibility(self, messages: Sequence[Message], seconds: int) -> list[bool]:
        """Notes what came last."""
        if seconds:
            work = threading.Thread(
                target=release, args=({self.name: self}, self.journal, MessageState.CHOSEN)
            )
            self.releasing.append(work)
            work.start()
            work.join(0.5)  # as long as it takes where nothing holds it back
        self.seconds.append(seconds)
        if seconds:
            self.extending.set()
        return [True] * len(messages)


def test_what_is_released_is_not_extended_after_that() -> None:
    """It would be in nobody's hands, and invisible for ten minutes."""
    with Journal() as journal:
        journal.add([(replace(MESSAGE, id="1"), MessageState.CHOSEN)], extend_ms=0)
        dlq = ReleasedMeanwhile(
            aws=OneAfterTheOther(metered=False),
            name=QueueName.WEBHOOK,
            queue_name="q",
            url="u",
            identity="i",
            journal=journal,
        )
        with keep_invisible({dlq.name: dlq}, journal):
            assert dlq.extending.wait(20)
        dlq.releasing[0].join()
    assert dlq.seconds[-1] == 0


@dataclass(frozen=True, kw_only=True)
class OverMeanwhile(DeadLetterQueue):
    """While the keeper extends messages, the work ends."""

    over: threading.Event = field(default_factory=threading.Event)
    extended: list[int] = field(default_factory=list)

    def set_visibility(self, messages: Sequence[Message], seconds: int) -> list[bool]:
        """Notes how many."""
        self.over.set()
        self.extended.append(len(messages))
        return [True] * len(messages)


def test_once_the_work_is_over_no_more_is_extended() -> None:
    """Who has interrupted it would wait for that, and others for the messages."""
    with Journal() as journal:
        letters = [replace(MESSAGE, id=str(number)) for number in range(3 * PAGE)]
        journal.add([(message, MessageState.CHOSEN) for message in letters], extend_ms=0)
        dlq = OverMeanwhile(
            aws=OneAfterTheOther(metered=False), name=QueueName.WEBHOOK, queue_name="q", url="u", identity="i"
        )
        _extend_until({dlq.name: dlq}, journal, RealClock(dlq.over))
    assert dlq.extended == [PAGE]


@dataclass(frozen=True, kw_only=True)
class ScriptedQueue(DeadLetterQueue):
    """A queue that gives these messages, call by call; then, if it is asked for ever, the last again."""

    gives: list[list[Message]]
    depths: list[QueueDepth] = field(default_factory=list)
    visibility_timeouts: list[int] = field(default_factory=list)

    def receive(self, *, visibility_s: int, wait_s: int) -> list[Message]:
        """What is next."""
        self.visibility_timeouts.append(visibility_s)
        return self.gives.pop(0) if self.gives else []

    def depth(self) -> QueueDepth:
        """What is next; at the end it has none."""
        return self.depths.pop(0) if self.depths else _depth()


def _depth(visible: int = 0, in_flight: int = 0) -> QueueDepth:
    return QueueDepth(name="q", visible=visible, in_flight=in_flight, delayed=0)


def _in_turn(*gives: list[Message], depths: Sequence[QueueDepth] = ()) -> ScriptedQueue:
    return ScriptedQueue(
        aws=OneAfterTheOther(metered=False),
        name=QueueName.WEBHOOK,
        queue_name="q",
        url="",
        identity="",
        gives=list(gives),
        depths=list(depths),
    )


def _sent(id: str, sent_ms: int = 1) -> Message:  # noqa: A002
    return replace(MESSAGE, id=id, receipt=id, sent_ms=sent_ms)


def _received(dlq: ScriptedQueue, journal: Journal, missing_until_ms: int = 0) -> list[str]:
    options = ReceiveOptions(
        journal=journal,
        before_ms=5,
        choose=lambda _: MessageState.CHOSEN,
        missing_until_ms=missing_until_ms,
    )
    return [message.id for message in receive_all([dlq], options)]


def test_messages_that_arrive_without_end_do_not_keep_it_from_ending() -> None:
    newer = [[_sent(f"new {number}", 6)] for number in range(5 * CALLS_WITH_NOTHING_OLDER)]
    for number in (0, 9, 19 + CALLS_WITH_NOTHING_OLDER):  # the last one is found by a poll
        newer.insert(number, [_sent(f"old {number}", 5)])
    with Journal() as journal:
        dlq = _in_turn(*newer)
        old = _received(dlq, journal)
        assert old == ["old 0", "old 9", f"old {19 + CALLS_WITH_NOTHING_OLDER}"]
        assert len(dlq.visibility_timeouts) == 20 + 3 * CALLS_WITH_NOTHING_OLDER
        chosen = {letter.id for letter in journal.messages(MessageState.CHOSEN)}
        assert chosen == set(old), "no newer one"


def test_messages_of_which_a_queue_gives_no_more_do_not_keep_it_from_ending() -> None:
    """SQS gives none where 120,000 are in flight."""
    dlq = _in_turn(depths=[_depth(visible=9)] * 5 * CALLS_WITH_NOTHING_OLDER)
    with Journal() as journal:
        assert _received(dlq, journal) == []
    assert len(dlq.visibility_timeouts) == 1 + CALLS_WITH_NOTHING_OLDER


def test_a_message_that_sqs_delivers_twice_is_given_once() -> None:
    with Journal() as journal:
        assert _received(_in_turn([_sent("1")], [_sent("1"), _sent("2")]), journal) == ["1", "2"]


def test_a_poll_that_finds_nothing_is_not_the_end_while_the_queue_counts_messages() -> None:
    dlq = _in_turn([], [], [_sent("1")], depths=[_depth(visible=1)])
    with Journal() as journal:
        assert _received(dlq, journal) == ["1"]


def test_what_a_killed_replay_received_is_waited_for_and_what_this_one_holds_is_not() -> None:
    soon_ms = now_ms() + 2_000
    with Journal() as journal:
        dlq = _in_turn([], [_sent("lost")], depths=[_depth(in_flight=1), _depth(in_flight=1)])
        assert _received(dlq, journal, soon_ms) == ["lost"]
        assert len(dlq.visibility_timeouts) == 4, "the one that it holds itself is in flight too"


def test_what_is_worked_on_is_extended_before_others_would_receive_it() -> None:
    dlq = _in_turn([_sent("1")])
    with Journal() as journal:
        began_ms = now_ms()
        _received(dlq, journal)
        assert set(dlq.visibility_timeouts) == {FIRST_VISIBILITY_S}
        assert not journal.due(began_ms)
        assert journal.due(now_ms() + FIRST_VISIBILITY_S * 900)
        extended: list[int] = []

        @dataclass(frozen=True, kw_only=True)
        class Noting(ScriptedQueue):
            still: bool

            def set_visibility(self, messages: Sequence[Message], seconds: int) -> list[bool]:
                extended.append(seconds)
                return [self.still] * len(messages)

        for still in (True, False):
            noting = Noting(**vars(dlq), still=still)
            journal.set_extension_time(["webhook/1"], 0)
            assert _extend({noting.name: noting}, journal)
            due = journal.due(now_ms() + VISIBILITY_S * 900)
            assert bool(due) is still, "what is another's by now is never extended again"
        assert extended == [VISIBILITY_S, VISIBILITY_S]
        journal.set_extension_time(["webhook/1"], 0)
        assert _extend({}, journal), "its queue is gone"
        assert not journal.due(now_ms() + VISIBILITY_S * 10_000)


def test_a_failure_to_extend_is_not_the_last_attempt() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Refusing(ScriptedQueue):
        tried: list[bool] = field(default_factory=list)

        def set_visibility(self, messages: Sequence[Message], seconds: int) -> list[bool]:
            self.tried.append(True)
            if len(self.tried) == 1:
                raise AwsError(service="sqs", operation="ChangeMessageVisibilityBatch", code="No", message="")
            return [True] * len(messages)

    dlq = Refusing(**vars(_in_turn()))

    class TillItWorks(RealClock):
        def sleep(self, seconds: float) -> None:
            if len(dlq.tried) > 1:
                raise Interrupted

    with Journal() as journal:
        journal.add([(_sent("1"), MessageState.CHOSEN)], extend_ms=0)
        _extend_until({dlq.name: dlq}, journal, TillItWorks())
    assert len(dlq.tried) == 2
