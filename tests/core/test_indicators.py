"""ma_5, ma_20 and volatility: exact, rounded once."""

import decimal
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cryptoctl.core.indicators import _square_root, indicators

prices_of_any_size = st.builds(
    lambda digits, exponent: Decimal(digits).scaleb(exponent, decimal.Context(prec=60)),
    st.integers(1, 10**20),
    st.integers(-130, 100),
)
everyday_prices = st.integers(1, 10**9).map(lambda cents: Decimal(cents) / 100)


def rounded_rightly(rounded: Decimal, exact: Fraction, *, squared: bool = False) -> bool:
    """Whether no number of 38 digits is nearer to the exact value (or, squared, to its root)."""
    if not rounded:
        return exact < Fraction(10) ** (-260 if squared else -130)
    half_a_digit = Fraction(10) ** (rounded.adjusted() - 37) / 2
    low, high = Fraction(rounded) - half_a_digit, Fraction(rounded) + half_a_digit
    return low**2 <= exact <= high**2 if squared else low <= exact <= high


@given(st.lists(prices_of_any_size, min_size=20, max_size=30))
def test_each_indicator_is_the_nearest_number_of_38_digits(prices: list[Decimal]) -> None:
    computed = indicators(prices)
    assert computed.ma_5 is not None and computed.ma_20 is not None and computed.volatility is not None
    exact = [Fraction(price) for price in prices]
    assert rounded_rightly(computed.ma_5, sum(exact[-5:], Fraction(0)) / 5)
    assert rounded_rightly(computed.ma_20, sum(exact[-20:], Fraction(0)) / 20)
    mean = sum(exact[-10:], Fraction(0)) / 10
    variance = sum(((price - mean) ** 2 for price in exact[-10:]), Fraction(0)) / 10
    assert rounded_rightly(computed.volatility, variance, squared=True)
    assert all(
        len(value.as_tuple().digits) <= 38 for value in (computed.ma_5, computed.ma_20, computed.volatility)
    )


@pytest.mark.thorough  # to import pandas takes longer than most tests
@given(st.lists(everyday_prices, min_size=1, max_size=60))
def test_they_agree_with_pandas(prices: list[Decimal]) -> None:
    import pandas as pd

    series = pd.Series([float(price) for price in prices])
    computed = [indicators(prices[: end + 1]) for end in range(len(prices))]
    for got, expected in (
        ([values.ma_5 for values in computed], series.rolling(5).mean()),
        ([values.ma_20 for values in computed], series.rolling(20).mean()),
    ):
        for value, reference in zip(got, expected, strict=True):
            assert (value is None) == (reference != reference)
            assert value is None or float(value) == pytest.approx(reference, rel=1e-9)
    # pandas takes a running variance, which cancels; numpy's own of each window is the better witness
    for end, result in enumerate(computed):
        window = series.iloc[max(0, end - 9) : end + 1]
        assert (result.volatility is None) == (len(window) < 10)
        assert result.volatility is None or float(result.volatility) == pytest.approx(
            window.std(ddof=0), rel=1e-9, abs=1e-9 * float(max(prices))
        )


@pytest.mark.parametrize(
    ("count", "known"), [(4, set()), (5, {"ma_5"}), (9, {"ma_5"}), (10, {"ma_5", "volatility"})]
)
def test_too_little_history_is_absent_and_not_zero(count: int, known: set[str]) -> None:
    computed = indicators([Decimal(7)] * count)
    assert {name for name in ("ma_5", "ma_20", "volatility") if getattr(computed, name) is not None} == known


def test_the_average_of_one_price_of_38_digits_is_that_price() -> None:
    price = Decimal("1.2345678901234567890123456789012345678")
    computed = indicators([price] * 20)
    assert (computed.ma_5, computed.ma_20, computed.volatility) == (price, price, Decimal(0))


def test_tiny_and_large_prices_are_both_right() -> None:
    assert indicators([Decimal("0.00001234")] * 5).ma_5 == Decimal("0.00001234")
    assert indicators([Decimal("123456789.12"), Decimal("0.00001234")] * 2 + [Decimal(1)]).ma_5 == Decimal(
        "49382715.848004936"
    )


def test_a_tie_is_rounded_to_the_even_digit() -> None:
    ones, twos = "1" * 38, "1" * 37 + "2"  # their mean ends in a 5 that 38 digits can't hold
    computed = indicators([Decimal(ones)] * 10 + [Decimal(twos)] * 10)
    assert computed.ma_20 == Decimal(twos)


def test_a_volatility_too_small_for_the_table_is_zero() -> None:
    prices = [Decimal("1e-130")] * 9 + [Decimal("1.0000001e-130")]
    assert indicators(prices).volatility == 0


def test_the_population_deviation_is_meant() -> None:
    assert indicators([Decimal(1), Decimal(3)] * 5).volatility == 1


def test_a_root_just_above_a_tie_is_rounded_up() -> None:
    tie = Fraction(10**37 * 10 + 5, 10)  # 38 digits and a half
    assert _square_root(tie**2) == 10**37
    assert _square_root(tie**2 + Fraction(1, 10**200)) == 10**37 + 1
