"""One symbol's 1,000 prices stored one by one, several at once, or 25 in a call: calls, seconds, corrections.

In simulated time: a call takes 4 to 8 ms, a record reaches the enricher some time after its item is stored,
and the enricher sees what is stored by then. The enricher is ours, the table is the tests' one in memory. AWS
documents no order in which the statements of one BatchExecuteStatement are run, so any order is among the
ways: each statement then takes effect at its own moment of the call.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from decimal import Decimal
from io import StringIO
from os import environ
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from bench.price_path import COUNT, one_symbol
from cryptoctl.core.items import new_item
from cryptoctl.core.prices import Price
from cryptoctl.handlers import history, price_enricher
from handlers.conftest import ENVIRONMENT
from handlers.fake_aws import Direct, FakeAws, Item
from kit import function_clients

IN_A_CALL = 25
BATCHES = (10,)
LAGS_MS = (0.0, 250.0)
RUNS = 2

Stored = list[tuple[float, Item]]  # when each item is in the table, in ms


@dataclass(kw_only=True)
class Way:
    """How the prices are stored: how many calls that takes, and when each item is there."""

    name: str
    calls: int
    store: Callable[[list[Item], random.Random], Stored]


def _call_ms(chance: random.Random) -> float:
    return chance.uniform(4, 8)


def one_by_one(items: list[Item], chance: random.Random) -> Stored:
    moment, stored = 0.0, Stored()
    for item in items:
        moment += _call_ms(chance)
        stored.append((moment, item))
    return stored


def several_at_once(count: int) -> Callable[[list[Item], random.Random], Stored]:
    """As soon as one of `count` calls has ended the next begins."""

    def store(items: list[Item], chance: random.Random) -> Stored:
        free, stored = [0.0] * count, Stored()
        for item in items:
            line = free.index(min(free))
            free[line] += _call_ms(chance)
            stored.append((free[line], item))
        return stored

    return store


def in_calls(*, ordered: bool) -> Callable[[list[Item], random.Random], Stored]:
    def store(items: list[Item], chance: random.Random) -> Stored:
        moment, stored = 0.0, Stored()
        for start in range(0, len(items), IN_A_CALL):
            some, length_ms = items[start : start + IN_A_CALL], _call_ms(chance)
            moments = [moment + length_ms * (n + 1) / len(some) for n in range(len(some))]
            if not ordered:
                chance.shuffle(moments)
            stored += zip(moments, some, strict=True)
            moment += length_ms
        return stored

    return store


WAYS = (
    Way(name="a put each", calls=COUNT, store=one_by_one),
    Way(name="a put each, 4 at once", calls=COUNT, store=several_at_once(4)),
    Way(name="25 in a call, in order", calls=COUNT // IN_A_CALL, store=in_calls(ordered=True)),
    Way(name="25 in a call, any order", calls=COUNT // IN_A_CALL, store=in_calls(ordered=False)),
)


@dataclass(kw_only=True)
class Outcome:
    """Of all prices: seconds until stored and until enriched; writes; messages, corrections among them."""

    stored_s: float
    enriched_s: float
    enricher_calls: int
    write_units: float
    messages: int
    corrections: int


def simulate(way: Way, batch: int, lag_ms: float, seed: int) -> Outcome:
    """One run. Every item must end enriched."""
    chance = random.Random(seed)
    history.lagging.clear()
    aws = FakeAws(stale_reads=False)
    client = Direct(aws)
    function_clients.connect_all(client)
    stored = sorted(way.store(_items(), chance), key=lambda arrival: arrival[0])
    inserted, free_ms = 0, 0.0
    for first in range(0, COUNT, batch):
        last = min(first + batch, COUNT)
        start_ms = max(free_ms, stored[last - 1][0] + lag_ms)
        while inserted < COUNT and stored[inserted][0] <= start_ms:
            aws.put_item({"Item": stored[inserted][1]})
            inserted += 1
        before = sum(aws.calls.values())
        price_enricher.handler({"Records": aws.inserts()[first:last]}, None)
        free_ms = start_ms + sum(_call_ms(chance) for _ in range(sum(aws.calls.values()) - before))
    assert all(item["processed"]["BOOL"] for item in aws.items.values())
    messages = [json.loads(notification["Message"]) for notification in aws.announced]
    return Outcome(
        stored_s=stored[-1][0] / 1000,
        enriched_s=free_ms / 1000,
        enricher_calls=sum(aws.calls.values()),
        write_units=aws.units["write"],
        messages=len(messages),
        corrections=sum(message["correction"] for message in messages),
    )


def _items() -> list[Item]:
    return [_item(price) for price in one_symbol()]


def _item(sent: dict[str, object]) -> Item:
    price = Price(
        symbol=str(sent["symbol"]),
        exchange=str(sent["exchange"]),
        price=Decimal(str(sent["price"])),
        volume=Decimal(str(sent["volume"])),
        timestamp_ms=int(str(sent["timestamp"])),
        id=str(sent["id"]),
        raw=json.dumps(sent),
    )
    return new_item(price, price.sort_key(), "2026-11-26T00:00:00.000+00:00")


def _mean(values: Iterator[float]) -> float:
    numbers = list(values)
    return sum(numbers) / len(numbers)


def main() -> None:
    """Prints a table; each figure is the mean of some runs."""
    environ.update(ENVIRONMENT)
    print(f"{COUNT} prices of one symbol; a call takes 4 to 8 ms; means of {RUNS} runs\n")
    print(f"{'':<26}{'batch':>6}{'lag ms':>8}{'calls':>7}{'stored s':>10}{'enriched s':>12}", end="")
    print(f"{'enricher':>10}{'write u.':>10}{'messages':>10}{'corrected':>11}")
    for way in WAYS:
        for batch in BATCHES:
            for lag_ms in LAGS_MS:
                with redirect_stdout(StringIO()):
                    results = [simulate(way, batch, lag_ms, seed) for seed in range(RUNS)]
                print(
                    f"{way.name:<26}{batch:>6}{lag_ms:>8.0f}{way.calls:>7}"
                    f"{_mean(result.stored_s for result in results):>10.2f}"
                    f"{_mean(result.enriched_s for result in results):>12.2f}"
                    f"{_mean(result.enricher_calls for result in results):>10.0f}"
                    f"{_mean(result.write_units for result in results):>10.0f}"
                    f"{_mean(result.messages for result in results):>10.0f}"
                    f"{_mean(result.corrections for result in results):>11.0f}"
                )
    function_clients.disconnect()


if __name__ == "__main__":
    main()
