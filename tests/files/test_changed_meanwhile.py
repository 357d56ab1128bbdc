"""A file is read through and then sent: what somebody changes meanwhile is said."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from cryptoctl.errors import Failure
from cryptoctl.files.reader import CHECKED_RECORDS, PriceFile
from files.reading import MS, NOW_MS, PriceLines, opened

LINES = 3 * CHECKED_RECORDS
HEADER, SWAPPED = "timestamp,price,volume\n", "timestamp,volume,price\n"
ROWS = [f"{MS + n},100,5\n" for n in range(LINES)]


def refuse(file: PriceFile, reason: str) -> None:
    """The file fails before anything of it is given."""
    lines: PriceLines = []
    with pytest.raises(Failure, match=reason):
        lines.extend(file.prices(lambda: NOW_MS))
    assert lines == []


@pytest.mark.parametrize(
    "now",
    [
        SWAPPED + "".join(ROWS),
        SWAPPED + "".join(ROWS) + ROWS[0],
        HEADER + "".join(ROWS[:-1]),
        HEADER,
    ],
)
def test_one_that_is_written_anew_before_it_is_sent_is_not_sent(tmp_path: Path, now: str) -> None:
    file = opened(tmp_path, HEADER + "".join(ROWS))
    (tmp_path / "prices.csv").write_text(now, encoding="utf-8")
    refuse(file, "^prices.csv was changed after it had been read through")


def test_one_in_whose_place_another_is_put_is_not_sent(tmp_path: Path) -> None:
    file = opened(tmp_path, HEADER + "".join(ROWS))
    other = tmp_path / "other.csv"
    other.write_text(HEADER + "".join(ROWS).replace(",100,", ",101,"), encoding="utf-8")
    other.replace(tmp_path / "prices.csv")
    refuse(file, "was changed")


def test_an_archive_that_is_written_anew_is_not_sent(tmp_path: Path) -> None:
    def write(content: str) -> bytes:
        with zipfile.ZipFile(tmp_path / "made.zip", "w") as archive:
            archive.writestr("a.csv", content)
        return (tmp_path / "made.zip").read_bytes()

    file = opened(tmp_path, write(HEADER + "".join(ROWS)), "prices.zip")
    (tmp_path / "prices.zip").write_bytes(write(SWAPPED + "".join(ROWS)))
    refuse(file, "was changed|damaged")


@pytest.mark.parametrize("change", [lambda file: file.write_text(SWAPPED + "".join(ROWS)), Path.unlink])
def test_one_that_is_changed_while_it_is_sent_ends_there(
    tmp_path: Path, change: Callable[[Path], None]
) -> None:
    file = opened(tmp_path, HEADER + "".join(ROWS))
    prices = file.prices(lambda: NOW_MS)
    lines = [next(prices) for _ in range(CHECKED_RECORDS)]
    change(tmp_path / "prices.csv")
    with pytest.raises(Failure, match="was changed"):
        lines.extend(prices)
    assert len(lines) == CHECKED_RECORDS


def test_of_one_that_has_grown_what_was_read_through_is_sent(tmp_path: Path) -> None:
    file = opened(tmp_path, HEADER + "".join(ROWS))
    with (tmp_path / "prices.csv").open("a", encoding="utf-8") as recorder:
        recorder.write(f"{MS},7,7\n")
    assert len(list(file.prices(lambda: NOW_MS))) == LINES


@pytest.mark.parametrize(
    ("content", "may_be"),
    [
        (HEADER + ROWS[0], False),
        (HEADER + ROWS[0].rstrip(), True),
        ("timestamp,price,note\n" + ROWS[0].rstrip(), False),  # nothing is lost but a part of a note
        ((HEADER + ROWS[0]).encode("utf-16"), False),
        ((HEADER + ROWS[0].rstrip()).encode("utf-16"), True),
        (f'{{"timestamp":{MS},"price":1}}', False),  # JSON says by itself where it ends
    ],
)
def test_whether_the_last_value_may_be_cut_short_is_known(
    tmp_path: Path, content: str | bytes, may_be: bool
) -> None:
    assert opened(tmp_path, content).may_be_cut == may_be
