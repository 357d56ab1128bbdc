"""Holding messages: received once each, kept from reappearing while work goes on, let go when it ends."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Final

from cryptoctl.aws import AwsError
from cryptoctl.errors import Failure
from cryptoctl.ops.dead_letters.journal import Journal, State
from cryptoctl.ops.dead_letters.messages import Message, QueueName
from cryptoctl.ops.dead_letters.queues import LetterBox
from cryptoctl.ops.times import now_ms
from cryptoctl.reconcile.retry import Interrupted, RealClock

# What is received and lost before it is written down comes back after so long.
FIRST_HOLD_S: Final[int] = 30
# What a machine holds that then vanishes comes back after so long.
HOLD_S: Final[int] = 600
LOOK_S: Final[float] = 1.0
# A stream of new messages may never end: after so many calls with nothing older, the set is whole.
CALLS_WITH_NOTHING_OLDER: Final[int] = 50
NEVER_MS: Final[int] = 2**62

Boxes = Mapping[QueueName, LetterBox]


@dataclass(frozen=True, kw_only=True)
class Walk:
    """Receives what was sent before a moment, each message once, and writes it down; held from then on.

    `choose` says in which state it is written down. Until `missing_until_ms`, messages in flight that are
    not ours are waited for: a replay was killed before it could write them down.
    """

    journal: Journal
    before_ms: int
    choose: Callable[[Message], State]
    enough: Callable[[], bool] = lambda: False
    missing_until_ms: int = 0

    def through(self, boxes: Sequence[LetterBox]) -> Iterator[Message]:
        """Queue by queue, until none has anything older."""
        for box in boxes:
            yield from self._drain(box)
        left = list(boxes)
        while left and not self.enough():
            # A short look asks some of SQS's servers, a long one all of them.
            looks = left[0].aws.gather(*[_long_look(box) for box in left])
            for box, received in zip(tuple(left), looks, strict=True):
                if received:
                    yield from self._keep(received)
                    yield from self._drain(box)
                elif not box.depth().visible:
                    left.remove(box)

    def _drain(self, box: LetterBox) -> Iterator[Message]:
        barren = 0
        while not self.enough() and barren < CALLS_WITH_NOTHING_OLDER:
            received = box.receive(hold_s=FIRST_HOLD_S, wait_s=0)
            if not received:
                if _come_by(box, self.journal, self.missing_until_ms):
                    continue
                return
            older = self._keep(received)
            yield from older
            barren = 0 if older else barren + 1

    def _keep(self, received: Sequence[Message]) -> list[Message]:
        """Writes messages down, and gives those that are new to us and old enough."""
        fresh = [each for each in received if not self.journal.has(each.key)]
        states = [self.choose(each) if each.sent_ms <= self.before_ms else State.ASIDE for each in received]
        self.journal.keep(zip(received, states, strict=True), extend_ms=now_ms() + FIRST_HOLD_S * 500)
        return [each for each in fresh if each.sent_ms <= self.before_ms]


def moment_of(boxes: Sequence[LetterBox]) -> int:
    """Now, by the latest of all clocks: what has been sent is older."""
    return max(box.now_ms() for box in boxes)


def _long_look(box: LetterBox) -> Callable[[], list[Message]]:
    return lambda: box.receive(hold_s=FIRST_HOLD_S, wait_s=1)


def _come_by(box: LetterBox, journal: Journal, missing_until_ms: int) -> bool:
    """Whether a killed replay's messages are still to come; lets a moment pass then."""
    if now_ms() >= missing_until_ms:
        return False
    depth = box.depth()
    if not depth.visible and depth.in_flight <= journal.held(box.name):
        return False
    RealClock().sleep(0.2)
    return True


@contextmanager
def kept(boxes: Boxes, journal: Journal) -> Iterator[None]:
    """Extends the holds of everything in the journal for as long as the work in it goes on."""
    stop = threading.Event()
    keeper = threading.Thread(target=_keep, args=(boxes, journal, RealClock(stop)), daemon=True)
    keeper.start()
    try:
        yield
    finally:
        stop.set()
        keeper.join()


def _keep(boxes: Boxes, journal: Journal, clock: RealClock) -> None:
    while True:
        try:
            clock.sleep(LOOK_S)
            while due := journal.due(now_ms()):
                _extend(boxes, journal, due)
        except Interrupted:
            return
        except (AwsError, Failure):
            # The work itself meets the same trouble and says so; a hold that ends does no harm.
            continue


def _extend(boxes: Boxes, journal: Journal, due: Sequence[Message]) -> None:
    for name, box in boxes.items():
        ours = [each for each in due if each.queue is name]
        held = box.hold([each.receipt for each in ours], HOLD_S)
        journal.extended([each.key for each in ours], now_ms() + HOLD_S * 500)
        lost = [each.key for each, still in zip(ours, held, strict=True) if not still]
        journal.extended(lost, NEVER_MS)
    unknown = [each.key for each in due if each.queue not in boxes]
    journal.extended(unknown, NEVER_MS)


def let_go(boxes: Boxes, journal: Journal, *states: State) -> int:
    """Makes the messages in these states receivable at once, and forgets them. Gives how many."""
    count = 0
    for state in states:
        while page := _page(journal, state):
            for name, box in boxes.items():
                ours = [each for each in page if each.queue is name]
                if ours:
                    box.hold([each.receipt for each in ours], 0)
            journal.forget([each.key for each in page])
            count += len(page)
    return count


def delete(boxes: Boxes, journal: Journal, messages: Sequence[Message]) -> list[Message]:
    """Deletes messages that were brought back, and writes that down; gives those that SQS did not delete."""
    left: list[Message] = []
    for name, box in boxes.items():
        ours = [each for each in messages if each.queue is name]
        gone = box.delete([each.receipt for each in ours])
        journal.settle([each.key for each, deleted in zip(ours, gone, strict=True) if deleted], now_ms())
        left += [each for each, deleted in zip(ours, gone, strict=True) if not deleted]
    return left


def _page(journal: Journal, state: State) -> list[Message]:
    return list(islice(journal.all(state), 10))
