"""Times in files: in which unit or zone they are is certain, or asked for."""

from __future__ import annotations

from datetime import UTC
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cryptoctl.core.prices import Rejected
from cryptoctl.files.times import UNIT_OF_DIGITS, TimeReader, kind_of
from files.reading import MS, read, refusal, refused, rows


@pytest.mark.parametrize("digits", UNIT_OF_DIGITS)
@pytest.mark.parametrize("end", ["", ".0"])
def test_the_unit_of_times_is_told_by_their_digits(tmp_path: Path, digits: int, end: str) -> None:
    text = f"{MS}123456"[:digits] if digits != 10 else str(MS)[:10]
    expected = MS if digits > 10 else MS // 1000 * 1000
    assert rows(read(tmp_path, f"price,timestamp\n1,{text}{end}\n")) == [(expected, None, 1, 0)]


@given(st.integers(978_307_200_000, 9_999_999_999_999), st.integers(0, 999_999))
def test_a_moment_is_the_same_in_every_unit(ms: int, finer: int) -> None:
    if ms < 10**12:
        return
    for unit, text in (
        ("s", f"{ms // 1000}.{ms % 1000:03}{finer:06}"),
        ("ms", f"{ms}"),
        ("us", f"{ms}{finer // 1000:03}"),
        ("ns", f"{ms}{finer:06}"),
    ):
        assert kind_of(text) == unit
        assert TimeReader(unit=unit).milliseconds(text) == ms


def test_half_of_one_unit_and_half_of_another_is_refused_and_each_can_be_sent(tmp_path: Path) -> None:
    content = f"price,timestamp\n1,{MS}\n2,{MS // 1000}\n3,{MS + 1}\n"
    message = refusal(tmp_path, content)
    assert "2 in milliseconds (the first is line 2), and 1 in seconds (the first is line 3)" in message
    assert "--time-unit ms, then again with --time-unit s" in message
    first, second = (read(tmp_path, content, time_unit=unit) for unit in ("ms", "s"))
    assert set(refused(first)) == {3}
    assert set(refused(second)) == {2, 4}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("0", "has 1 digit;"),
        ("-167532960", "has 9 digits;"),
        ("20230202", "'20230202' may be a day without its marks: write it as ISO 8601"),
        ("20230202092000", "may be a day without its marks"),
        ("202302020920", "may be a day without its marks"),
        ("45293.4167", "may be a day as a spreadsheet counts them: export the column as dates"),
        ("45293", "may be a day as a spreadsheet counts them"),
        ("167532960013", "has 12 digits;"),
        ("01/02/2024", "year last, so that day and month may be mixed up: write it as ISO 8601"),
        ("1.2.24 09:20", "has its year last"),
        ("2.2", "has 1 digit;"),
        ("1.67533E+12", "scientific notation"),
        ("1e12", "scientific notation"),
        ("yesterday", "neither a number since 1970 nor ISO 8601"),
        ("-1675329600138", "digits"),
        ("02/03/2023 10:00", "has its year last"),
        ("2023/2/3 10:00", "is not in milliseconds"),
        ("1969-12-31T23:59:59Z", "is not in milliseconds"),
    ],
)
def test_what_is_no_time_is_its_lines_fault(tmp_path: Path, text: str, reason: str) -> None:
    content = f"price,timestamp\n1,{MS}\n2,{text}\n"
    lines = read(tmp_path, content, time_unit="ms")
    assert list(refused(lines)) == [3]
    assert reason in refused(lines)[3]


@pytest.mark.parametrize("text", ["2023-02-02 +0000", "2023/2/3 10:00", "2023/02/02/10:00", "2023/02/021"])
def test_what_only_looks_like_iso_8601_is_refused(text: str) -> None:
    with pytest.raises(Rejected, match="is not ISO 8601"):
        TimeReader(unit="ISO 8601", zone=UTC).milliseconds(text)


@pytest.mark.parametrize(
    ("text", "file_options", "expected"),
    [
        ("2023-02-02T09:20:00.138Z", {}, MS),
        ("2023-02-02 10:20:00.138999+01:00", {}, MS),
        ("2023-02-02 09:20:00.138 UTC", {}, MS),
        ("2023-02-02T09:20:00.138000999Z", {}, MS),
        ("2023-02-02 09:20:00.138", {"time_zone": "UTC"}, MS),
        ("2023-02-02D09:20:00.138123456", {"time_zone": "UTC"}, MS),
        ("2023-02-02 10:20:00.138", {"time_zone": "Europe/Berlin"}, MS),
        ("2023-02-02", {"time_zone": "UTC"}, 1675296000000),
        ("2023-02-02 10:20:00.138 +0100", {}, MS),
        ("2023-02-02 09:20:00.138999 +0000 UTC", {}, MS),
        ("2023/02/02 18:20:00.138", {"time_zone": "Asia/Tokyo"}, MS),
        ("2023/02/02", {"time_zone": "UTC"}, 1675296000000),
    ],
)
def test_iso_8601_needs_an_offset_or_a_zone(
    tmp_path: Path, text: str, file_options: dict[str, Any], expected: int
) -> None:
    assert rows(read(tmp_path, f"price,timestamp\n1,{text}\n", **file_options)) == [(expected, None, 1, 0)]


@pytest.mark.parametrize("text", ["2023-10-29 02:30:00", "2023-03-26 02:30:00"])
def test_a_time_that_a_zone_has_twice_or_never_is_refused(tmp_path: Path, text: str) -> None:
    lines = read(tmp_path, f"price,timestamp\n1,{text}\n", time_zone="Europe/Berlin")
    assert "exists twice or not at all" in refused(lines)[2]


def test_a_time_before_1973_is_not_taken_for_another_unit() -> None:
    assert TimeReader(unit="ISO 8601").milliseconds("1971-01-01T00:00:00Z") < 10**11
    with pytest.raises(Rejected):
        TimeReader(unit="ms").milliseconds("31536000000")
