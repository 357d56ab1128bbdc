"""A row of bars is as wide as it may be, and shows where nothing is."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from cryptoctl.ui.sparklines import BARS, sparkline


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=40))
def test_from_zero_a_bar_is_nothing_only_where_nothing_is(numbers: list[int]) -> None:
    line = sparkline([float(number) for number in numbers], 40, from_zero=True)
    assert [bar == BARS[0] for bar in line] == [number == 0 for number in numbers]


@given(st.lists(st.decimals(0, 10**9, allow_nan=False), max_size=200), st.integers(1, 80))
def test_a_sparkline_is_as_wide_as_it_may_be_and_has_its_extremes(numbers: list[Decimal], width: int) -> None:
    line = sparkline(numbers, width)
    assert len(line) == min(width, len(numbers))
    assert set(line) <= set(BARS)
    if len(set(numbers)) > 1 and len(numbers) <= width:
        assert line[numbers.index(max(numbers))] == BARS[-1]
        assert line[numbers.index(min(numbers))] == BARS[0]
