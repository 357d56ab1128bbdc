"""The first thing the engine's process runs: leave the caller's session, then become the engine.

Run as a script, never imported: `python -E -P boot.py SOURCE_ROOT HOME LISTENER_FD REPORT_FD OPTIONS`.
"""

from __future__ import annotations

import os
import sys


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
    # The engine is the cryptoctl that started it, whichever one the interpreter has installed.
    sys.path.insert(0, source_root)

    from cryptoctl.local.server import serve_until_stopped

    serve_until_stopped(home, int(listener), int(report), options)


if __name__ == "__main__":
    main()
