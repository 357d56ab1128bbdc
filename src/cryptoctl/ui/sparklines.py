"""A row of numbers as a row of bars."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise
from typing import TypeVar

BARS = "▁▂▃▄▅▆▇█"
T = TypeVar("T")


def sparkline(numbers: Sequence[Decimal | float], width: int, *, from_zero: bool = False) -> str:
    """The numbers as at most `width` bars, between the smallest (or zero) and the largest of them.

    Where there are more numbers than bars, each bar is the last of its share (the sum, from zero). From zero,
    the smallest bar is nothing at all.
    """
    parts = shares([Decimal(number) for number in numbers], width)
    bars = [sum(part, Decimal(0)) if from_zero else part[-1] for part in parts]
    if not bars:
        return ""
    low = Decimal(0) if from_zero else min(bars)
    span = max(bars) - low
    if not span:
        return (BARS[0] if from_zero else BARS[3]) * len(bars)
    heights = [min(len(BARS) - 1, int((bar - low) / span * len(BARS))) for bar in bars]
    if from_zero:
        heights = [max(height, 1) if bar else 0 for height, bar in zip(heights, bars, strict=True)]
    return "".join(BARS[height] for height in heights)


def shares(values: Sequence[T], count: int) -> list[Sequence[T]]:
    """The values in order, in at most `count` shares as equal as can be; none is empty."""
    count = min(count, len(values))
    edges = [len(values) * index // count for index in range(count + 1)] if count else [0]
    return [values[begin:end] for begin, end in pairwise(edges)]
