"""What new prices change: after any arrivals every price is as computed over all of them."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cryptoctl.core.enrichment import Announcement, enrichments, outdated_prices
from cryptoctl.core.indicators import NO_INDICATORS, Indicators, indicators
from cryptoctl.core.items import StoredPrice

Table = dict[Decimal, StoredPrice]


def stored(key: int, price: int) -> StoredPrice:
    return StoredPrice(symbol="BTC", key=Decimal(key), price=Decimal(price), volume=Decimal(0), exchange="x")


def enrich(table: Table, new: set[Decimal]) -> list[bool]:
    """Applies the enrichments; says of each whether it was a correction."""
    changes = enrichments([table[key] for key in sorted(table)], new)
    for change in changes:
        table[change.price.key] = replace(
            change.price, processed=True, indicators=change.indicators, revision={"S": change.revision}
        )
    return [change.correction for change in changes]


def wholly_right(table: Table) -> bool:
    ordered = [table[key] for key in sorted(table)]
    return all(
        stored_price.processed
        and stored_price.indicators == indicators([price.price for price in ordered[: position + 1]])
        for position, stored_price in enumerate(ordered)
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
    changes = enrichments([table[key] for key in sorted(table)], {Decimal(41)})
    assert [int(change.price.key) for change in changes] == [41, *range(42, 80, 2)]
    assert [change.correction for change in changes] == [False] + [True] * 19


def test_prices_that_follow_and_wait_for_their_own_pass_are_enriched_too() -> None:
    table = {Decimal(key): stored(key, key) for key in range(30)}
    changes = enrichments(list(table.values()), {Decimal(3)})
    assert [int(change.price.key) for change in changes] == list(range(3, 23))
    assert all(change.announce and not change.correction for change in changes)


def enriched(count: int, price: int = 7) -> list[StoredPrice]:
    table = {Decimal(key): stored(key, price) for key in range(count)}
    enrich(table, set(table))
    return list(table.values())


def test_right_values_from_other_prices_are_written_anew_and_not_announced() -> None:
    late = replace(stored(0, 7), key=Decimal("4.5"))
    changes = enrichments(sorted([*enriched(10), late], key=lambda price: price.key), {late.key})
    assert [(change.price.key, change.announce) for change in changes if change.price.key >= 10] == []
    silent = [change for change in changes if not change.announce]
    assert silent and all(change.price.indicators == change.indicators for change in silent)
    assert all(change.revision.startswith("2-") for change in silent)


def test_a_revision_counts_and_names_the_window_alone() -> None:
    first, second = enriched(40, 7), enriched(40, 8)
    assert first[30].revision != second[30].revision
    assert str((first[30].revision or {})["S"]).startswith("1-")
    (change,) = enrichments([*first[:30], replace(first[30], processed=False)], {Decimal(30)})
    assert change.revision == str((first[30].revision or {})["S"]).replace("1-", "2-")


@pytest.mark.parametrize(
    "revision", [None, {"N": "5"}, {"NULL": True}, {"S": ""}, {"S": "x"}, {"S": "1-zzzzzzzz"}, {"L": []}]
)
def test_a_revision_of_any_kind_is_followed_by_the_first(revision: dict[str, Any] | None) -> None:
    (change,) = enrichments([replace(stored(1, 1), revision=revision)], {Decimal(1)})
    assert change.revision.startswith("1-")


def test_what_was_announced_last_and_is_stored_needs_nothing() -> None:
    series = enriched(6)
    announcement = Announcement(indicators=series[5].indicators, revision=None)
    assert enrichments(series, set(), {Decimal(5): announcement}) == []


@pytest.mark.parametrize(
    "announced_indicators", [indicators([Decimal(1)] * 5), None], ids=["others", "perhaps"]
)
def test_what_was_announced_and_is_not_what_is_stored_is_announced_and_written_again(
    announced_indicators: Indicators | None,
) -> None:
    series = enriched(6)
    announcement = Announcement(indicators=announced_indicators, revision=series[5].revision)
    (change,) = enrichments(series, set(), {Decimal(5): announcement})
    assert change.announce and change.correction
    assert change.indicators == series[5].indicators
    assert change.revision != (series[5].revision or {})["S"]


def test_wrong_finds_what_differs_from_its_neighbours_or_has_nothing_yet() -> None:
    series = enriched(50)
    assert list(outdated_prices(series)) == []
    series[10] = replace(series[10], price=Decimal(8))
    series[40] = replace(series[40], processed=False)
    assert [int(price.key) for price in outdated_prices(series)] == [*range(10, 30), 40]
    assert [int(price.key) for price in outdated_prices(series[6:], Decimal(25))] == [*range(25, 30), 40]


def test_wrong_takes_a_revision_of_others_for_right_where_the_values_are() -> None:
    assert list(outdated_prices(replace(price, revision=None) for price in enriched(30))) == []


@pytest.mark.parametrize("processed", [False, True])
def test_what_was_announced_and_is_not_written_is_only_written_while_nobody_else_has(processed: bool) -> None:
    series = enriched(6)
    right = series[5].indicators
    series[5] = replace(series[5], processed=processed, indicators=NO_INDICATORS)
    announcement = Announcement(indicators=right, revision=series[5].revision)
    (change,) = enrichments(series, set(), {Decimal(5): announcement})
    assert not change.announce and change.changes and change.indicators == right
    (change,) = enrichments(series, set(), {Decimal(5): replace(announcement, revision={"S": "7-00000000"})})
    assert change.announce
