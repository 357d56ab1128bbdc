"""Decimal commas, as spreadsheets of half of the world write them: read where nothing else can be meant."""

from __future__ import annotations

import io
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from cryptoctl.files.reader import open_files
from files.reading import MS, NOW_MS, PriceLines, options, read, refusal, refused, rows


def table(*numbers: tuple[str, str], separator: str = ";") -> str:
    lines = [("timestamp", "price", "volume"), *((str(MS), *row) for row in numbers)]
    return "".join(f"{separator.join(line)}\n" for line in lines)


@pytest.mark.parametrize("separator", [";", "\t", "|"])
@pytest.mark.parametrize("price", ["65000,50", "65.000,50", "65\u00a0000,5", "65\u202f000,5", "65'000,5"])
def test_prices_that_can_only_have_decimal_commas_are_read(
    tmp_path: Path, price: str, separator: str
) -> None:
    lines = read(tmp_path, table((price, "0,5"), ("65000", "1"), separator=separator))
    assert rows(lines) == [
        (MS, None, Decimal("65000.5"), Decimal("0.5")),
        (MS, None, Decimal(65000), Decimal(1)),
    ]


def test_a_quoted_decimal_comma_is_read_where_commas_separate(tmp_path: Path) -> None:
    content = f'timestamp,price\n{MS},"65.000,5"\n{MS},"1,500"\n'
    assert [row[2] for row in rows(read(tmp_path, content))] == [Decimal("65000.5"), Decimal("1.5")]


@pytest.mark.parametrize("separator", [";", "\t", ","])
def test_a_comma_before_a_point_stands_between_thousands(tmp_path: Path, separator: str) -> None:
    numbers = [('"1,065,000.50"', '"1,200."'), ('"65,000.500"', "1"), ("999.5", "1")]
    content = table(*numbers, separator=separator)
    prices = [Decimal("1065000.5"), Decimal("65000.5"), Decimal("999.5")]
    assert [row[2] for row in rows(read(tmp_path, content))] == prices
    doubtful = read(tmp_path, content + f'{MS}{separator}"65,000"{separator}1\n')
    assert "'65,000' has a comma" in refused(doubtful)[5]
    wrong = read(tmp_path, content + f'{MS}{separator}"1,06,000.5"{separator}1\n')
    assert "'1,06,000.5' has a comma" in refused(wrong)[5]


def test_a_comma_before_a_point_shows_that_a_later_comma_is_no_decimal_sign(tmp_path: Path) -> None:
    assert "have two decimal signs" in refusal(tmp_path, table(("65,000.50", "1"), ("65000,5", "1")))
    message = refused(read(tmp_path, table(("65,000.50", "1")), decimal=","))[2]
    assert "has a point, though the decimal sign is a comma" in message
    assert rows(read(tmp_path, f'{{"timestamp": {MS}, "price": "65,000.50"}}\n'))[0][2] == Decimal("65000.5")


@pytest.mark.parametrize("other_row", [("65.000,50", "1"), ("1", "0,5"), ("1.234.567", "1")])
def test_a_point_that_may_stand_between_thousands_is_never_a_decimal_sign_beside_a_comma(
    tmp_path: Path, other_row: tuple[str, str]
) -> None:
    content = table(*[("64", "1")] * 100, ("65.000", "1"), other_row)
    assert "'65.000' has a point, though the decimal sign is a comma" in refused(read(tmp_path, content))[102]


def test_where_no_number_tells_what_a_point_is_the_file_is_refused(tmp_path: Path) -> None:
    content = table(("65.000", "1"), ("65.100", "2"))
    message = refusal(tmp_path, content)
    assert "The point of '65.000' in line 2 of prices.csv may be the decimal sign" in message
    assert "If it is the decimal sign, add --decimal ." in message
    assert [row[2] for row in rows(read(tmp_path, content, decimal="."))] == [65, Decimal("65.1")]


