"""ma_5, ma_20 and volatility, exact and rounded once.

`ma_n` is the simple moving average of the last n prices, the newest included. `volatility` is the population
standard deviation of the last 10: sqrt(sum((x - mean)^2) / n), https://en.wikipedia.org/wiki/Standard_deviation.
Each is absent (None) while there are fewer prices than that. They are computed exactly and rounded once, half
even, to 38 significant digits, the most that DynamoDB holds: a price is never rounded, an average only where
the table forces it. A volatility too small for DynamoDB (below 1E-130) is 0.
"""

import decimal
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import isqrt

from cryptoctl.core.numbers import MIN_EXPONENT, SIGNIFICANT_DIGITS

SHORT_WINDOW = 5
LONG_WINDOW = 20
VOLATILITY_WINDOW = 10

_ROUNDED = decimal.Context(prec=SIGNIFICANT_DIGITS, rounding=decimal.ROUND_HALF_EVEN)


@dataclass(frozen=True, kw_only=True, slots=True)
class Indicators:
    """What is known of a price from its history; in units of the price; None: too little history."""

    ma_5: Decimal | None = None
    ma_20: Decimal | None = None
    volatility: Decimal | None = None


NO_INDICATORS = Indicators()
INDICATORS = ("ma_5", "ma_20", "volatility")  # the attributes of an item


def indicators(prices: Sequence[Decimal]) -> Indicators:
    """The indicators of the last of `prices`, which are in key order."""
    return Indicators(
        ma_5=_mean(prices[-SHORT_WINDOW:], SHORT_WINDOW),
        ma_20=_mean(prices[-LONG_WINDOW:], LONG_WINDOW),
        volatility=_deviation(prices[-VOLATILITY_WINDOW:], VOLATILITY_WINDOW),
    )


def _mean(prices: Sequence[Decimal], window: int) -> Decimal | None:
    if len(prices) < window:
        return None
    return _round(sum(map(Fraction, prices), Fraction(0)) / window)


def _deviation(prices: Sequence[Decimal], window: int) -> Decimal | None:
    if len(prices) < window:
        return None
    exact = [Fraction(price) for price in prices]
    mean = sum(exact, Fraction(0)) / window
    variance = sum(((price - mean) ** 2 for price in exact), Fraction(0)) / window
    return _square_root(variance)


def _round(value: Fraction) -> Decimal:
    rounded = _ROUNDED.divide(Decimal(value.numerator), Decimal(value.denominator))
    if not rounded or rounded.adjusted() < MIN_EXPONENT:
        return Decimal(0)
    return _ROUNDED.normalize(rounded)


def _square_root(value: Fraction) -> Decimal:
    """The root, rounded once: that of a large integer, with a last digit that says "and a bit more"."""
    scale = 0
    while value and value * 100**scale < 10 ** (2 * SIGNIFICANT_DIGITS + 2):
        scale += SIGNIFICANT_DIGITS
    scaled = value * 100**scale
    root = isqrt(scaled.numerator // scaled.denominator)
    inexact = Fraction(root * root) != scaled
    return _round(Fraction(10 * root + inexact, 10 ** (scale + 1)))
