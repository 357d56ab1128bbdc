"""A preset that a person has named, of a file without a header: its rows have their say."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from files.reading import MS, read, refusal, refused, rows

D = Decimal
CANDLES = ["1646092800000,2919.1,2925.5,2930,2900,49", "1646092860000,2925.5,2921,2926,2920,1"]


def test_a_preset_that_the_numbers_contradict_is_refused(tmp_path: Path) -> None:
    content = "\n".join([*CANDLES, ""])
    message = refusal(tmp_path, content, preset="candles-timestamp")
    assert "is no dump of candles" in message
    assert "as in '1646092800000, 2919.1, 2925.5, 2930, 290…'" in message
    assert rows(read(tmp_path, content, preset="bitfinex-candles"))[0][2] == D("2925.5")
    assert "is no dump of freqtrade" in refusal(tmp_path, f"{MS},a,,buy,100,0.5,77\n", preset="freqtrade")


FUTURES = (
    "14458413,7189.43,0.026,186.92,1577836801481,true\n14458414,7189.40,0.011,79.08,1577836801483,false\n"
)


@pytest.mark.parametrize("file_options", [{}, {"preset": "binance-futures-trades"}])
def test_a_cost_that_is_cut_off_at_cents_contradicts_nothing(
    tmp_path: Path, file_options: dict[str, str]
) -> None:
    prices = rows(read(tmp_path, FUTURES, **file_options))
    assert prices == [
        (1577836801481, "14458413", D("7189.43"), D("0.026")),
        (1577836801483, "14458414", D("7189.4"), D("0.011")),
    ]


@pytest.mark.parametrize("cost", ["0.04", "0.0004", "186", "187.93"])
def test_a_cost_of_something_else_contradicts(tmp_path: Path, cost: str) -> None:
    content = f"14458413,7189.43,0.026,{cost},1577836801481,true\n"
    assert "its numbers contradict each other" in refusal(tmp_path, content, preset="binance-futures-trades")


def test_one_candle_that_is_wrong_does_not_forbid_the_preset(tmp_path: Path) -> None:
    content = "\n".join([*CANDLES, "1646092920000,2925.5,2931,2926,2920,1", ""])
    assert [row[2] for row in rows(read(tmp_path, content, preset="bitfinex-candles"))] == [
        D("2925.5"),
        D("2921"),
        D("2931"),
    ]


HTX = "3367512399,1646092800123,43160.1,0.5,buy\n3367512400,1646092800456,43160.2,0.1,sell\n"
GATE = "1646092800.123456,3367512399,43160.1,0.5,1\n1646092801.000001,3367512400,43160.2,0.1,2\n"


@pytest.mark.parametrize(("content", "preset", "preset_named"), [(HTX, "gate", "htx"), (GATE, "htx", "gate")])
def test_a_preset_whose_time_is_another_s_id_is_refused(
    tmp_path: Path, content: str, preset: str, preset_named: str
) -> None:
    message = refusal(tmp_path, content, preset=preset)
    assert "its cells are of the kinds that one of" in message
    assert f"Add --preset {preset_named}, or" in message
    assert [row[1] for row in rows(read(tmp_path, content, preset=preset_named))] == [
        "3367512399",
        "3367512400",
    ]


def test_a_line_of_another_kind_does_not_forbid_the_preset(tmp_path: Path) -> None:
    content = f"{GATE}1646092802.5,3367512401,x,0.1,2\n"
    assert [*refused(read(tmp_path, content, preset="gate"))] == [3]


def test_candles_whose_volume_comes_first_are_told_by_their_cells(tmp_path: Path) -> None:
    content = "1646092800,49,2925.5,2930,2900,2919.1\n1646092860,1,2921,2926,2920,2925.5\n"
    expected = [(1646092800000, None, Decimal("2925.5"), 49), (1646092860000, None, 2921, 1)]
    assert rows(read(tmp_path, content)) == expected


def test_a_minute_of_one_trade_in_them_is_not_taken_for_a_candle_of_coinbase_s(tmp_path: Path) -> None:
    content = "1646092800,1,5,5,5,5\n1646092860,0,5,5,5,5\n"
    message = refusal(tmp_path, content)
    assert "--preset gate-candles (timestamp, volume, close, high, low, open)" in message
    prices = rows(read(tmp_path, content, preset="gate-candles"))
    assert prices == [(1646092800000, None, 5, 1), (1646092860000, None, 5, 0)]
