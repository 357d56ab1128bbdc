"""Streams that can be read only once, their beginning waited for: what has come so far decides nothing."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any, BinaryIO, cast

from cryptoctl.files.compression import BUFFER_BYTES, HEAD_BYTES

MAGIC_BYTES = 8
HEAD_LINES = 64  # those that a layout is decided by, and what stands before them


class Pipe(io.BufferedReader):
    """A stream with its beginning: the first read, and so a peek, gives the first part of it whole."""

    def __init__(self, parts: Sequence[bytes], stream: BinaryIO, *, closing: bool) -> None:
        super().__init__(cast("Any", _Begun([*filter(None, parts)], stream, closing=closing)), BUFFER_BYTES)


class _Begun(io.RawIOBase):
    def __init__(self, parts: list[bytes], stream: BinaryIO, *, closing: bool) -> None:
        super().__init__()
        self._parts = parts
        self._stream: Any = stream
        self._closing = closing

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        part = self._parts.pop(0) if self._parts else self._stream.read1(len(buffer))
        if len(part) > len(buffer):
            self._parts.insert(0, part[len(buffer) :])
            part = part[: len(buffer)]
        buffer[: len(part)] = part
        return len(part)

    def close(self) -> None:
        if self._closing and not self.closed:
            self._stream.close()
        super().close()


def with_magic(stream: BinaryIO, *, closing: bool) -> Pipe:
    """The stream, of which a peek gives the bytes that tell a format, or all there are."""
    found, _ = _read(stream, MAGIC_BYTES, lines=0)
    return Pipe([found], stream, closing=closing)


def with_head(stream: BinaryIO) -> Pipe:
    """The stream, of which a peek gives whole lines: enough to decide its layout by, or all there are.

    Waits for them. Closes the stream with itself.
    """
    found, ended = _read(stream, HEAD_BYTES, lines=HEAD_LINES)
    end = len(found) if ended else max(found.rfind(b"\n"), found.rfind(b"\r")) + 1
    return Pipe([found[:end], found[end:]], stream, closing=True)


def _read(stream: Any, most_bytes: int, *, lines: int) -> tuple[bytes, bool]:
    """So many bytes or, where `lines` is not 0, so many lines of them; and whether the stream has ended."""
    found = b""
    while len(found) < most_bytes:
        if lines and max(found.count(b"\n"), found.count(b"\r")) >= lines:
            break
        more = stream.read1(most_bytes - len(found))
        if not more:
            return found, True
        found += more
    return found, False
