"""The chart: it fits, nothing of the prices is lost in it, and its labels are exact."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cryptoctl.core.indicators import Indicators
from cryptoctl.core.items import StoredPrice
from cryptoctl.ops.symbols import percent as changed
from cryptoctl.ui.chart import BLANK, chart
from cryptoctl.ui.sparklines import BARS
from cryptoctl.ui.streams import PLAIN, accept_any_text
from cryptoctl.ui.styles import BAD, GOOD
from cryptoctl.ui.symbols import change

PRICES = st.decimals("0.00000001", 10**9, allow_nan=False, places=8)


def stored(values: list[Decimal]) -> list[StoredPrice]:
    return [
        StoredPrice(
            symbol="BTC",
            key=Decimal(1_700_000_000_000 + 1000 * number),
            price=value,
            volume=Decimal(1),
            exchange="here",
            processed=True,
            indicators=Indicators(ma_20=value if number >= 19 else None),
        )
        for number, value in enumerate(values)
    ]


def plot(values: list[Decimal], width: int = 80, height: int = 20) -> list[str]:
    """The rows between the header and the volume."""
    return [line.plain for line in chart(stored(values), width, height)][1:-2]


def dots(row: str) -> int:
    return sum(
        (ord(character) - BLANK).bit_count() for character in row if BLANK <= ord(character) < BLANK + 256
    )


@given(st.lists(PRICES, min_size=1, max_size=300), st.integers(30, 200), st.integers(8, 40))
def test_it_fits(values: list[Decimal], width: int, height: int) -> None:
    lines = chart(stored(values), width, height)
    assert len(lines) == height
    assert max(line.cell_len for line in lines) <= width


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_where_an_encoding_has_no_dots_other_characters_stand_in_their_places(encoding: str) -> None:
    accept_any_text()
    values = [Decimal(number * number % 37) for number in range(200)]
    lines = [line.plain for line in chart(stored(values), 70, 12)]
    written = [line.encode(encoding, PLAIN).decode(encoding) for line in lines]
    assert "\\" not in "".join(written)
    assert list(map(len, written)) == list(map(len, lines))
    for line, plain in zip(lines, written, strict=True):
        drawn = [character != chr(BLANK) for character in line]
        assert drawn == [character != " " or old == " " for character, old in zip(plain, line, strict=True)]
    bars = BARS.encode(encoding, PLAIN).decode(encoding)
    assert len(set(bars)) == len(BARS)


@given(st.lists(PRICES, min_size=2, max_size=300, unique=True))
def test_the_highest_is_at_the_top_and_the_lowest_at_the_bottom(values: list[Decimal]) -> None:
    rows = plot(values)
    assert dots(rows[0]) > 0
    assert dots(rows[-1]) > 0
    top, bottom = (Decimal(rows[row].split()[0]) for row in (0, -1))
    span = max(values) - min(values)
    assert abs(top - max(values)) <= span / 100 and abs(bottom - min(values)) <= span / 100
    assert (top, bottom) == tuple(
        Decimal(f"{value:.10g}") for value in (max(values), min(values))
    ) or span < 1


@pytest.mark.parametrize("value", ["1", "1.25", "123456.789"])
def test_each_volume_stands_below_its_price(value: str) -> None:
    prices = stored([Decimal(value)] * 50)
    lines = chart(prices, 60, 12)
    assert max(len(line.plain) for line in lines[1:-2]) == len(lines[-2].plain) == 60
    assert not lines[-2].plain.endswith("…")


def test_one_price_among_thousands_is_seen() -> None:
    values = [Decimal(1)] * 3000
    values[1234] = Decimal(2)
    assert dots(plot(values)[0]) > 0


def test_a_difference_in_the_last_of_38_digits_is_seen() -> None:
    low = Decimal("1234567890123456789012345678.0000000001")
    rows = plot([low, Decimal("1234567890123456789012345678.0000000002")])
    assert dots(rows[0]) > 0
    assert dots(rows[-1]) > 0
    assert rows[0].split()[0] == "1234567890123456789012345678.0000000002"
    assert rows[-1].split()[0] == "1234567890123456789012345678.0000000001"


@pytest.mark.parametrize(
    ("before", "after"), [("1E-20", "1E+10"), ("1E-130", "9.9E+125"), ("9.9E+125", "1E-130"), ("2", "3")]
)
def test_a_change_is_shown_in_few_characters_however_large(before: str, after: str) -> None:
    header, *_ = chart(stored([Decimal(before), Decimal(after)]), 400, 20)
    shown = change(changed(Decimal(before), Decimal(after))).plain
    assert shown in header.plain and 6 <= len(shown) <= 14


@pytest.mark.parametrize(
    ("percent", "shown", "style"),
    [
        ("12.345", "+12.34 %", GOOD),
        ("-0.006", "-0.01 %", BAD),
        ("0.004", "+0.00 %", ""),
        ("-999999.99", "-999999.99 %", BAD),
        ("1e6", "+1.0e+6 %", GOOD),
        ("123456789e30", "+1.2e+38 %", GOOD),
    ],
)
def test_a_change_has_its_sign_and_colour(percent: str, shown: str, style: str) -> None:
    assert (change(Decimal(percent)).plain, change(Decimal(percent)).style) == (shown, style)


@pytest.mark.parametrize("count", [1, 2, 300])
def test_equal_prices_are_a_straight_line(count: int) -> None:
    assert sum(dots(row) > 0 for row in plot([Decimal(5)] * count)) == 1


@pytest.mark.parametrize("width", [60, 80, 200])
def test_price_and_average_differ_in_shape_as_in_colour(width: int) -> None:
    line = chart(stored([Decimal(number) for number in range(60)]), width, 20)[0]
    assert line.plain.endswith("━ price  ┅ ma_20")
    assert "▲ " not in line.plain  # from zero there is no percentage


def test_below_it_stands_from_when_to_when_and_how_many() -> None:
    prices = stored([Decimal(number) for number in range(1, 61)])
    assert chart(prices, 80, 20)[-1].plain.strip() == (
        "2023-11-14 22:13:20 to 22:14:19 UTC  60 prices, all enriched"
    )
    prices[0] = replace(prices[0], key=Decimal(1_699_900_000_000), processed=False)
    assert chart(prices, 100, 20)[-1].plain.strip() == (
        "2023-11-13 18:26:40 to 2023-11-14 22:14:19 UTC  60 prices, 1 not enriched"
    )


@given(PRICES, st.integers(1, 100), st.integers(8, 40))
def test_a_price_that_does_not_change_has_one_label_beside_its_line(
    value: Decimal, count: int, height: int
) -> None:
    labelled = [row for row in plot([value] * count, height=height) if "┤" in row]
    drawn = [row for row in plot([value] * count, height=height) if dots(row)]
    assert labelled == drawn and len(drawn) == 1
    assert Decimal(drawn[0].split()[0]) == Decimal(f"{value:.10g}")


def test_an_even_volume_is_an_even_row_however_many_prices_a_bar_stands_for() -> None:
    name, bars = chart(stored([Decimal(1)] * 100), 80, 12)[-2].plain.split()
    assert (name, set(bars)) == ("volume", {BARS[-1]})
