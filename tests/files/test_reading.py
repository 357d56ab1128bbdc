"""Bytes, text, lines, records: every usual form of a file is read, and what is not certain is refused."""

from __future__ import annotations

import gzip
import io
import os
import re
import sys
import warnings
import zipfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cryptoctl.errors import Failure
from cryptoctl.files.delimited import splitter
from cryptoctl.files.json_scanner import JsonScanner, ScanError
from cryptoctl.files.reader import open_files
from cryptoctl.files.records import Fault
from files.reading import EXPECTED, MS, PLAIN, options, read, refusal, refused, rows, sent
from files.test_compression import DEFLATE64, zipped

ONE, TWO = f'{{"price": 1.10, "timestamp": {MS}}}', f'{{"price": 2, "timestamp": {MS + 1}, "id": 7}}'


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_any_line_end_and_any_encoding_that_its_mark_tells(tmp_path: Path, encoding: str, end: str) -> None:
    assert rows(read(tmp_path, PLAIN.replace("\n", end).encode(encoding))) == EXPECTED


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("quote", ["", '"', "'"])
def test_any_usual_separator_and_quotation_mark(tmp_path: Path, separator: str, quote: str) -> None:
    lines = [separator.join(f"{quote}{cell}{quote}" for cell in line.split(",")) for line in PLAIN.split()]
    assert rows(read(tmp_path, "\n".join(lines))) == EXPECTED


@pytest.mark.parametrize(
    "content",
    [
        f"sep=;\n{PLAIN.replace(',', ';')}",
        f'"sep=;"\n{PLAIN.replace(",", ";")}',
        "sep=\t\n" + PLAIN.replace(",", "\t"),
        f"\n\n{PLAIN}\n\n",
        PLAIN.replace(",", " , "),
        PLAIN.replace(",volume", ",volume,note")
        .replace("062\n", '062,"a, ""b"""\n')
        .replace("152\n", "152,\n"),
        PLAIN.title().replace("Volume", "VOLUME"),
    ],
)
def test_what_stands_around_the_values_changes_nothing(tmp_path: Path, content: str) -> None:
    assert rows(read(tmp_path, content)) == EXPECTED


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"\n \n", "is empty"),
        (PLAIN.encode("utf-16-le"), "looks like UTF-16"),
        (
            f"exchange,price,timestamp\nB\u00f6rse,1,{MS}\n".encode("latin-1"),
            "not UTF-8 text: about line 2, byte 0xf6",
        ),
        (zipped(b"", "xl/workbook.xml"), "an Excel workbook"),
        (DEFLATE64, "compressed in a way that cannot be read"),
        (b"\xd0\xcf\x11\xe0 old", "an Excel workbook"),
        (b"%PDF-1.7", "a PDF document"),
        (b"<!DOCTYPE html><html>404</html>", "a web page"),
        (b"SQLite format 3\x00", "an SQLite database"),
        (b"timestamp,price\n1,2" + b"x" * 1_100_000, "longer than 1000000 characters"),
        (f"timestamp price\n{MS} 1\n", "--separator space"),
        ("1646092800;1,5;2,5\n1646092801;1,5;2,5\n", "--separator"),
    ],
)
def test_what_cannot_be_read_for_certain_is_refused_by_its_name(
    tmp_path: Path, content: bytes | str, said: str
) -> None:
    assert said in refusal(tmp_path, content)


def test_a_byte_that_is_not_utf8_is_found_before_anything_is_sent(tmp_path: Path) -> None:
    content = PLAIN.encode() + b"".join(b"%d,%d,1,2\n" % (MS + n, n) for n in range(9, 20_000)) + b"\xff"
    assert "about line 19995" in refusal(tmp_path, content)


def test_an_encoding_can_be_named(tmp_path: Path) -> None:
    content = f"exchange,price,timestamp\nB\u00f6rse,1,{MS}\n".encode("windows-1252")
    assert sent(read(tmp_path, content, encoding="windows-1252"))[0]["exchange"] == "B\u00f6rse"
    assert "not an encoding" in refusal(tmp_path, content, encoding="klingon")


@pytest.mark.parametrize(
    "encoding", ["utf-8", "UTF8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "utf-32-le"]
)
def test_a_byte_order_mark_is_no_part_of_the_text_though_the_encoding_is_named(
    tmp_path: Path, encoding: str
) -> None:
    marked = "utf-8-sig" if "8" in encoding else encoding.removesuffix("-le")
    content = f"{PLAIN.splitlines()[1]}\n"
    names = ("timestamp", "id", "price", "volume")
    found = read(tmp_path, content.encode(marked), encoding=encoding, columns=names)
    assert rows(found) == EXPECTED[:1]
    assert rows(read(tmp_path, f"[{ONE}]".encode(marked), encoding=encoding))[0][0] == MS


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "idna"])
def test_a_text_that_is_not_in_the_named_encoding_is_refused(tmp_path: Path, encoding: str) -> None:
    assert f"is not {encoding} text" in refusal(tmp_path, PLAIN.encode("utf-16-le"), encoding=encoding)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('1,"2', "not closed on this line"),
        ('1,2"', "in the middle of a field"),
        ('1,"2"3', "in the middle of a field"),
        ("1", "has 1 columns where the first line has 2"),
        ("1,2,3", "has 3 columns where the first line has 2"),
        (f"1.5,{MS}\0", "NUL"),
        (f",{MS}", "price: is empty"),
        ("1,", "timestamp: is empty"),
        (f"nan,{MS}", "price: is empty (nan)"),
        (",", "price: is empty; timestamp: is empty"),
        (f"1 000,{MS}", "price: not a finite decimal number"),
        (f'"1,000",{MS}', "--decimal ,"),
    ],
)
def test_a_fault_is_its_lines_alone(tmp_path: Path, line: str, reason: str) -> None:
    content = f"price,timestamp\n1,{MS}\n{line}\n3,{MS + 1}\n"
    found = read(tmp_path, content)
    assert list(refused(found)) == [3]
    assert reason in refused(found)[3]
    assert len(found) == 3


