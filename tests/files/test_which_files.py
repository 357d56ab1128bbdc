"""Files, directories, archives and standard input: which are read, and what is passed over."""

from __future__ import annotations

import gzip
import io
import os
import re
import sys
import warnings
import zipfile
from pathlib import Path
from typing import Any

import pytest

from cryptoctl.errors import Failure
from cryptoctl.files.reader import open_files
from files.reading import EXPECTED, MS, PLAIN, TWO, options, read, rows, sent
from files.test_compression import zipped


def test_several_files_and_directories_are_read_in_order(tmp_path: Path) -> None:
    below = tmp_path / "below"
    below.mkdir()
    (below / ".hidden.csv").write_text("x", encoding="utf-8")
    (below / "notes.md").write_text("x", encoding="utf-8")
    (below / "back").symlink_to(tmp_path)
    (below / "broken.csv").symlink_to(below / "nothing.csv")
    (below / "linked.csv").symlink_to(below / "1.csv.gz")
    if hasattr(os, "mkfifo"):
        os.mkfifo(below / "pipe.csv")
    (below / "2.jsonl").write_text(TWO, encoding="utf-8")
    (below / "1.csv.gz").write_bytes(gzip.compress(PLAIN.encode()))
    (tmp_path / "a.zip").write_bytes(zipped(PLAIN.encode(), "x/2.csv", "1.csv"))
    opened = open_files([tmp_path / "a.zip", below], options())
    names = [file.name.removeprefix(f"{tmp_path}/") for file in opened.files]
    assert names == ["a.zip/1.csv", "a.zip/x/2.csv", "below/1.csv.gz", "below/2.jsonl", "below/linked.csv"]
    passed_over = [Path(path).name for path in opened.passed_over if "pipe" not in path]
    assert passed_over == [".hidden.csv", "back", "broken.csv", "notes.md"]
    assert any("pipe.csv" in path for path in opened.passed_over) == hasattr(os, "mkfifo")


@pytest.mark.parametrize("piped", [False, True])
def test_what_lies_beside_the_prices_in_an_archive_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, piped: bool
) -> None:
    content = zipped(
        PLAIN.encode(), "a/.DS_Store", "__MACOSX/a/._1.csv", "a/1.csv", "a/1.csv.CHECKSUM", "LICENSE"
    )
    (tmp_path / "a.zip").write_bytes(content)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    opened = open_files([Path("-") if piped else tmp_path / "a.zip"], options())
    name = "standard input" if piped else "a.zip"
    assert [file.name for file in opened.files] == [f"{name}/a/1.csv"]
    assert opened.passed_over == [f"{name}/{path}" for path in ("a/.DS_Store", "a/1.csv.CHECKSUM", "LICENSE")]


@pytest.mark.parametrize("name", ["trades", "trades.dat", ".hidden.csv"])
def test_an_archive_of_one_file_is_read_whatever_that_is_named(tmp_path: Path, name: str) -> None:
    assert rows(read(tmp_path, zipped(PLAIN.encode(), name), "a.zip")) == EXPECTED


def test_two_members_of_an_archive_with_one_name_are_both_read(tmp_path: Path) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as written:
        for number in (7, 8):
            with warnings.catch_warnings(action="ignore"):
                written.writestr("a.csv", f"timestamp,id,price\n{MS},{number},1\n")
    (tmp_path / "a.zip").write_bytes(archive.getvalue())
    files = open_files([tmp_path / "a.zip"], options()).files
    assert [rows(list(file.prices(lambda: MS)))[0][1] for file in files] == ["7", "8"]


@pytest.mark.parametrize(
    ("key", "field"), [("symbol", "symbol"), ("ticker", "symbol"), ("exchange", "exchange")]
)
def test_directories_that_say_the_symbol_do_not_become_the_given_one(
    tmp_path: Path, key: str, field: str
) -> None:
    for name in ("a", "b"):
        below = tmp_path / "v1" / f"{key}={name}" / "date=2024-01-02"
        below.mkdir(parents=True)
        (below / "0.csv").write_text(PLAIN, encoding="utf-8")
    with pytest.raises(Failure, match=f"say which {field} is in them") as raised:
        open_files([tmp_path], options())
    assert f"--file {tmp_path}/v1/{key}=a --{field} a." in raised.value.hint
    assert len(open_files([tmp_path / "v1" / f"{key}=a"], options()).files) == 1


def test_files_that_say_the_symbol_as_their_directories_do_are_read(tmp_path: Path) -> None:
    for name in ("A", "B"):
        (tmp_path / f"symbol={name}").mkdir()
        (tmp_path / f"symbol={name}" / "0.csv").write_text(f"timestamp,price,symbol\n{MS},1,{name}\n")
    files = open_files([tmp_path], options(symbol=None)).files
    assert [price["symbol"] for file in files for price in sent(list(file.prices(lambda: MS)))] == ["A", "B"]


def test_a_path_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        Failure, match=f"^{re.escape(str(tmp_path))}/nowhere.csv cannot be read: No such file"
    ):
        open_files([tmp_path / "nowhere.csv"], options())
    for address in ("https://example.com/a.csv", "s3://bucket/a.csv"):
        with pytest.raises(Failure, match=f"no {address.partition(':')[0]} address") as raised:
            open_files([Path(address)], options())
        assert "--file -" in raised.value.hint
    (tmp_path / "empty").mkdir()
    with pytest.raises(Failure, match="no file of prices"):
        open_files([tmp_path / "empty"], options())


@pytest.mark.parametrize(
    "how", [lambda content: content, gzip.compress, lambda content: zipped(content, "a.csv")]
)
@pytest.mark.parametrize("time_unit", [None, "ms"])
def test_standard_input_is_read_as_a_file(
    monkeypatch: pytest.MonkeyPatch, how: Any, time_unit: str | None
) -> None:
    stream = io.TextIOWrapper(io.BytesIO(how(PLAIN.encode())))
    monkeypatch.setattr(sys, "stdin", stream)
    [file] = open_files([Path("-")], options(time_unit=time_unit)).files
    assert rows(list(file.prices(lambda: MS))) == EXPECTED
