"""Several enrichers at once: whatever the order of their requests, the end is right.

Right is: each item's indicators are those of its final neighbours, computed here in fractions and by other
means than the code's, and the last announcement of each item is the one that is in the table.
"""

import random
import threading
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cache, cached_property
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cryptoctl.handlers import clients, history, logs, price_enricher
from handlers.events import announcements, enrich
from handlers.fake_aws import FakeAws
from handlers.schedules import Stepwise, Task, dying, every_schedule, failing, one_schedule
from kit import function_clients

pytestmark = pytest.mark.thorough

MS = 1_675_329_600_000
NAMES = ("ma_5", "ma_20", "volatility")


class _OfEachTask(threading.local, MutableMapping[str, Any]):
    """What an execution environment remembers of symbols: each task has it for itself."""

    def __init__(self, beginning: Mapping[str, Any]) -> None:
        self.symbols = dict(beginning)

    def __getitem__(self, symbol: str) -> Any:
        return self.symbols[symbol]

    def __setitem__(self, symbol: str, known: Any) -> None:
        self.symbols[symbol] = known

    def __delitem__(self, symbol: str) -> None:
        del self.symbols[symbol]

    def __iter__(self) -> Iterator[str]:
        return iter(self.symbols)

    def __len__(self) -> int:
        return len(self.symbols)


LAGGING: dict[str, Decimal | None] = {}


