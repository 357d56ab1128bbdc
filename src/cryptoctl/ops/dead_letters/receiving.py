"""Receiving every message of a queue once, keeping it invisible while it is worked on, releasing it after."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Future, wait
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Final

from cryptoctl.aws import AwsError
from cryptoctl.errors import ExitCode, Failure
from cryptoctl.ops.dead_letters.journal import PAGE, Journal, MessageState
from cryptoctl.ops.dead_letters.messages import DeadLetter, Message, QueueName, decode
from cryptoctl.ops.dead_letters.queues import (
    MAX_IN_FLIGHT,
    DeadLetterQueue,
    DeadLetterQueues,
    by_queue,
    in_order,
)
from cryptoctl.ops.dead_letters.selection import Selection
from cryptoctl.ops.dead_letters.unreceived import VISIBILITY_S, Unreceived, ids_not_found, unreceived
from cryptoctl.ops.queue_depth import QueueDepth
from cryptoctl.ops.times import now_ms
from cryptoctl.parallel import result_of, start
from cryptoctl.reconcile.retry import Interrupted, RealClock

# What is received and lost before it is in the journal becomes visible again after so long.
FIRST_VISIBILITY_S: Final[int] = 30
# So long an answer that is under way is waited for after an interruption.
INTERRUPTED_WAIT_S: Final[float] = 2.0
CHECK_EVERY_S: Final[float] = 1.0
# New messages may arrive without end: after so many calls with nothing older, the set is complete.
CALLS_WITH_NOTHING_OLDER: Final[int] = 50
NEVER_MS: Final[int] = 2**62


@dataclass(frozen=True, kw_only=True)
class ReceiveOptions:
    """Which messages `receive_all` takes, and what becomes of them.

    `before_ms`: only those sent by then, since 1970. `choose` gives the state in which a message is
    journaled. Until `missing_until_ms`, messages in flight that are not in the journal are waited for: a
    replay was killed before it could write them down.
    """

    journal: Journal
    before_ms: int
    choose: Callable[[Message], MessageState]
    enough: Callable[[], bool] = lambda: False
    missing_until_ms: int = 0


def receive_all(queues: Sequence[DeadLetterQueue], options: ReceiveOptions) -> Iterator[Message]:
    """Each message once, queue by queue, journaled before it is given; until no queue has an older one."""
    for queue in queues:
        yield from _drain(queue, options)
    remaining, calls = list(queues), Counter[QueueName]()
    while remaining and not options.enough():
        answers = _receive(
            remaining, lambda queue: queue.receive_from_all(visibility_s=FIRST_VISIBILITY_S), options
        )
        for queue, (received, older) in zip(tuple(remaining), answers, strict=True):
            yield from older
            calls[queue.name] = 0 if older else calls[queue.name] + 1
            if older:
                yield from _drain(queue, options)
                continue
            depth = None if received else queue.depth()
            empty = depth is not None and not depth.visible
            if empty or calls[queue.name] == CALLS_WITH_NOTHING_OLDER:
                options.journal.withheld[queue.name] = _withheld(depth) if depth else 0
                remaining.remove(queue)


def _withheld(depth: QueueDepth) -> int:
    """How many messages SQS does not give out. The count of a queue far from its limit only lags."""
    return depth.visible if depth.in_flight >= MAX_IN_FLIGHT // 2 else 0


def _drain(queue: DeadLetterQueue, options: ReceiveOptions) -> Iterator[Message]:
    calls = 0
    while not options.enough() and calls < CALLS_WITH_NOTHING_OLDER:
        [(received, older)] = _receive(
            [queue], lambda dlq: dlq.receive(visibility_s=FIRST_VISIBILITY_S, wait_s=0), options
        )
        if not received:
            if _missing(queue, options):
                RealClock().sleep(0.2)
                continue
            return
        yield from older
        calls = 0 if older else calls + 1


def _receive(
    queues: Sequence[DeadLetterQueue],
    receive: Callable[[DeadLetterQueue], list[Message]],
    options: ReceiveOptions,
) -> list[tuple[list[Message], list[Message]]]:
    """What each queue gives now, all of it journaled, and what of it is to be given on.

    An interruption waits a moment for what is under way, and makes visible what may not be journaled yet.
    """
    futures: list[Future[list[Message]]] = [Future() for _ in queues]
    try:
        start(receive, queues, futures, len(queues))
        answers = [result_of(future) for future in futures]
        return [(received, _add_to_journal(received, options)) for received in answers]
    except KeyboardInterrupt:
        under_way = [
            (queue, future) for queue, future in zip(queues, futures, strict=True) if not future.cancel()
        ]
        done = wait([future for _, future in under_way], timeout=INTERRUPTED_WAIT_S).done
        for queue, future in under_way:
            if future in done and future.exception() is None:
                queue.set_visibility(future.result(), 0)
        raise


def _add_to_journal(received: Sequence[Message], options: ReceiveOptions) -> list[Message]:
    """Writes messages down; those that are new to the journal and old enough."""
    journal, before_ms = options.journal, options.before_ms
    fresh = [message for message in received if message.sent_ms <= before_ms and not journal.has(message.key)]
    states = [
        options.choose(message) if message.sent_ms <= before_ms else MessageState.ASIDE
        for message in received
    ]
    journal.add(zip(received, states, strict=True), extend_ms=now_ms() + FIRST_VISIBILITY_S * 500)
    return fresh


def _missing(queue: DeadLetterQueue, options: ReceiveOptions) -> bool:
    """Whether messages that a killed replay received may still become visible."""
    if now_ms() >= options.missing_until_ms:
        return False
    depth = queue.depth()
    return bool(depth.visible) or depth.in_flight > options.journal.count_in_queue(queue.name)


@contextmanager
def keep_invisible(queues: DeadLetterQueues, journal: Journal) -> Iterator[None]:
    """Extends the visibility timeout of everything in the journal for as long as the block runs."""
    stop = threading.Event()
    keeper = threading.Thread(target=_extend_until, args=(queues, journal, RealClock(stop)), daemon=True)
    keeper.start()
    try:
        yield
    finally:
        stop.set()
        keeper.join()


def _extend_until(queues: DeadLetterQueues, journal: Journal, clock: RealClock) -> None:
    while True:
        try:
            clock.sleep(CHECK_EVERY_S)
            while _extend(queues, journal):
                clock.sleep(0)  # which ends it where the work is over
        except Interrupted:
            return
        except (AwsError, Failure):
            # The work itself meets the same error and reports it; an expired timeout loses nothing.
            continue


def _extend(queues: DeadLetterQueues, journal: Journal) -> bool:
    """Extends those that are due, some at a time; whether there were any."""
    with journal.visibility:
        due = journal.due(now_ms())
        for name, messages in by_queue(due):
            # What a journal has of a queue that is gone is nowhere else.
            here = name in queues
            extended = (
                queues[name].set_visibility(messages, VISIBILITY_S) if here else [False] * len(messages)
            )
            journal.set_extension_time([message.key for message in messages], now_ms() + VISIBILITY_S * 500)
            lost = [message.key for message, done in zip(messages, extended, strict=True) if not done]
            journal.set_extension_time(lost, NEVER_MS)
    return bool(due)


def release(queues: DeadLetterQueues, journal: Journal, *states: MessageState) -> None:
    """Makes the messages in these states visible at once and drops them from the journal."""
    for state in states:
        while _release_some(queues, journal, state):
            continue


def _release_some(queues: DeadLetterQueues, journal: Journal, state: MessageState) -> bool:
    with journal.visibility:
        page = list(islice(journal.messages(state), PAGE))
        for name, messages in by_queue(page):
            if name in queues:
                queues[name].set_visibility(messages, 0)
        journal.drop([message.key for message in page])
    return bool(page)


def delete(queues: DeadLetterQueues, journal: Journal, messages: Sequence[Message]) -> list[Message]:
    """Deletes messages and remembers that they were replayed; those that SQS did not delete.

    Should one be delivered again, which SQS may do, it is known and not replayed.
    """
    undeleted: list[Message] = []
    for name, queue_messages in by_queue(messages):
        deleted = queues[name].delete(queue_messages) if name in queues else [True] * len(queue_messages)
        journal.mark_replayed([message.key for message in queue_messages], now_ms())
        undeleted += [message for message, done in zip(queue_messages, deleted, strict=True) if not done]
    return undeleted


@contextmanager
def selected_messages(
    queues: DeadLetterQueues, selection: Selection, *, limit: int | None = None
) -> Iterator[tuple[Iterator[DeadLetter], Journal]]:
    """The selected messages, each once; invisible to others meanwhile, and released at the end."""
    with Journal() as journal, keep_invisible(queues, journal):
        try:
            yield _selected(queues, selection, journal, limit), journal
            release(queues, journal, *MessageState)
        finally:  # of an interrupted release the rest
            release(queues, journal, *MessageState)


def _selected(
    queues: DeadLetterQueues, selection: Selection, journal: Journal, limit: int | None
) -> Iterator[DeadLetter]:
    selected_queues = in_order(queues, selection)
    started_ms = latest_ms(selected_queues)
    options = ReceiveOptions(journal=journal, before_ms=started_ms, choose=lambda _: MessageState.ASIDE)
    letters = map(decode, receive_all(selected_queues, options))
    selected = (letter for letter in letters if selection.matches(letter, started_ms))
    count = 0
    for letter in islice(selected, limit):
        journal.mark(letter.message.key, MessageState.CHOSEN)
        count += 1
        yield letter
    if count != limit and (missing := ids_not_found(selection, journal)):
        check_ids(missing, unreceived(queues, selection, journal))


def check_ids(missing: Collection[str], rest: Unreceived) -> None:
    """Raises Failure for ids that no message has: a mistyped one is not taken for done.

    The rest that was not received may have them, and who calls tells of it.
    """
    if missing and not rest:
        raise Failure(
            ExitCode.FAILED,
            f"No message that the filters select has {ids_text(missing)}. Nothing was changed.",
            "`cryptoctl dlq peek` shows the messages with their ids. What was replayed or purged is in no "
            "queue any more.",
        )


def ids_text(ids: Collection[str]) -> str:
    """The ids that none has."""
    return f"{'the id' if len(ids) == 1 else 'one of the ids'} {', '.join(sorted(ids))}"


def latest_ms(queues: Sequence[DeadLetterQueue]) -> int:
    """Now, by the latest of all clocks, since 1970: whatever has been sent is older."""
    return max(queue.now_ms() for queue in queues)
