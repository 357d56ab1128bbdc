"""What is no text of prices is told by its name, and no advice is given that leads nowhere."""

from __future__ import annotations

import lzma
from pathlib import Path

import pytest

from files.reading import EXPECTED, MS, PLAIN, read, refusal, refused, rows
from files.test_compression import zipped


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (zipped(b"<xml/>", "content.xml", "META-INF/manifest.xml"), "is an OpenDocument spreadsheet."),
        (zipped(b"\0\1", "Index/Document.iwa"), "is a Numbers spreadsheet."),
        (b"Obj\x01\x04\x14avro.codec\x08null" + b"\xff\0" * 30, "is an Avro file"),
        (b"\x04\x22\x4d\x18\x64\x40\xa7\x80\x81", "is compressed with LZ4"),
        (lzma.compress(PLAIN.encode(), format=lzma.FORMAT_ALONE), "is compressed with LZMA"),
        (b"\x1f\x9d\x90timestamp", "is compressed with compress"),
        (zipped(zipped(PLAIN.encode(), "a.csv"), "a.zip"), "is a ZIP archive inside of something else"),
        (zipped(b""), "is an empty ZIP archive"),
    ],
)
def test_what_other_programs_write_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    assert message in refusal(tmp_path, content)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_the_encoding_that_is_named_is_the_one_that_reads_it(tmp_path: Path, encoding: str) -> None:
    assert f"add --encoding {encoding}." in refusal(tmp_path, PLAIN.encode(encoding))
    assert rows(read(tmp_path, PLAIN.encode(encoding), encoding=encoding)) == EXPECTED


def test_zeros_behind_the_lines_are_no_encoding(tmp_path: Path) -> None:
    """As a file that was made as long as it would become, and never filled."""
    content = f"price,timestamp\n1,{MS}\n".encode() + b"\0" * 4096
    assert refused(read(tmp_path, content)) == {3: "has a NUL character"}


def test_a_member_of_a_name_that_a_spreadsheet_has_too_makes_no_archive_one(tmp_path: Path) -> None:
    assert rows(read(tmp_path, zipped(PLAIN.encode(), "prices.csv", "content.xml"))) == EXPECTED
