"""A command at a terminal, as a person runs it."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

STYLE = re.compile(r"\x1b\[[0-9;]*m")
HIDE_CURSOR, SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"


class Terminal:
    """What is shown, and what the terminal was set to before and after."""

    def __init__(self, variables: Mapping[str, str], arguments: tuple[str, ...]) -> None:
        self._controller, self._terminal = pty.openpty()
        self._before = self._settings()
        self._chunks: list[bytes] = []
        self.process = subprocess.Popen(
            [sys.executable, "-m", "cryptoctl", *arguments],
            env={**variables, "TERM": "xterm"},
            cwd=variables["HOME"],
            stdin=self._terminal,
            stdout=self._terminal,
            stderr=self._terminal,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        while chunk := os.read(self._controller, 65536):
            self._chunks.append(chunk)
            if chunk.endswith(b"\0"):
                return

    def _settings(self) -> list[Any]:
        return termios.tcgetattr(self._terminal)

    def shown(self) -> str:
        """All that was written so far."""
        return b"".join(self._chunks).decode(errors="replace")

    def type(self, text: str) -> None:
        """As at the keyboard."""
        os.write(self._controller, text.encode())

    def close(self) -> str:
        """After the process has ended: what was written, as plain lines. The terminal is as it was."""
        code = self.process.wait(120)
        os.write(self._terminal, b"\0")
        self._reader.join(60)
        shown, after = self.shown().rstrip("\0"), self._settings()
        os.close(self._controller)
        os.close(self._terminal)
        assert after == self._before
        assert shown.rfind(SHOW_CURSOR) >= shown.rfind(HIDE_CURSOR), f"no cursor, after {code}"
        assert "Traceback" not in shown
        return STYLE.sub("", shown).replace("\r", "")


@contextmanager
def terminal(variables: Mapping[str, str], *arguments: str) -> Iterator[Terminal]:
    """`cryptoctl ARGUMENTS` at a terminal; killed if it outlives the block."""
    terminal = Terminal(variables, arguments)
    try:
        yield terminal
    finally:
        if terminal.process.poll() is None:
            terminal.process.kill()
            terminal.process.wait(60)
