"""What a terminal of some size shows of a command: everything it wrote, replayed by a terminal emulator."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyte

HISTORY = 100_000
WITHIN_S = 120.0


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What was on the screen at the end, with all that had scrolled away, and the exit code."""

    code: int
    lines: list[str]
    raw: str

    @property
    def text(self) -> str:
        """The lines as one text."""
        return "\n".join(self.lines)


def shown(raw: str, columns: int, rows: int) -> list[str]:
    """The lines that a terminal shows after it has been sent all of this, the oldest first."""
    screen = pyte.HistoryScreen(columns, rows, history=HISTORY, ratio=0.5)
    pyte.Stream(screen).feed(raw)
    above = ["".join(line[column].data for column in range(columns)).rstrip() for line in screen.history.top]
    lines = [*above, *(line.rstrip() for line in screen.display)]
    while lines and not lines[-1]:
        lines.pop()
    return lines


def wrapped(line: str, columns: int) -> list[str]:
    """A line of plain characters as a terminal breaks it."""
    return [line[start : start + columns].rstrip() for start in range(0, max(1, len(line)), columns)]


def run(
    arguments: Sequence[str],
    *,
    columns: int,
    rows: int,
    typed_when: Sequence[tuple[str, str]] = (),
    variables: Mapping[str, str] = {},
) -> Shown:
    """Runs python with these arguments in a pseudo-terminal that is its stdin, stdout and stderr.

    Of each pair in `typed_when`, one after the other, the second text is typed once the first is written.
    """
    master, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
    process = subprocess.Popen(
        [sys.executable, *arguments],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        env={**environment, "TERM": "xterm-256color", **variables},
        start_new_session=True,
    )
    os.close(terminal)
    raw, waiting, read = b"", list(typed_when), 0
    while chunk := _read(master):
        raw += chunk
        if waiting and waiting[0][0].encode() in raw[read:]:
            os.write(master, waiting.pop(0)[1].encode())
            read = len(raw)
    os.close(master)
    text = raw.decode("utf-8", "replace")
    return Shown(code=process.wait(WITHIN_S), lines=shown(text, columns, rows), raw=text)


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # Linux: nobody has it open any more
        return b""
