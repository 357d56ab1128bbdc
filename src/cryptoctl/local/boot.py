"""The first thing the engine's process runs: leave the caller's session, then become the engine.

Run as a script, never imported: `python -E -P boot.py SOURCE_ROOT HOME LISTENER_FD REPORT_FD OPTIONS`.
"""

from __future__ import annotations

import os
import resource
import sys

OPEN_FILES = 1024
"""Enough for the connections that the engine takes (http_server), the workers' pipes and the databases."""


def main() -> None:
    """Detaches and serves until told to end."""
    source_root, home, listener, report, options = sys.argv[1:]
    # Two steps away from the caller: its terminal's signals do not come here, and it has no child to reap.
    if os.fork():
        os._exit(0)
    os.setsid()
    os.set_inheritable(int(listener), False)
    os.set_inheritable(int(report), False)
    os.umask(0o077)
    _allow_open_files()
    # The engine is the cryptoctl that started it, whichever one the interpreter has installed.
    sys.path.insert(0, source_root)

    from cryptoctl.local.server import serve_until_stopped

    serve_until_stopped(home, int(listener), int(report), options)


def _allow_open_files() -> None:
    """A shell's limit may be 256, as on macOS; an engine at its limit accepts nobody, and all would wait."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < limit:
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))


if __name__ == "__main__":
    main()
