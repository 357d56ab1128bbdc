"""What new prices change: after any arrivals every price is as computed over all of them."""

from dataclasses import replace
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from cryptoctl.core.enrichment import changes
from cryptoctl.core.indicators import indicators
from cryptoctl.core.items import StoredPrice

Table = dict[Decimal, StoredPrice]


def stored(key: int, price: int) -> StoredPrice:
    return StoredPrice(symbol="BTC", key=Decimal(key), price=Decimal(price), volume=Decimal(0), exchange="x")


def enrich(table: Table, new: set[Decimal]) -> list[bool]:
    """Applies the changes; says of each whether it was a correction."""
    found = changes([table[key] for key in sorted(table)], new)
    for change in found:
        table[change.price.key] = replace(change.price, processed=True, indicators=change.indicators)
    return [change.correction for change in found]


def wholly_right(table: Table) -> bool:
    ordered = [table[key] for key in sorted(table)]
    return all(
        each.processed and each.indicators == indicators([price.price for price in ordered[: position + 1]])
        for position, each in enumerate(ordered)
    )


arrivals = st.lists(st.tuples(st.integers(1, 200), st.integers(1, 10**6)), min_size=1, max_size=60)


@given(arrivals, st.lists(st.integers(1, 10), min_size=1, max_size=60), st.randoms())
def test_after_any_arrivals_in_any_batches_every_price_is_right(
    prices: list[tuple[int, int]], sizes: list[int], random: object
) -> None:
    table: Table = {}
    waiting = [Decimal(key) for key in dict.fromkeys(key for key, _ in prices)]
    for key, price in prices:
        table.setdefault(Decimal(key), stored(key, price))  # written long before the enricher comes
    while waiting:
        size = sizes[len(waiting) % len(sizes)]
        batch, waiting = waiting[:size], waiting[size:]
        enrich(table, set(batch))
        assert enrich(table, set(batch)) == []  # the same records once more
    assert wholly_right(table)


@given(arrivals)
def test_a_price_that_is_written_and_enriched_one_by_one_is_announced_once_and_then_corrected(
    prices: list[tuple[int, int]],
) -> None:
    table: Table = {}
    for key, price in dict(prices).items():
        table[Decimal(key)] = stored(key, price)
        corrections = enrich(table, {Decimal(key)})
        assert corrections.count(False) == 1
        assert corrections.count(True) <= 19
    assert wholly_right(table)


def test_a_late_price_corrects_the_nineteen_that_follow_and_no_more() -> None:
    table = {Decimal(key): stored(key, key) for key in range(0, 120, 2)}
    enrich(table, set(table))
    table[Decimal(41)] = stored(41, 10**6)
    found = changes([table[key] for key in sorted(table)], {Decimal(41)})
    assert [int(change.price.key) for change in found] == [41, *range(42, 80, 2)]
    assert [change.correction for change in found] == [False] + [True] * 19


def test_a_price_that_waits_for_its_own_record_is_not_touched() -> None:
    table = {Decimal(key): stored(key, key) for key in range(10)}
    assert [int(change.price.key) for change in changes(list(table.values()), {Decimal(3)})] == [3]
