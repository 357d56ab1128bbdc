"""What a handler writes, cut into log events."""

from __future__ import annotations

from typing import Final

MAX_EVENT_BYTES: Final[int] = 256 * 1024
"""A longer line is several events. CloudWatch Logs takes up to 1 MB in one; of this size, one still fits into
an invocation of a subscribed function, however little it can be compressed."""


class LogLines:
    """Takes pieces of output as they come, and gives back the lines that are complete."""

    def __init__(self) -> None:
        self._rest = b""

    def take(self, chunk: bytes) -> list[str]:
        """The lines that this chunk completes; of a line without an end, what fills an event."""
        *complete_lines, self._rest = (self._rest + chunk).split(b"\n")
        lines = [text for line in complete_lines for text in _texts(line)]
        while len(self._rest) > MAX_EVENT_BYTES:
            end = _cut(self._rest)
            lines += _texts(self._rest[:end])
            self._rest = self._rest[end:]
        return lines

    def take_rest(self) -> list[str]:
        """What was written after the last end of a line."""
        rest, self._rest = self._rest, b""
        return _texts(rest)


def _texts(line: bytes) -> list[str]:
    texts: list[str] = []
    while line:
        end = _cut(line)
        # A handler's own line ends inside of one event are carriage returns (worker.py).
        texts.append(line[:end].decode("utf-8", "replace").replace("\r", "\n").rstrip("\n"))
        line = line[end:]
    return [text for text in texts if text]


def _cut(line: bytes) -> int:
    """Where the first event of a line ends: at the most bytes, but not within a character."""
    if len(line) <= MAX_EVENT_BYTES:
        return len(line)
    for end in range(MAX_EVENT_BYTES, MAX_EVENT_BYTES - 4, -1):
        if line[end] & 0xC0 != 0x80:
            return end
    return MAX_EVENT_BYTES
