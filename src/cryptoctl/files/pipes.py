"""Streams that can be read only once: their beginning is waited for, and who reads them learns of a pause."""

from __future__ import annotations

import io
import re
import select
import time
from collections.abc import Callable, Sequence
from functools import partial
from itertools import chain
from typing import Any, BinaryIO, cast

from cryptoctl.errors import InputError
from cryptoctl.files.compression import BUFFER_BYTES, FEATHER, HEAD_BYTES, PARQUET, ZIP, Pieces

MAGIC_BYTES = 8
MAX_LINE_END_BYTES = 4  # of UTF-32
MAX_LINE_BYTES = 1 << 22
HEAD_LINES = 64  # those that a layout is decided by, and what stands before them
QUIET_S = 1.0

# What cannot be read as it comes: a list ends only with the file, and the others are read from their end.
WHOLE = (b"[", PARQUET, FEATHER, ZIP)
_MARKS = b"\xef\xbb\xbf\xff\xfe\0 \t"  # of byte orders, and what may stand before a text

_NUMBER = re.compile(rb"[+-]?[0-9][0-9.,]*(?:[eE][+-]?[0-9]+)?")


class LivePipe(io.BufferedReader):
    """What comes through a pipe.

    While nothing does, `when_quiet` is called before it is waited for; in a second once at most, so that
    what came meanwhile can be put together. Without a descriptor to ask, something always seems to come.
    """

    def __init__(self, stream: BinaryIO, *, closing: bool) -> None:
        self._incoming = _Incoming(stream, closing=closing)
        super().__init__(self._incoming, BUFFER_BYTES)

    def call_when_quiet(self, callback: Callable[[], None]) -> None:
        """Calls this from now on."""
        self._incoming.when_quiet = callback

    def notify_once_when_quiet(self, notify: Callable[[str], None], text: str) -> None:
        """Tells this the first time that nothing comes from now on."""

        def notify_once() -> None:
            self.call_when_quiet(lambda: None)
            notify(text)

        self.call_when_quiet(notify_once)

    def comes_within(self, wait_s: float) -> bool:
        """Whether something, or the end, comes in this time."""
        return self._incoming.comes_within(wait_s)

    def last_bytes(self) -> bytes:
        """Those before its end; none before it has ended."""
        return self._incoming.last if self._incoming.ended else b""


class _Incoming(io.RawIOBase):
    def __init__(self, stream: BinaryIO, *, closing: bool) -> None:
        super().__init__()
        self.when_quiet: Callable[[], None] = lambda: None
        self._stream = stream
        self._raw: Any = getattr(stream, "raw", stream)  # below the buffer, which would hide what has come
        self._closing = closing
        self._due_s = time.monotonic() + QUIET_S
        self.last, self.ended = b"", False

    def readable(self) -> bool:
        return True

    def comes_within(self, wait_s: float | None) -> bool:
        try:
            return bool(select.select([self._raw], [], [], wait_s)[0])
        except (OSError, ValueError):  # no descriptor; on Windows, no pipe's
            return True

    def readinto(self, buffer: Any) -> int:
        if not self.comes_within(max(0.0, self._due_s - time.monotonic())):
            self.when_quiet()
            self._due_s = time.monotonic() + QUIET_S
        while (count := self._raw.readinto(buffer)) is None:  # of a descriptor that does not block
            self.comes_within(None)
        self.last = (self.last + bytes(buffer[:count][-MAX_LINE_END_BYTES:]))[-MAX_LINE_END_BYTES:]
        self.ended = not count
        return cast("int", count)

    def close(self) -> None:
        if self._closing and not self.closed:
            self._stream.close()
        super().close()


class Pipe(io.BufferedReader):
    """A stream with its beginning: the first read, and so a peek, gives the first part of it whole."""

    def __init__(self, parts: Sequence[bytes], stream: BinaryIO) -> None:
        chunks = iter(partial(cast("Any", stream).read1, BUFFER_BYTES), b"")
        super().__init__(Pieces(chain(filter(None, parts), chunks), stream), BUFFER_BYTES)


def with_magic(stream: LivePipe) -> Pipe:
    """The stream, of which a peek gives the bytes that tell a format, or all there are."""
    magic = b""
    while len(magic) < MAGIC_BYTES and (chunk := stream.read1(MAGIC_BYTES - len(magic))):
        magic += chunk
    return Pipe([magic], cast("BinaryIO", stream))


def with_head(stream: BinaryIO, live: LivePipe | None, *, wait_s: float) -> Pipe:
    """The stream, of which a peek gives whole lines: enough to decide its layout by, or all there are.

    Waits for the first record, and no longer than `wait_s` for more: what comes slowly is not held up.
    `live` is what the bytes come from as they are; None where something, such as a decompressor, is between.
    """
    head, ended, until_s = b"", False, None
    while len(head) < HEAD_BYTES and max(head.count(b"\n"), head.count(b"\r")) < HEAD_LINES:
        if has_record(head):
            until_s = until_s or time.monotonic() + wait_s
            if not wait_s or (live is not None and not live.comes_within(max(0, until_s - time.monotonic()))):
                break
        chunk = cast("Any", stream).read1(HEAD_BYTES - len(head))
        if not chunk:
            ended = True
            break
        head += chunk
    end = len(head) if ended else _end_of_last_line(head)
    return Pipe([head[:end], head[end:]], stream)


def _end_of_last_line(head: bytes) -> int:
    return max(head.rfind(b"\n"), head.rfind(b"\r")) + 1


def has_record(head: bytes) -> bool:
    """Whether the whole lines tell a format: a line of JSON, a row of values, or names and a row."""
    lines = (line.strip(_MARKS) for line in re.split(rb"[\r\n]+", head[: _end_of_last_line(head)]))
    filled = [line for line in lines if line]
    if len(filled) != 1:
        return bool(filled)
    cells = (cell.strip(b" \t\"'") for cell in re.split(rb"[,;\t| ]", filled[0]))
    return filled[0][:1] in (b"{", b"[") or any(_NUMBER.fullmatch(cell) for cell in cells)


def first_lines(stream: io.BufferedReader, name: str) -> bytes:
    """The first MAX_LINE_BYTES of a stream. Raises Failure for neither lines nor another format."""
    start = stream.read(MAX_LINE_BYTES)
    has_lines = start.lstrip(_MARKS).startswith((*WHOLE, b"{")) or re.search(rb"[\r\n]", start)
    if len(start) == MAX_LINE_BYTES and not has_lines:
        raise InputError(
            f"{name} has no line end in its first {MAX_LINE_BYTES >> 20} MiB.",
            "A text file of prices has a line for each price, or is JSON.",
        )
    return start