def test_the_lines_of_a_field_with_line_breaks_are_all_refused(tmp_path: Path) -> None:
    content = f'price,timestamp,note\n1,{MS},"a\n9,{MS},b\n2,{MS},c"\n3,{MS},d\n'
    assert set(refused(read(tmp_path, content))) == {2, 3, 4}


@given(st.lists(st.text(st.characters(exclude_characters="\n\r\0", codec="utf-8"), max_size=8), min_size=1))
def test_what_is_quoted_is_split_as_it_was(cells: list[str]) -> None:
    line = ";".join('"' + cell.replace('"', '""') + '"' for cell in cells)
    assert splitter(";", '"')(line) == [cell.strip() for cell in cells]


@given(st.text('ab",;\t |', max_size=12), st.sampled_from(",;\t|"))
def test_any_line_is_split_or_is_a_fault(line: str, separator: str) -> None:
    found = splitter(separator, '"')(line)
    assert isinstance(found, Fault) or len(found) >= 1


@pytest.mark.parametrize(
    "content",
    [
        f"{ONE}\n{TWO}\n",
        f"\n{ONE}\r\n\r\n{TWO}",
        f"{ONE}{TWO}",
        f"[{ONE},{TWO}]",
        f"[\n  {ONE},\n  {TWO}\n]\n",
        f"[{ONE},\n{TWO}]",
        f'{{"prices": [{ONE}, {TWO}], "next": null}}',
        f'{{"code": 0, "data": {{"list": [{ONE}, {TWO}], "empty": []}}}}',
        f"{ONE}\n{TWO}\n".replace(", ", ",\n "),
        ONE.replace(", ", ",\n ") + "\n" + TWO,
    ],
)
def test_json_in_any_usual_form(tmp_path: Path, content: str) -> None:
    assert rows(read(tmp_path, content)) == [(MS, None, Decimal("1.1"), 0), (MS + 1, "7", 2, 0)]


def test_json_of_one_record(tmp_path: Path) -> None:
    for content in (
        ONE,
        ONE.replace(", ", ",\n"),
        f"[{ONE}]",
        f'{{"data": [{ONE}]}}',
        f'{{"data":\n[{ONE}]}}',
    ):
        assert rows(read(tmp_path, content)) == [(MS, None, Decimal("1.1"), 0)]


def test_numbers_keep_the_digits_that_a_float_would_lose(tmp_path: Path) -> None:
    content = f'[{{"price": 0.1000000000000000055511, "timestamp": {MS}, "volume": 1e-8}}]'
    assert rows(read(tmp_path, content)) == [(MS, None, Decimal("0.1000000000000000055511"), Decimal("1e-8"))]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (f"[{ONE},{TWO[:20]}", "the text ends"),
        (f"[{ONE} {TWO}]", "`,` is expected"),
        (f"[{ONE}] x", "the end of the file is expected"),
        (f'{{"a": [{ONE}], "b": [{TWO}]}}', "--records a, --records b"),
        (f'{{"a": [{ONE}], "b" [{TWO}]}}', "`:` is expected"),
        (f"[{ONE}][{TWO}]", "another list begins in line 1, after the end of the first. Join them into one"),
        (f"[\n{ONE}\n]\n[\n{TWO}\n]\n", "another list begins in line 4"),
        (f"[{ONE}]\n[{TWO}]\n", "its first, 1, is a list of records: put all into one list"),
        (f"{ONE},\n{TWO},\n", "in line 1, a comma stands where no list is open. Take such commas out"),
        (f"{ONE},\n{TWO}\n", "in line 1, a comma stands where no list is open"),
        (f"[{MS},1],\n[{MS},2],\n", "in line 1, a comma stands where no list is open"),
        (ONE.replace(", ", ",\n") + ",\n" + TWO, "in line 2, a comma stands where no list is open"),
    ],
)
def test_json_that_is_broken_or_leaves_a_choice_is_refused(tmp_path: Path, content: str, said: str) -> None:
    assert said in refusal(tmp_path, content)


