"""When prices are sent, and how many of each symbol."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cryptoctl.feed.batching import MAX_PRICES, MAX_WAIT_S, Batching, shares


def test_a_price_waits_a_quarter_of_a_second_at_most() -> None:
    batching = Batching()
    assert not batching.due(0, 10.0)
    assert not batching.due(1, 11.0)
    assert not batching.due(50, 11.0 + MAX_WAIT_S - 0.01)
    assert batching.due(51, 11.0 + MAX_WAIT_S)
    assert not batching.due(1, 11.0 + MAX_WAIT_S)  # the next one begins to wait


def test_a_full_request_does_not_wait_and_the_end_neither() -> None:
    assert Batching().due(MAX_PRICES, 1.0)
    assert Batching().due(1, 1.0, ending=True)
    assert not Batching().due(0, 1.0, ending=True)


@given(waiting=st.lists(st.integers(0, 500), max_size=8), most=st.integers(1, 300))
def test_a_request_is_filled_and_no_symbol_starves(waiting: list[int], most: int) -> None:
    parts = shares(waiting, most)
    assert sum(parts) == min(most, sum(waiting))
    assert all(0 <= got <= has for got, has in zip(parts, waiting, strict=True))
    hungry = [got for got, has in zip(parts, waiting, strict=True) if got < has]
    if hungry:  # who did not get all has as much as anybody, but for one
        assert max(parts) - min(hungry) <= 1
