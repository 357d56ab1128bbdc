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
    said = refusal(tmp_path, content, preset="candles-timestamp")
    assert "is no dump of candles" in said
    assert "as in '1646092800000, 2919.1, 2925.5, 2930, 290…'" in said
    assert rows(read(tmp_path, content, preset="bitfinex-candles"))[0][2] == D("2925.5")
    assert "is no dump of freqtrade" in refusal(tmp_path, f"{MS},a,,buy,100,0.5,77\n", preset="freqtrade")


def test_one_candle_that_is_wrong_does_not_forbid_the_preset(tmp_path: Path) -> None:
    content = "\n".join([*CANDLES, "1646092920000,2925.5,2931,2926,2920,1", ""])
    assert [each[2] for each in rows(read(tmp_path, content, preset="bitfinex-candles"))] == [
        D("2925.5"),
        D("2921"),
        D("2931"),
    ]


HTX = "3367512399,1646092800123,43160.1,0.5,buy\n3367512400,1646092800456,43160.2,0.1,sell\n"
GATE = "1646092800.123456,3367512399,43160.1,0.5,1\n1646092801.000001,3367512400,43160.2,0.1,2\n"


@pytest.mark.parametrize(("content", "preset", "meant"), [(HTX, "gate", "htx"), (GATE, "htx", "gate")])
def test_a_preset_whose_time_is_another_s_id_is_refused(
    tmp_path: Path, content: str, preset: str, meant: str
) -> None:
    said = refusal(tmp_path, content, preset=preset)
    assert "its cells are of the kinds that one of" in said
    assert f"Add --preset {meant}, or" in said
    assert [each[1] for each in rows(read(tmp_path, content, preset=meant))] == ["3367512399", "3367512400"]


def test_a_line_of_another_kind_does_not_forbid_the_preset(tmp_path: Path) -> None:
    content = f"{GATE}1646092802.5,3367512401,x,0.1,2\n"
    assert [*refused(read(tmp_path, content, preset="gate"))] == [3]
