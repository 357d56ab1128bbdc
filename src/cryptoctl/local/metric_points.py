"""Keeps the points of metrics few, so that an engine that is left running stays as small as it was.

CloudWatch keeps figures of whole minutes; ministack keeps each value for two weeks.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

Point = Mapping[str, Any]
"""A value that was seen `Count` times, or a statistic set (`_stat`), at a `Timestamp` in epoch seconds."""

MINUTE_S: Final[int] = 60
MAX_A_MINUTE: Final[int] = 20
# How late a point may come and still be put together with those of its minute.
LATE_S: Final[int] = 600


def compacted(points: Sequence[Point], *, oldest_s: float, until_s: float) -> list[Point]:
    """The points from `oldest_s` on, with at most MAX_A_MINUTE values for each minute before `until_s`.

    Count, sum, least and largest value of a minute stay; of more values than that, neighbours become their
    mean, so a percentile moves within its neighbours. Statistic sets stay as they are.
    """
    begin = len(points)
    while begin and points[begin - 1]["Timestamp"] >= until_s - LATE_S:
        begin -= 1
    result = [point for point in points[:begin] if point["Timestamp"] >= oldest_s]
    minutes: dict[tuple[int, Any], list[Point]] = defaultdict(list)
    newest: list[Point] = []
    for point in points[begin:]:
        if "_stat" in point or point["Timestamp"] >= until_s:
            newest.append(point)
        else:
            minutes[int(point["Timestamp"] // MINUTE_S), point.get("Unit")].append(point)
    for (minute, _), minute_points in sorted(minutes.items(), key=lambda pair: pair[0][0]):
        result += _merge(minute_points, minute * MINUTE_S)
    return result + newest


def _merge(points: Sequence[Point], start_s: float) -> Iterator[Point]:
    counts: dict[float, float] = defaultdict(float)
    for point in points:
        counts[point["Value"]] += point.get("Count", 1.0)
    for value, count in _group_values(sorted(counts.items())):
        yield {**points[0], "Timestamp": float(start_s), "Value": value, "Count": count}


def _group_values(values: list[tuple[float, float]]) -> Iterator[tuple[float, float]]:
    """The (value, count) pairs; the inner ones in as many groups as are left beside the ends."""
    if len(values) <= MAX_A_MINUTE:
        yield from values
        return
    inner, groups = values[1:-1], MAX_A_MINUTE - 2
    yield values[0]
    for first, last in pairwise(len(inner) * number // groups for number in range(groups + 1)):
        group = inner[first:last]
        count = sum(weight for _, weight in group)
        yield sum(value * weight for value, weight in group) / count, count
    yield values[-1]
