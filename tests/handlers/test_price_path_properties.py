"""The whole path, on any arrivals: late, repeated, at any size of batch, with failures in between."""

import json
import random
from collections import Counter
from decimal import Decimal
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cryptoctl.core.indicators import indicators
from cryptoctl.core.numbers import plain
from cryptoctl.handlers import logs
from handlers.conftest import connect_directly
from handlers.events import GOOD, Mapping, announcements, send
from handlers.fake_aws import FakeAws, FaultError

pytestmark = pytest.mark.thorough

MS = 1_675_329_600_000
SYMBOLS = ["BTC", "ETH"]


# Trades of two symbols, out of order, some in one millisecond, without ids, or alike.
trades = st.lists(
    st.fixed_dictionaries(
        {
            "symbol": st.sampled_from(SYMBOLS),
            "timestamp": st.integers(0, 60).map(lambda after: MS + after),
            "price": st.integers(1, 10**16).map(lambda price: plain(Decimal(price).scaleb(-8))),
        },
        optional={"id": st.integers(0, 40), "exchange": st.just("kraken")},
    ),
    min_size=1,
    max_size=120,
)
arrivals: dict[str, st.SearchStrategy[Any]] = {
    "sent": trades,
    "size": st.integers(1, 12),
    "seed": st.integers(0, 10**9),
}


class Chaos:
    """Fails calls now and then: before their work, or after it, when only the answer is lost."""

    def __init__(self, seed: int, share: float) -> None:
        self.chance = random.Random(seed)
        self.share = share

    def __call__(self, operation: str, moment: str) -> None:
        if operation != "SendMessage" and self.chance.random() < self.share / 2:
            if self.chance.random() < 0.5:
                raise FaultError("ThrottlingException")
            raise ReadTimeoutError(endpoint_url="https://example.com")


def send_until_taken(prices: list[dict[str, Any]]) -> None:
    """As Lambda does with an asynchronous event."""
    for _ in range(1000):
        try:
            status, _answer = send({"body": json.dumps([{**GOOD, **price} for price in prices])})
        except logs.RetryError:
            continue
        assert status == 200
        return
    raise AssertionError("never taken")


def check(aws: FakeAws) -> None:
    """Each price stands in the table with what is computed over all of them, and was announced with it."""
    last_told = {
        (announcement["symbol"], announcement["sort_key"]): announcement
        for announcement in announcements(aws)
    }
    for symbol in SYMBOLS:
        prices: list[Decimal] = []
        for item in aws.items_of(symbol):
            prices.append(Decimal(item["price"]["N"]))
            right = indicators(prices)
            last = last_told[symbol, item["timestamp"]["N"]]
            assert item["processed"] == {"BOOL": True}
            for name in ("ma_5", "ma_20", "volatility"):
                value = getattr(right, name)
                text = None if value is None else plain(value)
                assert item.get(name, {}).get("N") == text
                assert last.get(name) == text
    first = Counter(
        (announcement["symbol"], announcement["sort_key"])
        for announcement in announcements(aws)
        if not announcement["correction"]
    )
    assert set(first) == {(symbol, plain(key)) for symbol, key in aws.items}
    if isinstance(aws.fault, Chaos):
        return
    assert set(first.values()) <= {1}  # without faults, announced once


def identity(price: dict[str, Any]) -> tuple[Any, ...]:
    """What makes two trades one: with an id the price doesn't count."""
    price = {**GOOD, **price}
    common = (price["symbol"], price["exchange"], price["timestamp"])
    return (*common, "id", price["id"]) if "id" in price else (*common, "price", price["price"])


def run(sent: list[dict[str, Any]], size: int, seed: int, share: float) -> None:
    """Sends in parts of any length, some of them again, while the mapping works through the stream."""
    aws = connect_directly(FakeAws())
    chance = random.Random(seed)
    if share:
        aws.fault = Chaos(seed, share)
    mapping = Mapping(aws, size)
    waiting = list(sent)
    repeated: list[list[dict[str, Any]]] = []
    while waiting:
        length = chance.randint(1, 8)
        part, waiting = waiting[:length], waiting[length:]
        send_until_taken(part)
        repeated.append(part)
        if chance.random() < 0.3:
            send_until_taken(chance.choice(repeated))
        for _ in range(chance.randint(0, 2)):
            batch = aws.inserts()[mapping.position : mapping.position + size]
            mapping.position += mapping.step(batch) if batch else 0
        if chance.random() < 0.1:
            mapping.position = chance.randint(0, mapping.position)  # delivered once more
    mapping.run(attempts=5000)
    check(aws)
    assert {identity(price) for price in sent} == {
        (item["symbol"]["S"], item["exchange"]["S"], int(Decimal(item["timestamp"]["N"])))
        + (("id", int(item["id"]["S"])) if "id" in item else ("price", item["price"]["N"]))
        for item in aws.items.values()
    }


fixture_is_cleared = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@settings(fixture_is_cleared, max_examples=60)
@given(**arrivals)
def test_after_any_arrivals_every_price_is_right_and_announced_once(
    environment: None, sent: list[dict[str, Any]], size: int, seed: int
) -> None:
    run(sent, size, seed, 0)


@settings(fixture_is_cleared, max_examples=60)
@given(**arrivals)
def test_the_same_with_calls_that_fail_in_between(
    environment: None, sent: list[dict[str, Any]], size: int, seed: int
) -> None:
    run(sent, size, seed, 0.05)


@pytest.mark.torture
@settings(fixture_is_cleared, max_examples=600)
@given(**arrivals, share=st.sampled_from([0, 0.02, 0.1]))
def test_the_same_for_long(
    environment: None, sent: list[dict[str, Any]], size: int, seed: int, share: float
) -> None:
    run(sent, size, seed, share)
