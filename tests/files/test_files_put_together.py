"""A CSV file with a second header: each row is read by the names above it, or the file is refused."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from cryptoctl.errors import Failure
from cryptoctl.files.reader import open_files
from files.reading import MS, NOW_MS, PLAIN, options, read, refusal, refused


@pytest.mark.parametrize(
    "names", ["timestamp,id,volume,price", '"Timestamp","ID","Volume","Price"', "time,id,volume,price"]
)
def test_files_put_together_whose_columns_stand_in_another_order_are_refused(
    tmp_path: Path, names: str
) -> None:
    text = refusal(tmp_path, f"{PLAIN}{names}\n{MS + 2},9,0.5,1666.70\n")
    assert "Line 4 of prices.csv names the columns again, and 'price' is another one" in text


@pytest.mark.parametrize(
    "names", ["timestamp,id,bid,ask", "Timestamp,order_id,last,volume", "time,tid,qty,px", "ts,seq,Last,Size"]
)
def test_files_put_together_that_have_other_columns_in_the_same_places_are_refused(
    tmp_path: Path, names: str
) -> None:
    text = refusal(tmp_path, f"{PLAIN}{names}\n{MS + 2},9,1666.70,0.5\n")
    assert "Line 4 of prices.csv names the columns again, and " in text
    assert "is another one from there on. If it is a caption, take it out; else take the file apart" in text


@pytest.mark.parametrize(
    "line",
    [
        *("timestamp,id,price,volume", "TIMESTAMP,Id,price,volume", "x,price,nan,", "timestamp,id,price,"),
        *("timestamp,,,", "timestamp,id,NaN,n/a", "UTC,text,USD,BTC", "timestamp,error,error,error"),
    ],
)
def test_a_header_that_is_only_repeated_is_its_lines_fault(tmp_path: Path, line: str) -> None:
    lines = read(tmp_path, f"{PLAIN}{line}\n{MS + 2},9,1666.70,0.5\n")
    assert [*refused(lines)] == [4]
    assert len(lines) == 4


def test_a_stream_ends_at_a_header_in_another_order(monkeypatch: pytest.MonkeyPatch) -> None:
    content = f"{PLAIN}timestamp,id,volume,price\n{MS + 2},9,0.5,1666.70\n"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content.encode())))
    [file] = open_files([Path("-")], options(time_unit="ms")).files
    lines = file.prices(lambda: NOW_MS)
    assert [next(lines).line, next(lines).line] == [2, 3]
    with pytest.raises(Failure, match=r"Line 4 of standard input names the columns again"):
        next(lines)
