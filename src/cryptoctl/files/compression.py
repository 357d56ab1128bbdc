"""Bytes as they are inside: gzip, bzip2, xz and Zstandard are undone, and what is no text is named."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import shutil
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Any, BinaryIO, cast

from cryptoctl.errors import Failure, Problem

HEAD_BYTES = 1 << 16
BUFFER_BYTES = 1 << 17
MOST_LAYERS = 3  # a .gz inside a .zip, say

PARQUET, FEATHER, ZIP = b"PAR1", b"ARROW1", b"PK\x03\x04"


def _zstandard(stream: BinaryIO) -> Any:
    try:
        import zstandard
    except ImportError:
        raise missing("zstandard", "Zstandard") from None
    return zstandard.ZstdDecompressor().stream_reader(stream, read_across_frames=True)


def missing(package: str, what: str) -> Failure:
    """A package of the extra `files` that is not installed."""
    return Failure(
        Problem.USAGE,
        f"{what} needs the package {package}, which is not installed.",
        f"Run `{sys.executable} -m pip install 'cryptoctl[files]'`.",
    )


_COMPRESSED: dict[bytes, Callable[[BinaryIO], Any]] = {
    b"\x1f\x8b": lambda stream: gzip.GzipFile(fileobj=stream),
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\x00": lzma.LZMAFile,
    b"\x28\xb5\x2f\xfd": _zstandard,
}

_FOREIGN = {
    b"\xd0\xcf\x11\xe0": ("an Excel workbook", "Save it as CSV UTF-8."),
    b"SQLite format 3\x00": ("an SQLite database", "Export the table as CSV."),
    b"\x89HDF": ("an HDF5 file", "Save it as Parquet or CSV."),
    b"FEA1": ("a Feather file of version 1", "Save it as Feather version 2, Parquet or CSV."),
    b"%PDF": ("a PDF document", "Save the data as CSV."),
    b"7z\xbc\xaf\x27\x1c": ("a 7-Zip archive", "Unpack it and send what is in it."),
    b"Rar!": ("a RAR archive", "Unpack it and send what is in it."),
    b"\x80\x04": ("a Python pickle", "Save it as Parquet or CSV."),
    b"\x80\x05": ("a Python pickle", "Save it as Parquet or CSV."),
    b"\x93NUMPY": ("a NumPy array", "Save it as Parquet or CSV."),
}


class LayeredReader(io.BufferedReader):
    """A buffered stream that closes, with itself, what it reads from."""

    def __init__(self, stream: Any, below: Sequence[Any] = ()) -> None:
        super().__init__(stream, BUFFER_BYTES)
        self._below = (*below, stream)

    def close(self) -> None:
        """Closes every layer."""
        super().close()
        for each in reversed(self._below):
            each.close()


def plain(stream: BinaryIO, name: str) -> io.BufferedReader:
    """The stream with every layer of compression undone."""
    layers: list[Any] = []
    for _ in range(MOST_LAYERS):
        buffered = LayeredReader(stream, layers) if layers else _buffered(stream)
        try:
            start = buffered.peek(8)
        except BaseException:
            buffered.close()
            raise
        undo = next((undo for magic, undo in _COMPRESSED.items() if start.startswith(magic)), None)
        if undo is None:
            return buffered
        layers.append(buffered)
        stream = undo(cast("BinaryIO", buffered))
    raise Failure(Problem.USAGE, f"{name} is compressed more than {MOST_LAYERS} times.", "Unpack it.")


def _buffered(stream: BinaryIO) -> io.BufferedReader:
    return stream if isinstance(stream, io.BufferedReader) else LayeredReader(stream)


def refuse_foreign(head: bytes, name: str) -> None:
    """Raises Failure for what is known and is no file of prices."""
    found = next((each for magic, each in _FOREIGN.items() if head.startswith(magic)), None)
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:15].lower()
    if found is None and start.startswith((b"<!doctype", b"<html", b"<?xml")):
        found = ("a web page or XML", "Download the file itself, or export it as CSV.")
    if found is None and head[257:262] == b"ustar":
        found = ("a tar archive", "Unpack it and send what is in it.")
    if found is not None:
        raise Failure(Problem.USAGE, f"{name} is {found[0]}, not a text file of prices.", found[1])


@contextmanager
def readable(name: str) -> Iterator[None]:
    """What goes wrong while a file is read is a Failure that names it."""
    try:
        yield
    except (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile, zipfile.BadZipFile) as error:
        raise _damaged(name, error) from error
    except NotImplementedError as error:  # of a ZIP archive, such as Deflate64
        raise Failure(
            Problem.USAGE,
            f"{name} is compressed in a way that cannot be read: {error}.",
            "Unpack it and send what is in it.",
        ) from error
    except OSError as error:
        raise Failure(Problem.USAGE, f"{name} cannot be read: {error.strerror or error}.") from error
    except Exception as error:
        if type(error).__module__.startswith(("zstd", "zstandard")):
            raise _damaged(name, error) from error
        raise


def _damaged(name: str, error: Exception) -> Failure:
    return Failure(
        Problem.USAGE,
        f"{name} is compressed and damaged, or cut short: {error}.",
        "Download it again. What was stored of it is not stored twice.",
    )


def seekable(stream: IO[bytes]) -> IO[bytes]:
    """A file without a name, in which one can jump, with the stream's content."""
    copied = tempfile.TemporaryFile()  # noqa: SIM115 - its reader closes it
    shutil.copyfileobj(stream, copied)
    copied.seek(0)
    return copied
