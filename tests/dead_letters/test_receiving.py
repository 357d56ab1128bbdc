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
    ReceiveOptions,
    _extend_until,
    keep_invisible,
    receive_all,
    release,
)
from cryptoctl.ops.queue_depth import QueueDepth
from cryptoctl.ops.times import now_ms
from cryptoctl.reconcile.retry import RealClock
from unit.answers import Answers

MESSAGE = Message(queue=QueueName.WEBHOOK, id="", body="{}", attributes={}, sent_ms=1, receives=1, receipt="")


class OneAfterTheOther(Aws):
    """No request; what would be done at the same time is done in order."""

    def __init__(self, metered: bool) -> None:
        url = "https://sqs.example" if metered else "http://127.0.0.1:1"
        super().__init__(endpoint_url=url, credentials=AccessKey(access_key="a", secret_key="s"))

    def map(self, function: Callable[[Any], Any], things: Iterable[Any]) -> list[Any]:
        """As `map` is, without threads."""
        return [function(thing) for thing in things]


@dataclass(frozen=True, kw_only=True)
class ManyServers(DeadLetterQueue):
    """A queue whose short polls ask a server that has nothing; a long poll finds one message."""

    left: list[Message]
    waits_s: list[int] = field(default_factory=list)

    def receive(self, *, visibility_s: int, wait_s: int) -> list[Message]:
        """One message, to whoever waits."""
        self.waits_s.append(wait_s)
        return [self.left.pop()] if wait_s and self.left else []

    def depth(self) -> QueueDepth:
        """The approximate count knows of none."""
        return QueueDepth(name=self.queue_name, visible=0, in_flight=0, delayed=0)


def read(queue: ManyServers) -> list[str]:
    with Journal() as journal:
        wanted = ReceiveOptions(journal=journal, before_ms=2, choose=lambda _: MessageState.ASIDE)
        return [each.id for each in receive_all([queue], wanted)]


def queue(ids: list[str], *, metered: bool) -> ManyServers:
    messages = [replace(MESSAGE, id=each, receipt=each) for each in ids]
    return ManyServers(
        aws=OneAfterTheOther(metered),
        name=QueueName.WEBHOOK,
        queue_name="q",
        url="",
        identity="",
        left=messages,
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
    aws = Answers(of={"GetQueueAttributes": {"ResponseMetadata": {"HTTPHeaders": headers}}})
    asked = replace(queue([], metered=True), aws=cast("Aws", aws))
    assert at_least_ms <= asked.now_ms() < at_least_ms + 10 * 86_400_000


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
        if any(each["MessageBody"] == "bad" for each in params["Entries"]):
            raise AwsError(service=service, operation=operation, code=self.code, message="no")
        return {"Successful": [{"Id": each["Id"]} for each in params["Entries"]]}


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
    its = replace(sender(""), aws=AllAtOnce())
    messages = [replace(MESSAGE, id=str(number), receipt=str(number)) for number in range(PAGE)]
    assert its.set_visibility(messages, 0) == ([True] * (MAX_A_CALL - 1) + [False]) * (PAGE // MAX_A_CALL)
    with Journal() as journal:
        journal.add([(each, MessageState.CHOSEN) for each in messages], extend_ms=0)
        release({its.name: its}, journal, MessageState.CHOSEN)
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
        its = ReleasedMeanwhile(
            aws=OneAfterTheOther(metered=False),
            name=QueueName.WEBHOOK,
            queue_name="q",
            url="u",
            identity="i",
            journal=journal,
        )
        with keep_invisible({its.name: its}, journal):
            assert its.extending.wait(20)
        its.releasing[0].join()
    assert its.seconds[-1] == 0


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
        journal.add([(each, MessageState.CHOSEN) for each in letters], extend_ms=0)
        its = OverMeanwhile(
            aws=OneAfterTheOther(metered=False), name=QueueName.WEBHOOK, queue_name="q", url="u", identity="i"
        )
        _extend_until({its.name: its}, journal, RealClock(its.over))
    assert its.extended == [PAGE]