@pytest.fixture(autouse=True)
def _environment(environment: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(history, "lagging", _OfEachTask(LAGGING))
    monkeypatch.setattr(price_enricher, "unwritten", _OfEachTask({}))
    yield
    LAGGING.clear()


@dataclass(frozen=True)
class P:
    """A price: its milliseconds after the first, and how much it is."""

    at: int
    price: str


@dataclass(frozen=True, kw_only=True)
class Scene:
    """What is there before: enriched prices and waiting ones. Then each of `passes` is a task."""

    enriched: Sequence[P]
    waiting: Sequence[P]
    passes: Sequence[Sequence[Any]]
    """of each task, its steps: a P is stored; a tuple of Ps is enriched, as one batch"""


def item(price: P) -> dict[str, Any]:
    return {
        "symbol": {"S": "BTC"},
        "timestamp": {"N": str(MS + price.at)},
        "price": {"N": price.price},
        "volume": {"N": "0"},
        "exchange": {"S": "x"},
        "processed": {"BOOL": False},
    }


def record(price: P) -> dict[str, Any]:
    stream = {"SequenceNumber": str(10**20 + price.at), "NewImage": item(price)}
    return {"eventName": "INSERT", "dynamodb": stream}


def enrich_until_done(batch: Sequence[P], *, elsewhere: bool = False) -> None:
    """As Lambda's mapping does; `elsewhere` is each time in another execution environment."""
    for _ in range(100):
        if elsewhere:
            price_enricher.unwritten.clear()
        with suppress(logs.RetryError):
            if not enrich([record(price) for price in batch]):
                return
    raise AssertionError("the batch comes again and again")


def store_until_done(price: P) -> None:
    try:
        clients.client("dynamodb").put_item(Item=item(price))
    except ClientError:
        store_until_done(price)


class Stage:
    """The scene's table and tasks, anew for each schedule."""

    def __init__(
        self,
        scene: Scene,
        *,
        single: bool = False,
        elsewhere: bool = False,
        play: Callable[[int, Task], Task] | None = None,
    ):
        self.scene = scene
        self.single = single
        self.elsewhere = elsewhere
        self.play = play or (lambda _, task: task)
        self.aws = FakeAws()

    @cached_property
    def _beginning(self) -> FakeAws:
        """What is there before the tasks, enriched by itself."""
        aws = FakeAws()
        function_clients.connect_all(Stepwise(aws))
        for price in self.scene.enriched:
            aws.put(item(price))
        if self.scene.enriched:
            enrich_until_done(self.scene.enriched)
        for price in self.scene.waiting:
            aws.put(item(price))
        return aws

    def start(self) -> list[Task]:
        self.aws = self._beginning.copied()
        function_clients.connect_all(Stepwise(self.aws, single=self.single))
        return [self.play(number, self._task(steps)) for number, steps in enumerate(self.scene.passes)]

    def _task(self, steps: Sequence[Any]) -> Task:
        def run() -> None:
            for step in steps:
                if isinstance(step, P):
                    store_until_done(step)
                else:
                    enrich_until_done(step, elsewhere=self.elsewhere)

        return run

    def check(self, steps: Sequence[int]) -> None:
        self.check_table(steps)
        last = {message["sort_key"]: message for message in announcements(self.aws)}
        for stored in self.aws.items_of("BTC"):
            announcement = last[stored["timestamp"]["N"]]
            for name in NAMES:
                assert announcement.get(name) == stored.get(name, {}).get("N"), (
                    steps,
                    name,
                    announcement,
                    stored,
                )

    def check_table(self, steps: Sequence[int]) -> None:
        prices: list[str] = []
        for stored_item in self.aws.items_of("BTC"):
            prices.append(stored_item["price"]["N"])
            assert stored_item["processed"] == {"BOOL": True}, (steps, stored_item)
            stored = {name: stored_item.get(name, {}).get("N") for name in NAMES}
            assert stored["ma_5"] == _mean(tuple(prices[-5:]), 5), (steps, stored_item)
            assert stored["ma_20"] == _mean(tuple(prices[-20:]), 20), (steps, stored_item)
            assert _is_deviation(stored["volatility"], tuple(prices[-10:]), 10), (steps, stored_item)


@cache
def _mean(prices: tuple[str, ...], window: int) -> str | None:
    """Exact: the prices of these tests have short averages."""
    if len(prices) < window:
        return None
    mean = sum(map(Fraction, prices), Fraction(0)) / window
    text = f"{mean.numerator * 10**30 // mean.denominator:031}"
    assert Fraction(int(text), 10**30) == mean
    return f"{text[:-30]}.{text[-30:]}".rstrip("0").rstrip(".")


@cache
def _is_deviation(stored: str | None, prices: tuple[str, ...], window: int) -> bool:
    """Whether the root is right to its last digit: its square is compared."""
    if stored is None or len(prices) < window:
        return stored is None and len(prices) < window
    mean = sum(map(Fraction, prices), Fraction(0)) / window
    variance = sum(((price - mean) ** 2 for price in map(Fraction, prices)), Fraction(0)) / window
    root = Fraction(stored)
    half = Fraction(1, 2) * Fraction(10) ** (Decimal(stored).adjusted() - 37)
    return variance == root == 0 or (root - half) ** 2 <= variance <= (root + half) ** 2


def old(count: int) -> list[P]:
    """Enriched prices, ten milliseconds apart, the last at 0."""
    return [P(at=10 * (n + 1 - count), price=str(7 * n * n % 101 + 1)) for n in range(count)]


B, C, LATE, LATER = P(50, "106"), P(60, "17"), P(20, "9999"), P(30, "5")
WORTHLESS = [P(at=-40 + 10 * n, price=price) for n, price in enumerate(["4", "4", "4", "4", "2"])]

TWO: dict[str, Scene] = {
    "a price and a late one before it": Scene(enriched=old(4), waiting=[B], passes=[[(B,)], [LATE, (LATE,)]]),
    "with all the history there can be": Scene(
        enriched=old(25), waiting=[B], passes=[[(B,)], [LATE, (LATE,)]]
    ),
    "the first price of all": Scene(enriched=[], waiting=[B], passes=[[(B,)], [LATE, (LATE,)]]),
    "a batch and a late price": Scene(enriched=old(5), waiting=[B, C], passes=[[(B, C)], [LATE, (LATE,)]]),
    "two late prices": Scene(enriched=old(6), waiting=[], passes=[[LATE, (LATE,)], [LATER, (LATER,)]]),
    "a batch again while the first still runs": Scene(
        enriched=old(6), waiting=[B, C], passes=[[(B, C)], [(B, C)]]
    ),
    "a repair of everything and a late price": Scene(
        enriched=old(6), waiting=[B], passes=[[(*old(6), B)], [LATE, (LATE,)]]
    ),
    "a late price that undoes what another changes": Scene(
        # the mean of five is 3.6, with 0.5 it is 2.9, and with 7.5 too 3.6 again
        enriched=WORTHLESS,
        waiting=[P(-5, "0.5")],
        passes=[[(P(-5, "0.5"),)], [P(-3, "7.5"), (P(-3, "7.5"),)]],
    ),
}


THREE: dict[str, Scene] = {
    "a price and two late ones": Scene(
        enriched=old(4), waiting=[B], passes=[[(B,)], [LATE, (LATE,)], [LATER, (LATER,)]]
    ),
    "a batch again while the first still runs, and a late price": Scene(
        enriched=old(4), waiting=[B], passes=[[(B,)], [(B,)], [LATE, (LATE,)]]
    ),
    "a repair, the stream's own and a late price": Scene(
        enriched=old(4), waiting=[B, C], passes=[[(*old(4), B, C)], [(B, C)], [LATE, (LATE,)]]
    ),
    "late prices that undo each other": Scene(
        enriched=WORTHLESS,
        waiting=[P(-5, "0.5")],
        passes=[[(P(-5, "0.5"),)], [(P(-5, "0.5"),)], [P(-3, "7.5"), (P(-3, "7.5"),)]],
    ),
}


@pytest.mark.parametrize("single", [False, True], ids=["whole calls", "each statement for itself"])
@pytest.mark.parametrize("lagging", [False, True], ids=["in order", "behind"])
@pytest.mark.parametrize("name", TWO)
def test_two_enrichers_end_right_in_every_order_of_their_requests(
    name: str, lagging: bool, single: bool
) -> None:
    if lagging:
        LAGGING["BTC"] = None
    stage = Stage(TWO[name], single=single)
    assert every_schedule(stage.start, stage.check) >= 6


@pytest.mark.parametrize("name", [name for name in TWO if "again" not in name])
def test_no_order_is_left_out_because_it_seems_to_be_another_one(name: str) -> None:
    stage = Stage(TWO[name])
    count = every_schedule(stage.start, stage.check, commuting=False)
    assert count >= 35  # three requests of one pass and four of the other, in any order


@pytest.mark.parametrize("lagging", [False, True], ids=["in order", "behind"])
def test_a_price_that_another_one_pushes_out_of_reach_is_not_forgotten(lagging: bool) -> None:
    before, between = P(-195, "77"), P(-15, "500")
    if lagging:
        LAGGING["BTC"] = None
    scene = Scene(enriched=old(20), waiting=[], passes=[[before, (before,)], [between, (between,)]])
    stage = Stage(scene)
    assert every_schedule(stage.start, stage.check) >= 6


def test_prices_that_take_more_than_one_page_are_read_as_if_at_once() -> None:
    LAGGING["BTC"] = None
    first, second, between = P(-385, "77"), P(-205, "500"), P(-215, "3000")
    enriched = sorted([*old(60), first, second], key=lambda price: price.at)
    passes: list[list[Any]] = [[(first, second)], [between, (between,)]]
    stage = Stage(Scene(enriched=enriched, waiting=[], passes=passes))
    assert every_schedule(stage.start, stage.check) >= 6


@pytest.mark.parametrize("request_number", range(4))
@pytest.mark.parametrize("name", TWO)
def test_the_table_ends_right_also_where_a_pass_dies_and_comes_again(name: str, request_number: int) -> None:
    """It dies after the request. Before the next one is the same: what happens between leaves no trace."""
    scene = TWO[name]

    def play(number: int, task: Task) -> Task:
        if number:
            return task

        def die_and_come_again() -> None:
            dying(task, request_number)()
            price_enricher.unwritten.clear()
            task()

        return die_and_come_again

    stage = Stage(scene, play=play)
    every_schedule(stage.start, stage.check_table)


@pytest.mark.parametrize("answered", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("request_number", range(4))
def test_one_failed_request_changes_nothing_of_that_wherever_the_batch_comes_again(
    request_number: int, answered: bool
) -> None:
    moment = request_number, answered

    def play(number: int, task: Task) -> Task:
        return task if number else failing(task, lambda *now: now == moment)

    stage = Stage(TWO["a price and a late one before it"], play=play, elsewhere=True)
    assert every_schedule(stage.start, stage.check) >= 6


@pytest.mark.parametrize("share", [0.03, 0.2])
@pytest.mark.parametrize("name", [*TWO, *THREE])
def test_any_requests_may_fail_and_the_end_is_right(name: str, share: float) -> None:
    chance = random.Random(f"{name} {share}")

    def play(_: int, task: Task) -> Task:
        return failing(task, lambda *_: chance.random() < share)

    stage = Stage({**TWO, **THREE}[name], play=play, single=chance.random() < 0.5)
    for _ in range(20):
        stage.check(one_schedule(stage.start, chance.randrange))


@pytest.mark.parametrize("name", THREE)
def test_three_enrichers_end_right_in_a_sample_of_all_orders(name: str) -> None:
    stage, chance = Stage(THREE[name], single=True), random.Random(name)
    for _ in range(150):
        stage.check(one_schedule(stage.start, chance.randrange))


@pytest.mark.torture
@pytest.mark.parametrize("name", THREE)
def test_three_enrichers_end_right_in_every_order_of_their_requests(name: str) -> None:
    stage = Stage(THREE[name])
    assert every_schedule(stage.start, stage.check) > 500


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    """Up to eight prices before, up to three that wait or come late, up to three passes."""
    places = draw(st.lists(st.integers(0, 40), min_size=2, max_size=14, unique=True))
    prices = [P(at=place, price=str(draw(st.integers(1, 4)))) for place in places]
    late = [prices.pop() for _ in range(draw(st.integers(1, 2)))]
    waiting = [prices.pop() for _ in range(draw(st.integers(0, min(3, len(prices)))))]
    passes: list[list[Any]] = [[price, (price,)] for price in late]
    if waiting:
        passes.append([tuple(waiting)])
    if draw(st.booleans()):
        passes.append([tuple(draw(st.sampled_from([waiting + prices, waiting or prices[:2] or late])))])
    return Scene(enriched=prices, waiting=waiting, passes=[steps for steps in passes if steps != [()]])


any_order = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None
)


@settings(any_order, max_examples=150)
@given(scene=scenes(), data=st.data(), single=st.booleans())
def test_any_enrichers_end_right_in_any_order(scene: Scene, data: st.DataObject, single: bool) -> None:
    stage = Stage(scene, single=single)
    stage.check(one_schedule(stage.start, lambda many: data.draw(st.integers(0, many - 1))))


@pytest.mark.torture
@settings(any_order, max_examples=20_000)
@given(scene=scenes(), seed=st.integers(), single=st.booleans())
def test_the_same_for_long(scene: Scene, seed: int, single: bool) -> None:
    stage = Stage(scene, single=single)
    stage.check(one_schedule(stage.start, random.Random(seed).randrange))
