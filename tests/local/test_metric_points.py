"""What becomes of a metric's points once their minute is over."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cryptoctl.local.metric_points import LATE_S, MAX_A_MINUTE, compacted
from cryptoctl.local.ministack_adapter import patch_metrics

NOW_S = 1_700_000_040.0  # a whole minute
POINTS = st.lists(
    st.builds(
        lambda ago_s, value, count: point(NOW_S - ago_s, value, count),
        st.floats(-59, 3 * LATE_S),
        st.integers(0, 5_000).map(float),
        st.integers(1, 5).map(float),
    ),
    max_size=300,
)


def point(at_s: float, value: float, count: float = 1.0) -> dict[str, Any]:
    return {"Timestamp": at_s, "Unit": "None", "Dimensions": {"a": "b"}, "Value": value, "Count": count}


def by_minute(points: list[Any]) -> dict[int, tuple[float, float, float, float]]:
    """For each minute the count, sum, least and largest value."""
    minutes: dict[int, list[Any]] = {}
    for point in points:
        minutes.setdefault(int(point["Timestamp"] // 60), []).append(point)
    return {
        minute: (
            sum(point["Count"] for point in group),
            sum(point["Count"] * point["Value"] for point in group),
            min(point["Value"] for point in group),
            max(point["Value"] for point in group),
        )
        for minute, group in minutes.items()
    }


def compact(points: list[Any]) -> list[Any]:
    return compacted(points, oldest_s=0, until_s=NOW_S)


@given(POINTS)
def test_the_statistics_of_each_minute_stay(points: list[Any]) -> None:
    before, after = by_minute(points), by_minute(compact(points))
    assert before.keys() == after.keys()
    for minute, statistics in before.items():
        assert after[minute] == pytest.approx(statistics)


@given(POINTS)
def test_to_do_it_again_changes_nothing(points: list[Any]) -> None:
    reduced = compact(sorted(points, key=lambda point: point["Timestamp"]))
    assert compact(reduced) == reduced


def test_of_a_minute_with_many_values_few_points_are_left_and_the_median_stays_near() -> None:
    points = compact([point(NOW_S - 30, value) for value in range(1_001)])
    assert len(points) == MAX_A_MINUTE
    count = 0.0
    median = next(entry["Value"] for entry in points if (count := count + entry["Count"]) > 500)
    assert median == pytest.approx(500, rel=0.06)


def test_equal_values_become_one_point_and_few_different_ones_stay_exact() -> None:
    points = compact(
        [point(NOW_S - number, value) for number, value in enumerate([5, 1, 5, 1, 1, 9], start=1)]
    )
    assert [(entry["Value"], entry["Count"]) for entry in points] == [(1, 3), (5, 2), (9, 1)]


def test_the_present_minute_statistic_sets_and_other_units_are_left() -> None:
    now, of_set = point(NOW_S + 1, 1), {"Timestamp": NOW_S - 5, "Value": 1.0, "_stat": {"SampleCount": 4}}
    seconds = {**point(NOW_S - 5, 1), "Unit": "Seconds"}
    points = compact([point(NOW_S - 6, 1), seconds, now, now, of_set])
    assert points.count(now) == 2 and points.count(of_set) == 1
    assert sorted(entry["Unit"] for entry in points if "_stat" not in entry) == ["None"] * 3 + ["Seconds"]


def test_what_is_too_old_goes() -> None:
    old, new = point(NOW_S - 10 * LATE_S, 1), point(NOW_S - 5 * LATE_S, 2)
    assert compacted([old, new], oldest_s=NOW_S - 6 * LATE_S, until_s=NOW_S) == [new]


def test_at_a_request_each_minute_ministack_s_own_metrics_are_put_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    service = pytest.importorskip("ministack.services.cloudwatch")
    metrics = type(service._metrics)()
    for name in ("_evaluate_alarm", "_evict_old_metrics"):
        monkeypatch.setattr(service, name, getattr(service, name))
    monkeypatch.setattr(service, "_metrics", metrics)
    moment = [NOW_S]
    monkeypatch.setattr("cryptoctl.local.ministack_adapter.time.time", lambda: moment[0])
    patch_metrics()
    many = [point(NOW_S - 30, value) for value in range(100)]
    metrics["lag"], metrics["old"] = list(many), [point(NOW_S - 15 * 86_400, 1)]
    service._evict_old_metrics()
    assert len(metrics["lag"]) == MAX_A_MINUTE and "old" not in metrics
    metrics["lag"] = list(many)
    moment[0] += 59
    service._evict_old_metrics()
    assert len(metrics["lag"]) == 100
    moment[0] += 1
    service._evict_old_metrics()
    assert len(metrics["lag"]) == MAX_A_MINUTE
