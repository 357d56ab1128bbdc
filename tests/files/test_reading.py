"""Bytes, text, lines: every usual form of a CSV file is read, and what is not certain is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cryptoctl.files.delimited import splitter
from cryptoctl.files.records import Fault
from files.reading import EXPECTED, MS, ONE, PLAIN, read, refusal, refused, rows, sent
from files.test_compression import DEFLATE64, zipped


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
    ("content", "message"),
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
    tmp_path: Path, content: bytes | str, message: str
) -> None:
    assert message in refusal(tmp_path, content)


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
    lines = read(tmp_path, content.encode(marked), encoding=encoding, columns=names)
    assert rows(lines) == EXPECTED[:1]
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
        ("1", "has 1 column where the first line has 2"),
        ("1,2,3", "has 3 columns where the first line has 2"),
        (f"1.5,{MS}\0", "NUL"),
        (f",{MS}", "price: is empty"),
        ("1,", "timestamp: is empty"),
        (f"nan,{MS}", "price: is empty (nan)"),
        (",", "price: is empty; timestamp: is empty"),
        (f"1 00,{MS}", "price: not a finite decimal number"),
        (f'"1,000",{MS}', "--decimal ,"),
    ],
)
def test_a_fault_is_its_lines_alone(tmp_path: Path, line: str, reason: str) -> None:
    content = f"price,timestamp\n1,{MS}\n{line}\n3,{MS + 1}\n"
    lines = read(tmp_path, content)
    assert list(refused(lines)) == [3]
    assert reason in refused(lines)[3]
    assert len(lines) == 3


def test_the_lines_of_a_field_with_line_breaks_are_all_refused(tmp_path: Path) -> None:
    content = f'price,timestamp,note\n1,{MS},"a\n9,{MS},b\n2,{MS},c"\n3,{MS},d\n'
    assert set(refused(read(tmp_path, content))) == {2, 3, 4}


@given(st.lists(st.text(st.characters(exclude_characters="\n\r\0", codec="utf-8"), max_size=8), min_size=1))
def test_what_is_quoted_is_split_as_it_was(cells: list[str]) -> None:
    line = ";".join('"' + cell.replace('"', '""') + '"' for cell in cells)
    assert splitter(";", '"')(line) == [cell.strip() for cell in cells]


@given(st.text('ab",;\t |', max_size=12), st.sampled_from(",;\t|"))
def test_any_line_is_split_or_is_a_fault(line: str, separator: str) -> None:
    cells = splitter(separator, '"')(line)
    assert isinstance(cells, Fault) or len(cells) >= 1
