"""A preset that a person has named, of a file without a header: its rows have their say."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from files.reading import MS, read, refusal, rows

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
