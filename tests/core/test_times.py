"""A text is read as the only time that it can mean, or not at all."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cryptoctl.core.prices import Rejected, TimeLimits, parse_price
from cryptoctl.core.times import parse_iso_8601
from cryptoctl.errors import Failure
from cryptoctl.files.times import ISO, TimeReader, zone
from cryptoctl.ops.times import parse_time_ms

OFFSETS = st.integers(-839, 839).map(lambda minutes: timezone(timedelta(minutes=minutes)))
MOMENTS = st.one_of(st.datetimes(), st.datetimes(timezones=OFFSETS))


@given(MOMENTS, st.sampled_from("Tt "), st.sampled_from(["auto", "minutes", "seconds", "milliseconds"]))
def test_what_is_written_as_iso_8601_is_read_as_it_was(moment: datetime, separator: str, spec: str) -> None:
    text = moment.isoformat(separator, spec)
    parsed = parse_iso_8601(text)
    assert parsed.isoformat(separator, spec) == text
    assert parsed.tzinfo == moment.tzinfo
    basic = text.replace("-", "", 2).replace(":", "") if "-" not in text[10:] else text
    assert parse_iso_8601(basic) == parsed


@pytest.mark.parametrize(
    "text", ["2024-01-31T09:20:00Z", "2024-01-31t09:20:00z", "20240131T0920Z", "2024-01-31 09:20+00"]
)
def test_utc_may_be_said_in_each_usual_way(text: str) -> None:
    assert parse_iso_8601(text) == parse_iso_8601("2024-01-31T09:20:00+00:00")


NO_TIMES = [
    "2024-01-31T09:20.5Z",
    "2024-01-31T0920.5Z",
    "2024-01-31T09.5Z",
    "2024-01-31T09:20,5+00:00",
    "2024-01-31-09:00",
    "2024-01-31+05:00",
    "2024-01-31Z",
    "2024-01-31x09:20:00Z",
    "2024-01-31T09:20:00 Z",
    "2024-01-31T09:20:00.Z",
    "2024-W05-3T09:20:00Z",
    "2024-02-30T09:20:00Z",
    "٢٠٢٤-01-31T09:20:00Z",
]


@pytest.mark.parametrize("text", NO_TIMES)
def test_what_has_another_meaning_than_python_gives_it_is_no_time_anywhere(text: str) -> None:
    with pytest.raises(ValueError):
        parse_iso_8601(text)
    with pytest.raises(Rejected, match="timestamp"):
        TimeReader(unit=ISO, zone=zone("UTC")).milliseconds(text)
    with pytest.raises(Rejected, match="ISO 8601"):
        fields = {"symbol": "S", "price": "1", "exchange": "x", "timestamp": text}
        parse_price(fields, "{}", TimeLimits(now_ms=1_790_000_000_000, arrival_ms=0))
    with pytest.raises(Failure, match="not a valid time"):
        parse_time_ms(text)
