"""Whatever is accepted, or promised to be kept, is stored exactly once in the end.

Senders send again, Lambda tries again, dead letters are replayed: in any order, with calls that fail before
their work is done or after it, when only the answer is lost.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cryptoctl.core import webhook_prices
from cryptoctl.core.prices import MAX_BYTES
from cryptoctl.core.webhook_messages import is_message
from cryptoctl.handlers import logs, parallel, sender_secrets, webhook_processor
from cryptoctl.ops.dead_letters.enriching import Key
from cryptoctl.ops.dead_letters.lookups import StreamKeys
from cryptoctl.ops.dead_letters.messages import Attributes, DeadLetter, Message, QueueName, decode
from cryptoctl.ops.dead_letters.payloads import Edits
from cryptoctl.ops.dead_letters.planning import ReplayStep, StoredAt, plan
from handlers.conftest import connect_directly
from handlers.fake_aws import FakeAws, FaultError, Item
from handlers.senders import honest, parameters, variable
from python314.suite import one_after_another

START_S = 1_800_000_000.0
ATTEMPTS = 3  # of Lambda, and of a sender before it rests


@dataclass(frozen=True)
class Trade:
    """A price of a request; `price` is no other's, and `copies` of it are in its request."""

    price: int
    time: bool
    id: bool
    copies: int

    def members(self, names: Mapping[str, str]) -> list[dict[str, Any]]:
        members: dict[str, Any] = {names["symbol"]: "BTC", names["price"]: self.price}
        if "exchange" in names:
            members["exchange"] = "desk"
        if self.time:
            members[names["timestamp"]] = int(START_S * 1000) - 5
        return [
            {**members, **({"id": self.price * 10 + n} if self.id and "id" in names else {})}
            for n in range(self.copies)
        ]


OWN = {name: name for name in ("symbol", "price", "exchange", "timestamp", "id")}
THEIRS = {"symbol": "s", "price": "p", "timestamp": "t"}
SENDERS = (
    "standard",
    "mapped",
    "header",
)  # two with a message's id, of which one in its own words; one without


@dataclass
class Source:
    """A request, from a sender or, without one, as an asynchronous event of Lambda's."""

    number: int
    sender: str | None
    trades: list[Trade]
    promised: bool = False

    @property
    def again(self) -> bool:
        """Whether the same request again is the same prices, so that the sender may send it again."""
        return self.sender != "header" or all(trade.time for trade in self.trades)

    @property
    def body(self) -> str:
        mapped = self.sender == "mapped"
        prices = [member for trade in self.trades for member in trade.members(THEIRS if mapped else OWN)]
        return json.dumps({"data": prices} if mapped else prices)


