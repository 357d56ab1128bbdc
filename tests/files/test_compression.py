"""Compressed files: undone whole, or refused; nothing is left out because its end is missing."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from cryptoctl.files.compression import decompress
from cryptoctl.files.sources import sources
from files.reading import EXPECTED, MS, PLAIN, options, read, refusal, rows

zstandard = pytest.importorskip("zstandard")


def zipped(content: bytes, *names: str) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as opened:
        for name in names:
            opened.writestr(name, content)
    return archive.getvalue()


# Both places of an archive in which the method of compression stands: before the member, and in the list.
DEFLATE64 = zipped(PLAIN.encode(), "a.csv").replace(b"PK\3\4\x14\0\0\0\0\0", b"PK\3\4\x14\0\0\0\x09\0")
DEFLATE64 = DEFLATE64.replace(b"PK\1\2\x14\3\x14\0\0\0\0\0", b"PK\1\2\x14\3\x14\0\0\0\x09\0")

COMPRESSED: dict[str, Any] = {
    "gzip": gzip.compress,
    "gzip in two parts": lambda content: gzip.compress(content[:30]) + gzip.compress(content[30:]),
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zip": lambda content: zipped(content, "a.csv"),
    "gzip in zip": lambda content: zipped(gzip.compress(content), "a.csv.gz"),
}


@pytest.mark.parametrize("compression", COMPRESSED)
def test_compression_is_told_by_the_bytes_and_undone(tmp_path: Path, compression: str) -> None:
    assert rows(read(tmp_path, COMPRESSED[compression](PLAIN.encode()), "prices.csv")) == EXPECTED


def test_zstandard_is_undone(tmp_path: Path) -> None:
    zstandard = pytest.importorskip("zstandard")
    assert rows(read(tmp_path, zstandard.compress(PLAIN.encode()))) == EXPECTED


@pytest.mark.parametrize("compression", ["gzip", "bzip2", "xz"])
def test_a_compressed_file_that_is_cut_short_is_refused_at_once(tmp_path: Path, compression: str) -> None:
    many = PLAIN + "".join(f"{MS + n},{n},1.{n},2\n" for n in range(9, 5000))
    assert "cut short" in refusal(tmp_path, COMPRESSED[compression](many.encode())[:-20])


MANY = PLAIN + "".join(f"{MS + n},{n},1.{n},2\n" for n in range(9, 5000))
FRAMES: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstandard": zstandard.compress,
}
SKIPPED = struct.pack("<II", 0x184D2A50, 4) + b"size"  # as pzstd begins each part


@pytest.mark.parametrize("compression", FRAMES)
@pytest.mark.parametrize("missing_bytes", [1, 4, 20, 1000])
def test_what_is_cut_short_is_refused(tmp_path: Path, compression: str, missing_bytes: int) -> None:
    assert "cut short" in refusal(tmp_path, FRAMES[compression](MANY.encode())[:-missing_bytes])


@pytest.mark.parametrize("compression", FRAMES)
def test_parts_that_follow_each_other_are_one_file(tmp_path: Path, compression: str) -> None:
    lines = MANY.encode().splitlines(keepends=True)
    content = b"".join(FRAMES[compression](b"".join(lines[n : n + 1000])) for n in range(0, len(lines), 1000))
    assert len(read(tmp_path, content)) == len(lines) - 1


@pytest.mark.parametrize("compression", FRAMES)
@pytest.mark.parametrize("padding", [b"\n", b"\r\n", b"\0" * 512])
def test_line_ends_and_zeros_behind_a_part_are_padding(
    tmp_path: Path, compression: str, padding: bytes
) -> None:
    part = FRAMES[compression](PLAIN.encode()) + padding
    assert rows(read(tmp_path, part)) == EXPECTED
    assert len(read(tmp_path, part * 3)) == 8
    message = refusal(tmp_path, part + b"garbage")
    assert "damaged" in message and "Error" not in message


@pytest.mark.parametrize("compression", FRAMES)
def test_a_part_that_is_damaged_or_cut_short_refuses_the_file(tmp_path: Path, compression: str) -> None:
    lines = MANY.encode().splitlines(keepends=True)
    first, second = FRAMES[compression](b"".join(lines[:1000])), FRAMES[compression](b"".join(lines[1000:]))
    assert "damaged" in refusal(tmp_path, first + bytes([second[0] ^ 1]) + second[1:])
    assert "cut short" in refusal(tmp_path, first + second[:3])


def test_xz_may_have_padding_and_zstandard_frames_to_be_skipped(tmp_path: Path) -> None:
    head, tail = PLAIN.encode()[:40], PLAIN.encode()[40:]
    padded = lzma.compress(head) + bytes(8) + lzma.compress(tail) + bytes(4)
    assert rows(read(tmp_path, padded)) == EXPECTED
    skipped = SKIPPED + zstandard.compress(head) + SKIPPED + zstandard.compress(tail) + SKIPPED
    assert rows(read(tmp_path, skipped)) == EXPECTED


def test_all_frames_of_a_stream_have_one_decompressor(monkeypatch: pytest.MonkeyPatch) -> None:
    """Making one takes longer than undoing a short frame, and a file may have one for each line."""
    decompressor = Mock(wraps=zstandard.ZstdDecompressor)
    monkeypatch.setattr(zstandard, "ZstdDecompressor", decompressor)
    frames = b"".join(map(zstandard.compress, PLAIN.encode().splitlines(keepends=True)))
    assert decompress(io.BytesIO(frames), "prices.zst").read() == PLAIN.encode()
    assert decompressor.call_count == 1


@pytest.mark.thorough
@pytest.mark.parametrize("compression", ["bzip2", "xz"])
def test_a_little_that_is_much_inside_is_undone_piece_by_piece(compression: str) -> None:
    large = FRAMES[compression](bytes(100_000_000))
    tracemalloc.start()
    try:
        with decompress(io.BytesIO(large), "zeros") as undone:
            assert undone.read(8) == bytes(8)
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


def test_what_is_compressed_twice_is_undone_twice(tmp_path: Path) -> None:
    assert rows(read(tmp_path, gzip.compress(gzip.compress(PLAIN.encode())))) == EXPECTED


def test_the_members_of_an_archive_are_not_compared_with_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the thousands that an archive may have, that would take seconds."""
    path = tmp_path / "many.zip"
    path.write_bytes(zipped(b"", *(f"{number}.csv" for number in range(9)), "LICENSE"))
    monkeypatch.setattr(zipfile.ZipInfo, "__eq__", Mock(side_effect=AssertionError), raising=False)
    files, passed_over = sources([path], options(), print)
    assert (len(files), passed_over) == (9, [f"{path.name}/LICENSE"])
