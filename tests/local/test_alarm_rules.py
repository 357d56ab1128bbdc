"""When an alarm is in which state."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cryptoctl.local.metrics.alarms import _epoch
from cryptoctl.local.metrics.rules import AlarmRule, evaluate_alarm

VALUES = st.lists(st.none() | st.floats(0, 10), min_size=1, max_size=6)


def rule(missing: str = "missing", periods: int = 3, to_alarm: int = 2) -> AlarmRule:
    return AlarmRule(
        comparison="GreaterThanThreshold", threshold=5, periods=periods, to_alarm=to_alarm, missing=missing
    )


@pytest.mark.parametrize(
    ("values", "missing", "now", "state"),
    [
        ([6, 6, 0], "missing", "OK", "ALARM"),
        ([6, 0, 0], "missing", "OK", "OK"),
        ([6, 0, 0], "missing", "ALARM", "OK"),
        ([5, 5, 5], "missing", "OK", "OK"),
        ([0, 0, 0, 6, 6], "missing", "OK", "OK"),
        ([None, None, None], "missing", "ALARM", "INSUFFICIENT_DATA"),
        ([None, None, None], "ignore", "ALARM", "ALARM"),
        ([None, None, None], "breaching", "OK", "ALARM"),
        ([None, None, None], "notBreaching", "ALARM", "OK"),
        ([6, None, None], "breaching", "OK", "ALARM"),
        ([6, None, None], "notBreaching", "OK", "OK"),
        ([6, None, None], "ignore", "ALARM", "ALARM"),
        ([6, None, 6], "missing", "OK", "ALARM"),
    ],
)
def test_the_state_follows_the_last_periods(
    values: list[float | None], missing: str, now: str, state: str
) -> None:
    assert evaluate_alarm(rule(missing), values, now)[0] == state


@given(values=VALUES, now=st.sampled_from(["OK", "ALARM", "INSUFFICIENT_DATA"]))
def test_an_alarm_is_never_raised_by_fewer_breaches_than_it_asks_for(
    values: list[float | None], now: str
) -> None:
    breaches = sum(value is not None and value > 5 for value in values[:3])
    state, reason = evaluate_alarm(rule("notBreaching"), values, now)
    assert (state == "ALARM") == (breaches >= 2)
    assert reason


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/New_York", "CET-1CEST,M3.5.0,M10.5.0/3"])
@pytest.mark.parametrize("at_s", [1_705_320_000, 1_721_044_800])  # in January and in July
def test_a_datapoint_has_the_same_time_in_every_time_zone(
    monkeypatch: pytest.MonkeyPatch, zone: str, at_s: int
) -> None:
    timestamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at_s))
    try:
        with monkeypatch.context() as patch:
            patch.setenv("TZ", zone)
            time.tzset()
            assert _epoch(timestamp) == at_s
    finally:
        time.tzset()