def test_a_list_can_be_chosen(tmp_path: Path) -> None:
    content = f'{{"a": [{ONE}], "b": {{"c": [{TWO}]}}}}'
    assert rows(read(tmp_path, content, records="b.c")) == [(MS + 1, "7", 2, 0)]
    assert "no list of records at 'b'" in refusal(tmp_path, content, records="b")


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ("5", "must be a JSON object"),
        ("[1]", "must be a JSON object"),
        ('{"price": 1, "price": 2}', "occurs twice"),
        ('{"price": NaN}', "NaN"),
        (f'{{"price": null, "timestamp": {MS}}}', "price: is null"),
        (f'{{"price": [1], "timestamp": {MS}}}', "price: must be a number"),
        (f'{{"price": 1, "timestamp": {MS}, "id": null}}', "id: is null: leave it out where there is none"),
        (f'{{"price": 1, "timestamp": {MS}, "id": 1.2e9}}', "scientific notation"),
        ('{"price": 1}', "timestamp: is missing"),
    ],
)
def test_a_fault_in_a_record_is_its_own(tmp_path: Path, record: str, reason: str) -> None:
    found = read(tmp_path, f"[{ONE}, {record}, {TWO}]")
    assert list(refused(found)) == [2]
    assert reason in refused(found)[2]
    assert len(found) == 3


def test_a_broken_json_line_is_refused_alone(tmp_path: Path) -> None:
    found = read(tmp_path, f"{ONE}\n{TWO[:25]}\n{TWO}\n", "a.jsonl")
    assert list(refused(found)) == [2]
    assert len(found) == 3
    found = read(tmp_path, f'{{"a":{{}},\n{ONE}\n{TWO}\n', "a.jsonl")
    assert list(refused(found)) == [1]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=20,
)


@given(st.lists(json_values, max_size=6), st.integers(1, 7), st.sampled_from([None, 1]))
def test_the_elements_of_a_list_are_found_in_pieces_of_any_length(
    values: list[Any], length: int, indent: int | None
) -> None:
    import json

    text = json.dumps(values, indent=indent, ensure_ascii=False)
    pieces = [text[start : start + length] for start in range(0, len(text), length)]
    found = [json.loads(element) for _, element in JsonScanner(iter(pieces)).elements()]
    assert found == values


@given(st.text('[]{}",:1a\\ \n', max_size=20), st.integers(1, 5))
def test_any_text_is_scanned_to_its_end_or_fails_with_a_line(text: str, length: int) -> None:
    pieces = [text[start : start + length] for start in range(0, len(text), length)]
    scanner = JsonScanner(iter(pieces))
    try:
        while scanner.peek():
            scanner.value()
    except ScanError as error:
        assert "line" in str(error)


@pytest.mark.parametrize("end", ["]", ""])
def test_a_message_of_another_kind_among_lists_is_its_line_s_fault(tmp_path: Path, end: str) -> None:
    """As a feed writes them down: its heartbeats are objects."""
    lines = ['{"event":"heartbeat"}', f"[{MS},42000.1]", f"[{MS + 1},42000.2]"]
    text = "[" + ",".join(lines) + "]" if end else "\n".join(lines)
    found = read(tmp_path, text, columns=("timestamp", "price"))
    assert [each[0] for each in rows(found[1:])] == [MS, MS + 1]
    assert refused(found) == {1: "must be a JSON list, as the other records are"}
    assert "--columns cannot apply" in refusal(
        tmp_path, '{"price":1}\n{"price":2}\n[1,2]\n', columns=("timestamp", "price")
    )


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
    found = open_files([tmp_path / "a.zip", below], options())
    names = [each.name.removeprefix(f"{tmp_path}/") for each in found.files]
    assert names == ["a.zip/1.csv", "a.zip/x/2.csv", "below/1.csv.gz", "below/2.jsonl", "below/linked.csv"]
    passed_over = [Path(each).name for each in found.passed_over if "pipe" not in each]
    assert passed_over == [".hidden.csv", "back", "broken.csv", "notes.md"]
    assert any("pipe.csv" in each for each in found.passed_over) == hasattr(os, "mkfifo")


@pytest.mark.parametrize("piped", [False, True])
def test_what_lies_beside_the_prices_in_an_archive_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, piped: bool
) -> None:
    content = zipped(
        PLAIN.encode(), "a/.DS_Store", "__MACOSX/a/._1.csv", "a/1.csv", "a/1.csv.CHECKSUM", "LICENSE"
    )
    (tmp_path / "a.zip").write_bytes(content)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    found = open_files([Path("-") if piped else tmp_path / "a.zip"], options())
    name = "standard input" if piped else "a.zip"
    assert [each.name for each in found.files] == [f"{name}/a/1.csv"]
    assert found.passed_over == [f"{name}/{each}" for each in ("a/.DS_Store", "a/1.csv.CHECKSUM", "LICENSE")]


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
    assert [each["symbol"] for file in files for each in sent(list(file.prices(lambda: MS)))] == ["A", "B"]


@pytest.mark.parametrize("content", ["[]", " [ ]\n", '{"code": "0", "data": []}'])
def test_an_empty_list_has_nothing_to_ask_about(tmp_path: Path, content: str) -> None:
    assert refusal(tmp_path, content) == "prices.csv holds an empty list. Is it the right file?"


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
