"""The signals that come after the first one, while a command prints what it has to say at its end."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping
from typing import Any

from cryptoctl import interrupts
from cryptoctl.errors import ExitCode

Handlers = Mapping[signal.Signals, Any]


def current() -> Handlers:
    """What each of the signals that interrupt a command does now."""
    return {number: signal.getsignal(number) for number in interrupts.SIGNALS}


def end_at_another_signal(before: Handlers) -> None:
    """Where the first signal has been handled, so that signals are ignored, another one ends the process.

    Nobody may read what is being written, and it would wait for that forever. `before` are the handlers as
    the command found them: what was ignored then stays ignored.
    """
    begun_s = time.monotonic()

    def end(*_: object) -> None:
        # Within a moment it is a part of the first one (a terminal hangs up twice), or impatience.
        if time.monotonic() - begun_s > interrupts.REPEATED_WITHIN_S:
            os._exit(ExitCode.INTERRUPTED)

    for number, handler in before.items():
        if handler is not signal.SIG_IGN and signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, end)