@pytest.mark.parametrize("telling", [("0.523", "1"), ("1666.805", "1"), ("1", "1.5"), ("1", "1.500E-8")])
def test_one_number_tells_that_points_are_decimal_signs(tmp_path: Path, telling: tuple[str, str]) -> None:
    assert rows(read(tmp_path, table(("65.000", "1"), telling)))[0][2] == 65


def test_where_commas_separate_a_point_is_the_decimal_sign(tmp_path: Path) -> None:
    assert rows(read(tmp_path, table(("93.700", "1"), separator=",")))[0][2] == Decimal("93.7")


def test_where_commas_separate_too_a_later_decimal_comma_tells_what_points_are(tmp_path: Path) -> None:
    content = table(*[('"64.000"', "1")] * 100, ('"65.000,5"', "1"), separator=",")
    lines = read(tmp_path, content)
    assert [*refused(lines)] == [*range(2, 102)]


def test_two_decimal_signs_in_a_file_refuse_it(tmp_path: Path) -> None:
    message = refusal(tmp_path, table(("65000,5", "1"), ("65000", "1.5")))
    assert (
        "The numbers of prices.csv have two decimal signs: '65000,5' in line 2, and '1.5' in line 3."
        in message
    )


def stream(monkeypatch: pytest.MonkeyPatch, content: str) -> PriceLines:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content.encode())))
    [file] = open_files([Path("-")], options(time_unit="ms")).files
    return list(file.prices(lambda: NOW_MS))


def test_of_a_stream_the_first_records_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = stream(monkeypatch, table(("65.000,5", "1"), ("65.000", "1")))
    assert [*refused(lines)] == [3]


def test_of_a_stream_whose_first_records_tell_nothing_a_doubtful_number_is_its_lines_fault(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    later = ["65.000", "65001", "65.100", "65.5", "65.000"]
    lines = stream(monkeypatch, table(*[("65000", "1")] * 100, *((price, "1") for price in later)))
    assert [*refused(lines)] == [102, 104]
    assert "the point of '65.000' may be the decimal sign" in refused(lines)[102]
    assert "if it is the decimal sign, add --decimal ." in refused(lines)[102]
    lines = stream(monkeypatch, table(*[("65000", "1")] * 100, ("65000,5", "1"), ("65.000", "1")))
    assert [*refused(lines)] == [102, 103]


@pytest.mark.parametrize("separator", [",", ";"])
@pytest.mark.parametrize("price", ["65'000.5", "65’000.50", "65 000.5", "65\u00a0000.5"])
def test_what_stands_between_thousands_beyond_doubt_is_taken_out_before_a_decimal_point_too(
    tmp_path: Path, price: str, separator: str
) -> None:
    lines = read(tmp_path, table((price, "0.5"), ("1'234.567", "1"), separator=separator))
    assert [row[2] for row in rows(lines)] == [Decimal("65000.5"), Decimal("1234.567")]


@pytest.mark.parametrize("number", ["1'234.567", "1'234,567"])
def test_behind_an_apostrophe_between_millions_a_mark_may_stand_between_thousands(
    tmp_path: Path, number: str
) -> None:
    assert number in refusal(tmp_path, table((number, "1")))


def test_a_number_with_two_decimal_commas_is_shown_as_it_is(tmp_path: Path) -> None:
    lines = read(tmp_path, table(("1,2,3", "0,5")))
    assert refused(lines) == {2: "price: '1,2,3' has more than one comma"}


@pytest.mark.parametrize("price", ["65000,50", "65.000,50", "65 000,50"])
def test_json_is_told_the_option_with_which_it_is_read(tmp_path: Path, price: str) -> None:
    content = f'{{"timestamp": {MS}, "price": "{price}"}}\n'
    assert "add --decimal ," in refusal(tmp_path, content)
    assert "Export the file without the marks" not in refusal(tmp_path, content)
    assert rows(read(tmp_path, content, decimal=","))[0][2] == Decimal("65000.5")
