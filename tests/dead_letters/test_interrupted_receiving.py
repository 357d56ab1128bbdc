"""Ctrl-C while messages are received: what SQS has given is made visible again."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future
from concurrent.futures import wait as futures_wait
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from cryptoctl import parallel
from cryptoctl.aws import AccessKey, Aws
from cryptoctl.ops.dead_letters import receiving
from cryptoctl.ops.dead_letters.journal import Journal, MessageState
from cryptoctl.ops.dead_letters.messages import Message, QueueName
from cryptoctl.ops.dead_letters.queues import DeadLetterQueue
from cryptoctl.ops.dead_letters.receiving import ReceiveOptions, receive_all, selected_messages
from cryptoctl.ops.dead_letters.selection import Selection

AWS = Aws(endpoint_url="http://127.0.0.1:1", credentials=AccessKey(access_key="a", secret_key="s"))
MESSAGES = [
    Message(
        queue=QueueName.WEBHOOK,
        id=message_id,
        body="{}",
        attributes={},
        sent_ms=1,
        receives=1,
        receipt=message_id,
    )
    for message_id in ("a", "b")
]


def nothing() -> None:
    """As it is without an interruption."""


@dataclass(frozen=True, kw_only=True)
class Queue(DeadLetterQueue):
    """Two messages, which it gives once; what happens while it gives or shows them."""

    receiving: Callable[[], None] = nothing
    showing: Callable[[], None] = nothing
    remaining: list[Message] = field(default_factory=lambda: list(MESSAGES))
    shown: list[str] = field(default_factory=list)

    def receive(self, *, visibility_s: int, wait_s: int) -> list[Message]:
        messages, self.remaining[:] = list(self.remaining), []
        self.receiving()
        return messages

    def set_visibility(self, messages: Sequence[Message], seconds: int) -> list[bool]:
        if seconds == 0 and messages:
            self.showing()
            self.shown.extend(message.id for message in messages)
        return [True] * len(messages)

    def now_ms(self) -> int:
        return 2


QUEUE = Queue(aws=AWS, name=QueueName.WEBHOOK, queue_name="q", url="", identity="")


def interrupt(*_: object) -> MessageState:
    raise KeyboardInterrupt


def test_what_is_on_its_way_when_ctrl_c_is_pressed_is_shown_again(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting, interrupted = threading.Event(), threading.Event()

    def result_of(future: Future[list[Message]]) -> list[Message]:
        waiting.set()
        return parallel.result_of(future)

    def wait(futures: Collection[Future[list[Message]]], timeout: float) -> Any:
        interrupted.set()
        return futures_wait(futures, timeout)

    def press() -> None:
        assert waiting.wait(20)
        os.kill(os.getpid(), signal.SIGINT)
        assert interrupted.wait(20)

    monkeypatch.setattr(receiving, "result_of", result_of)
    monkeypatch.setattr(receiving, "wait", wait)
    queue = replace(QUEUE, receiving=press, remaining=list(MESSAGES), shown=[])
    with Journal() as journal, pytest.raises(KeyboardInterrupt):
        options = ReceiveOptions(journal=journal, before_ms=2, choose=lambda _: MessageState.ASIDE)
        list(receive_all([queue], options))
    assert queue.shown == ["a", "b"]


def test_what_is_not_written_down_yet_is_shown_again() -> None:
    queue = replace(QUEUE, remaining=list(MESSAGES), shown=[])
    with Journal() as journal, pytest.raises(KeyboardInterrupt):
        list(receive_all([queue], ReceiveOptions(journal=journal, before_ms=2, choose=interrupt)))
    assert queue.shown == ["a", "b"]


def test_what_an_interrupted_release_has_left_is_shown_too() -> None:
    pressed = list[bool]()

    def press_once() -> None:
        if not pressed:
            pressed.append(True)
            interrupt()

    queue = replace(QUEUE, showing=press_once, remaining=list(MESSAGES), shown=[])
    with (
        pytest.raises(KeyboardInterrupt),
        selected_messages({queue.name: queue}, Selection(queues=(queue.name,)), limit=1) as (letters, _),
    ):
        assert [letter.message.id for letter in letters] == ["a"]
    assert sorted(queue.shown) == ["a", "b"]
