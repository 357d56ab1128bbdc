"""Engines end with the run of tests that started them, also with one that was killed.

An engine leaves its caller's session, so that nothing of the caller's ends it. This file, run as a script,
waits for the end of the run: its standard input is closed then, however the run ended.
"""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress
from pathlib import Path


class Leftovers:
    """Watches over one run from a process of its own, until `stop`."""

    def __init__(self, directory: Path) -> None:
        self._watch = subprocess.Popen(
            [sys.executable, __file__, str(directory)], stdin=subprocess.PIPE, start_new_session=True
        )

    def stop(self) -> None:
        """The run has come to its end; each of its fixtures has ended what it started."""
        self._watch.communicate(b"done")


def end_engines(directory: Path) -> None:
    """Stops every engine whose home is somewhere in the directory."""
    from cryptoctl.local.engine import Engine
    from cryptoctl.local.errors import EngineError

    for record in directory.rglob("engine.json"):
        with suppress(EngineError):  # nobody is left to read it
            Engine(record.parent).stop()


if __name__ == "__main__":
    if sys.stdin.read() != "done":
        end_engines(Path(sys.argv[1]))
