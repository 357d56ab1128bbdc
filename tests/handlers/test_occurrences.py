"""Equal trades without ids: however a statement is cut, ordered and repeated, each is stored once."""

import random
from collections import Counter
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handlers.conftest import connect_directly
from handlers.events import GOOD, send_prices
from handlers.fake_aws import FakeAws

pytestmark = pytest.mark.thorough

MS = 1_675_329_600_000

Trade = dict[str, Any]

# Few values, so that many are equal.
statements = st.lists(
    st.fixed_dictionaries(
        {
            "timestamp": st.integers(0, 2).map(lambda after: MS + after),
            "price": st.sampled_from(["1", "1.0", "2"]),
            "volume": st.sampled_from(["0", "5"]),
        },
        optional={"exchange": st.just("kraken")},
    ),
    max_size=25,
)


def numbered(trades: list[Trade]) -> list[Trade]:
    """The trades with the number that each has among its like, as a sender counts them."""
    counts: Counter[object] = Counter()
    numbered = []
    for trade in trades:
        counts[likeness(trade)] += 1
        numbered.append({**trade, "occurrence": counts[likeness(trade)]})
    return numbered


def likeness(trade: Trade) -> object:
    return (
        trade["timestamp"],
        trade.get("exchange", GOOD["exchange"]),
        Decimal(trade["price"]),
        Decimal(trade["volume"]),
    )


def stored(aws: FakeAws) -> Counter[object]:
    return Counter(
        (
            int(Decimal(item["timestamp"]["N"])),
            item["exchange"]["S"],
            Decimal(item["price"]["N"]),
            Decimal(item["volume"]["N"]),
        )
        for item in aws.items.values()
    )


def send_in_parts(trades: list[Trade], chance: random.Random) -> None:
    while trades:
        length = chance.randint(1, 6)
        part, trades = trades[:length], trades[length:]
        send_prices(*part)


fixture_is_cleared = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@settings(fixture_is_cleared)
@given(statements, st.integers(0, 10**9), st.booleans())
def test_a_statement_cut_anywhere_in_any_order_is_stored_whole_and_once(
    environment: None, trades: list[Trade], seed: int, shuffled: bool
) -> None:
    aws, chance = connect_directly(FakeAws()), random.Random(seed)
    sent = numbered(trades)
    for _ in range(3):
        send_in_parts(chance.sample(sent, len(sent)) if shuffled else sent, chance)
        assert stored(aws) == Counter(map(likeness, trades))


@settings(fixture_is_cleared)
@given(statements, st.integers(0, 10**9), st.integers(0, 10**9))
def test_a_statement_makes_the_same_table_wherever_it_is_cut_and_interrupted(
    environment: None, trades: list[Trade], seed: int, other_seed: int
) -> None:
    sent, tables = numbered(trades), []
    for order, interrupted in ((seed, False), (other_seed, True)):
        aws, chance = connect_directly(FakeAws()), random.Random(order)
        if interrupted:
            send_in_parts(sent[: chance.randint(0, len(sent))], chance)
        send_in_parts(sent, chance)
        tables.append({key: {**item, "created_at": ""} for key, item in aws.items.items()})
    assert tables[0] == tables[1]


@settings(fixture_is_cleared)
@given(statements, statements)
def test_counted_by_the_request_and_by_the_sender_a_price_has_the_same_number(
    environment: None, first: list[Trade], second: list[Trade]
) -> None:
    """As often as the statement that has it more often says, whoever counted."""
    aws = connect_directly(FakeAws())
    for trades in (first, numbered(second)):
        if trades:
            send_prices(*trades)
    assert stored(aws) == Counter(map(likeness, first)) | Counter(map(likeness, second))


def test_items_that_say_no_number_have_the_lowest_that_no_other_has(aws: FakeAws) -> None:
    send_prices({"timestamp": MS, "occurrence": 2})
    [first] = aws.items.values()
    assert first["occurrence"] == {"N": "2"}
    by_hand = {name: value for name, value in first.items() if name != "occurrence"}
    for place in ("1", "2"):
        aws.put({**by_hand, "timestamp": {"N": f"{MS}.{place:0>24}"}})
    # By hand are the first and the third.
    for number, message in ((1, "1 duplicate"), (3, "1 duplicate"), (2, "1 duplicate"), (4, "1 stored")):
        assert send_prices({"timestamp": MS, "occurrence": number})[1]["message"] == message


def test_1500_equal_trades_in_requests_of_200_cost_two_calls_a_request_more(
    direct: FakeAws,
) -> None:
    sent = numbered([{"timestamp": MS, "price": "1", "volume": "1"}] * 1500)
    for start in range(0, 1500, 200):
        send_prices(*sent[start : start + 200])
    assert len(direct.items) == 1500
    assert direct.calls == {"PutItem": 1500 + 7, "Query": 7}
    send_prices(*sent[1300:])
    assert len(direct.items) == 1500