@dataclass
class World:
    """The handler on AWS in memory, the queue's letters, and a clock that only goes forward."""

    chance: random.Random
    share: float
    aws: FakeAws = field(default_factory=lambda: connect_directly(FakeAws(parameters=parameters())))
    now_s: float = START_S
    queue: list[DeadLetter] = field(default_factory=list)
    used: dict[str, StoredAt] = field(default_factory=dict)
    sent: int = 0

    def __post_init__(self) -> None:
        self.aws.fault = self.fault

    def fault(self, operation: str, moment: str) -> None:
        if operation in ("PutItem", "Query", "SendMessage") and self.chance.random() < self.share:
            raise FaultError("InternalServerError")

    def handle(self, event: Any, request_id: str) -> tuple[int, str]:
        """Status and message; 0 where the invocation fails, after which Lambda tries again."""
        self.now_s += self.chance.choice([0.001, 1, 90])
        context = type("Context", (), {"aws_request_id": request_id})()
        try:
            answer = webhook_processor.handler(event, context)
        except logs.RetryError:
            return 0, ""
        finally:
            for letter in self.aws.queue:
                self.put(letter["MessageBody"], letter["MessageAttributes"])
            self.aws.queue.clear()
        return answer["statusCode"], json.loads(answer["body"])["message"]

    def put(self, body: str, attributes: Attributes) -> None:
        self.sent += 1
        sent_ms = int(self.now_s * 1000)
        message = Message(
            queue=QueueName.WEBHOOK,
            id=str(self.sent),
            body=body,
            attributes=attributes,
            sent_ms=sent_ms,
            receives=1,
        )
        self.queue.append(decode(message))

    def from_sender(self, source: Source) -> Iterator[None]:
        for _ in range(ATTEMPTS if source.again else 1):
            name = source.sender or ""
            event = honest(name, source.body.encode(), message_id=f"msg_{source.number}")
            event["requestContext"]["timeEpoch"] = int(self.now_s * 1000)
            status, text = self.handle(event, f"http-{self.sent}")
            assert status in (200, 503)
            source.promised |= status == 200 or "but kept" in text
            yield

    def from_lambda(self, source: Source) -> Iterator[None]:
        event = {"body": source.body} if source.number % 2 else json.loads(source.body)
        request_id = f"request-{source.number}"
        for _ in range(ATTEMPTS):
            status, _said = self.handle(event, request_id)
            source.promised |= status == 200
            if status == 200 and self.chance.random() < 0.8:  # sometimes it delivers an event twice
                return
            yield
        source.promised = True
        self.put(json.dumps(event), {"RequestID": {"DataType": "String", "StringValue": request_id}})

    def replays(self, times: int) -> Iterator[None]:
        for _ in range(times):
            if self.queue:
                self.replay(self.chance.choice(self.queue))
            yield

    def replay(self, letter: DeadLetter) -> bool:
        (step,) = plan([letter], Edits(), self)
        assert not step.problem
        done = self.run(step)
        if done and self.chance.random() < 0.8:  # else it is killed before the letter is deleted
            self.queue.remove(letter)
        return done

    def run(self, step: ReplayStep) -> bool:
        self.sent += 1
        status, text = self.handle(json.loads(step.payload), f"replay-{self.sent}")
        assert status in (0, 200), text
        if status == 0 and step.stored_at is not None:
            self.used[step.letter.message.id] = step.stored_at
        return status == 200

    def counts(self) -> Counter[int]:
        return Counter(int(item["price"]["N"]) for item in self.aws.items.values() if not is_message(item))

    # The facts that a replay is planned from (planning.Facts).
    def replayed_before(self, letter: DeadLetter) -> bool:
        return False

    def stored_at(self, letter: DeadLetter) -> StoredAt | None:
        return self.used.get(letter.message.id)

    def first_logged_ms(self, letter: DeadLetter) -> int | None:
        return self.chance.choice([None, letter.message.sent_ms - 1])  # another answer each time

    def records(self, letter: DeadLetter) -> StreamKeys:
        raise AssertionError("no pointer is here")

    def item(self, key: Key) -> Item | None:
        return self.aws.items.get(key)


trades = st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(1, 2)), min_size=1, max_size=3)
requests = st.lists(st.tuples(st.sampled_from([*SENDERS, None]), trades), min_size=1, max_size=4)
histories = given(
    requests_by_sender=requests,
    chance=st.integers(0, 10**9).map(random.Random),
    share=st.sampled_from([0.05, 0.2, 0.5]),
    max_bytes=st.sampled_from([100, MAX_BYTES]),
)
several_runs = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def play(requests_by_sender: Any, chance: random.Random, share: float, max_bytes: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        world = World(chance, share)
        patch.setattr("time.time", lambda: world.now_s)
        patch.setattr("time.time_ns", lambda: int(world.now_s * 1e9))
        # Threads would ask `chance` in an order of their own, which hypothesis could not repeat.
        patch.setattr(parallel, "map_in_threads", one_after_another)
        patch.setattr(webhook_prices, "MAX_BYTES", max_bytes)  # so that letters are divided
        patch.setenv("WEBHOOK_SENDERS", variable())
        sender_secrets.forget()
        number = iter(range(1, 100))
        sources = [
            Source(place, sender, [Trade(next(number), *arguments) for arguments in requests])
            for place, (sender, requests) in enumerate(requests_by_sender)
        ]
        going = [
            world.from_sender(origin) if origin.sender else world.from_lambda(origin) for origin in sources
        ]
        going.append(world.replays(2 * len(sources)))
        while going:
            delivery = chance.choice(going)
            if next(delivery, delivery) is delivery:
                going.remove(delivery)
        world.aws.fault = lambda operation, moment: None
        for letter in list(world.queue):
            assert world.replay(letter)
        sender_secrets.forget()
    counts = world.counts()
    for source in sources:
        for trade in source.trades:
            copies = counts.pop(trade.price, 0)
            assert copies <= trade.copies, f"{source} is stored more than once"
            assert copies == trade.copies or not source.promised, f"{source} is lost"
    assert not counts


@pytest.mark.thorough
@settings(several_runs, max_examples=150)
@histories
def test_what_is_accepted_or_kept_is_stored_once(
    environment: None, requests_by_sender: Any, chance: random.Random, share: float, max_bytes: int
) -> None:
    play(requests_by_sender, chance, share, max_bytes)


@pytest.mark.torture
@settings(several_runs, max_examples=5000)
@histories
def test_the_same_for_long(
    environment: None, requests_by_sender: Any, chance: random.Random, share: float, max_bytes: int
) -> None:
    play(requests_by_sender, chance, share, max_bytes)
