"""Bytes as they are inside: gzip, bzip2, xz and Zstandard are undone, and what is no text is named."""

from __future__ import annotations

import bz2
import errno
import io
import lzma
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import IO, Any, BinaryIO, cast

from cryptoctl.errors import ExitCode, Failure, InputError
from cryptoctl.extras import install_extra

HEAD_BYTES = 1 << 16
BUFFER_BYTES = 1 << 17
COPIED_BYTES = 1 << 20  # at once
STEP_BYTES = 1 << 11  # taken at once: of the worst Zstandard may make 64 MB of them
STEP_DECOMPRESSED_BYTES = 1 << 20  # of bzip2 and xz, made at once
PADDING = b"\0\r\n"  # of blocks of a tape, say, or by an editor; no frame begins so
MAX_LAYERS = 3  # a .gz inside a .zip, say

PARQUET, FEATHER, ZIP = b"PAR1", b"ARROW1", b"PK\x03\x04"


_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # which nobody who reads is told


class _DamagedError(Exception):
    """What is compressed ends too early, or is followed by what is not."""


class Pieces(io.RawIOBase):
    """A stream of what comes in pieces. It closes, with itself, what they come from."""

    def __init__(self, pieces: Iterator[bytes], source: BinaryIO) -> None:
        self._pieces, self._source = pieces, source
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fills the buffer with what is left of a piece, or the next one; 0 at the end."""
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = memoryview(piece)
        chunk = self._rest[: len(buffer)]
        buffer[: len(chunk)] = chunk
        self._rest = self._rest[len(chunk) :]
        return len(chunk)

    def close(self) -> None:
        if not self.closed:
            self._source.close()
        super().close()


def _content(stream: io.BufferedReader, new_frame: Callable[[], Any]) -> Iterator[bytes]:
    """The content of compressed frames that follow each other, as gzip, bzip2, xz and Zstandard write them.

    Piece by piece; PADDING may stand behind a frame. Raises _DamagedError, or what decompressors do: the
    readers that come with these say nothing where a frame is cut short or the next one is damaged.
    """
    frame = None
    for block in iter(lambda: stream.read1(STEP_BYTES), b""):
        data = block
        while data:
            if frame is None:
                data = data.lstrip(PADDING)
                frame = new_frame() if data else None
                continue
            yield from _decompressed(frame, data)
            data, frame = (frame.unused_data, None) if frame.eof else (b"", frame)
    if frame is not None:
        raise _DamagedError("its end is missing")


def _decompressed(frame: Any, data: bytes) -> Iterator[bytes]:
    """What the data is inside, in pieces: a thousand bytes of bzip2 may be a gigabyte of zeros."""
    bounded = hasattr(frame, "needs_input")
    try:
        yield frame.decompress(data, STEP_DECOMPRESSED_BYTES) if bounded else frame.decompress(data)
        while bounded and not frame.eof and not frame.needs_input:
            yield frame.decompress(b"", STEP_DECOMPRESSED_BYTES)
    except OSError as error:  # of bzip2
        raise _DamagedError(str(error)) from error


def _zstandard() -> Callable[[], Any]:
    try:
        import zstandard
    except ImportError:
        raise missing_package("zstandard", "Zstandard") from None
    # One for all frames of a stream: making it takes longer than undoing a short frame.
    return cast("Callable[[], Any]", zstandard.ZstdDecompressor().decompressobj)


def missing_package(package: str, format_name: str) -> InputError:
    """A package of the extra `files` that is not installed."""
    return InputError(
        f"{format_name} needs the package {package}, which is not installed.",
        f"Run `{install_extra('files')}`.",
    )


# By what a stream begins with: what gives, for one stream, the maker of its frames' decompressors.
_DECOMPRESSORS: dict[bytes, Callable[[], Callable[[], Any]]] = {
    b"\x1f\x8b": lambda: partial(zlib.decompressobj, wbits=31),
    b"BZh": lambda: bz2.BZ2Decompressor,
    b"\xfd7zXZ\x00": lambda: lzma.LZMADecompressor,
    b"\x28\xb5\x2f\xfd": _zstandard,
    # Frames to be skipped, with which parallel compressors begin.
    **{bytes((number, 0x2A, 0x4D, 0x18)): _zstandard for number in range(0x50, 0x60)},
}

_FOREIGN = {
    b"\xd0\xcf\x11\xe0": ("an Excel workbook", "Save it as CSV UTF-8."),
    b"SQLite format 3\x00": ("an SQLite database", "Export the table as CSV."),
    b"\x89HDF": ("an HDF5 file", "Save it as Parquet or CSV."),
    b"\xff\xff\xff\xff": ("a stream of Arrow's", "Save it as Feather version 2, Parquet or CSV."),
    b"Obj\x01": ("an Avro file", "Save it as Parquet or CSV."),
    b"\x04\x22\x4d\x18": ("compressed with LZ4", "Unpack it and send what is in it."),
    b"FEA1": ("a Feather file of version 1", "Save it as Feather version 2, Parquet or CSV."),
    b"\x5d\x00\x00": ("compressed with LZMA", "Unpack it and send what is in it."),
    b"\x1f\x9d": ("compressed with compress", "Unpack it and send what is in it."),
    ZIP: ("a ZIP archive inside of something else", "Unpack it and send what is in it."),
    b"PK\x05\x06": ("an empty ZIP archive", "Is it the right file, and whole?"),
    b"%PDF": ("a PDF document", "Save the data as CSV."),
    b"7z\xbc\xaf\x27\x1c": ("a 7-Zip archive", "Unpack it and send what is in it."),
    b"Rar!": ("a RAR archive", "Unpack it and send what is in it."),
    b"\x80\x04": ("a Python pickle", "Save it as Parquet or CSV."),
    b"\x80\x05": ("a Python pickle", "Save it as Parquet or CSV."),
    b"\x93NUMPY": ("a NumPy array", "Save it as Parquet or CSV."),
}

# By a member that such an archive has.
SPREADSHEETS = {
    "xl/workbook.xml": "an Excel workbook",
    "META-INF/manifest.xml": "an OpenDocument spreadsheet",
    "Index/Document.iwa": "a Numbers spreadsheet",
}


def decompress(stream: BinaryIO, name: str) -> io.BufferedReader:
    """The stream with every layer of compression undone; it closes, with itself, every layer."""
    for _ in range(MAX_LAYERS):
        buffered = _buffered(stream)
        try:
            start = buffered.peek(8)
            new_frame = next(
                (make() for magic, make in _DECOMPRESSORS.items() if start.startswith(magic)), None
            )
        except BaseException:
            buffered.close()
            raise
        if new_frame is None:
            return buffered
        stream = cast("BinaryIO", Pieces(_content(buffered, new_frame), cast("BinaryIO", buffered)))
    raise InputError(f"{name} is compressed more than {MAX_LAYERS} times.", "Unpack it.")


def _buffered(stream: BinaryIO) -> io.BufferedReader:
    if isinstance(stream, io.BufferedReader):
        return stream
    return io.BufferedReader(cast("io.RawIOBase", stream), BUFFER_BYTES)


def refuse_foreign(head: bytes, name: str) -> None:
    """Raises Failure for what is known and is no file of prices."""
    kind = next((foreign for magic, foreign in _FOREIGN.items() if head.startswith(magic)), None)
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:15].lower()
    if kind is None and start.startswith((b"<!doctype", b"<html", b"<?xml")):
        kind = ("a web page or XML", "Download the file itself, or export it as CSV.")
    if kind is None and head[257:262] == b"ustar":
        kind = ("a tar archive", "Unpack it and send what is in it.")
    if kind is not None:
        raise InputError(f"{name} is {kind[0]}, not a text file of prices.", kind[1])


@contextmanager
def translate_errors(name: str) -> Iterator[None]:
    """What goes wrong while a file is read is a Failure that names it."""
    try:
        yield
    except (
        _DamagedError,
        EOFError,
        zlib.error,
        lzma.LZMAError,
        zipfile.BadZipFile,
    ) as error:
        raise _damaged(name, error) from error
    except NotImplementedError as error:  # of a ZIP archive, such as Deflate64
        raise InputError(
            f"{name} is compressed in a way that cannot be read: {error}.",
            "Unpack it and send what is in it.",
        ) from error
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise no_room(f"{name} cannot be copied to a temporary file", error) from error
        raise InputError(f"{name} cannot be read: {error.strerror or error}.") from error
    except Exception as error:
        if type(error).__module__.startswith(("zstd", "zstandard")):
            raise _damaged(name, error) from error
        raise


def no_room(problem: str, error: Exception) -> Failure:
    """That a temporary file cannot be written; `problem` is what cannot be done for that."""
    reason = getattr(error, "strerror", None) or error
    return Failure(
        ExitCode.FAILED, f"{problem}: {reason}.", "Set TMPDIR to a directory that has room for it."
    )


def _damaged(name: str, error: Exception) -> InputError:
    reason = str(error).rpartition("decompressing data: ")[2]  # what zlib says before is no sentence
    return InputError(
        f"{name} is compressed and damaged, or cut short: {reason}.",
        "Download it again. What was stored of it is not stored twice.",
    )


def seekable(stream: IO[bytes], head: bytes = b"") -> IO[bytes]:
    """A file without a name, in which one can jump, with what was read already and the rest of the stream.

    Raises OSError before it has taken all the room there is: what comes may have no end.
    """
    copied = tempfile.TemporaryFile()  # noqa: SIM115 - its reader closes it
    try:
        copied.write(head)
        while piece := stream.read(COPIED_BYTES):
            copied.write(piece)
            if shutil.disk_usage(tempfile.gettempdir()).free * 9 < copied.tell():
                raise OSError(errno.ENOSPC, "it has taken nine tenths of the room there")
        copied.seek(0)
    except BaseException:
        with suppress(OSError):  # it would write what is left
            copied.close()
        raise
    return copied
