"""The live screen of `status --watch`: it fills the terminal, and takes keys."""

from __future__ import annotations

import errno
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from rich.segment import ControlType, Segment, Segments

from cryptoctl import interrupts
from cryptoctl.aws_errors import AwsError
from cryptoctl.errors import Failure
from cryptoctl.ops.overview import Overview
from cryptoctl.ui.screen import Screen
from cryptoctl.ui.watch_view import KEYS, view

EVERY_S = 2.0
POLL_EVERY_S = 0.25
SLOW_S = 5.0  # after which a person is told that the screen is an old one
ESCAPE = "\x1b"
SUSPEND = "\x1a"
QUIT = ("q", "Q", ESCAPE, "\x04")
# A terminal sends all of an arrow key at once; over a network its bytes may come one by one.
REST_WITHIN_S = 0.05


class Watch:
    """Reads overviews in a thread of its own, so that keys are answered at once."""

    def __init__(self, read: Callable[[], Overview]) -> None:
        self._read = read
        self._stop = threading.Event()
        self.latest: Overview | None = None
        """the newest one; None before the first"""
        self._trouble = ""
        self._began_s: float | None = None
        self._thread = threading.Thread(target=self._keep_reading, daemon=True)

    @property
    def trouble(self) -> str:
        """Why the newest overview is an old one; empty where it is not."""
        began_s = self._began_s
        waited_s = 0.0 if began_s is None else time.monotonic() - began_s
        return f"not refreshed: no answer for {waited_s:.0f} s" if waited_s > SLOW_S else self._trouble

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()

    def _keep_reading(self) -> None:
        while not self._stop.is_set():
            self._began_s = time.monotonic()
            try:
                self.latest, self._trouble = self._read(), ""
            except (AwsError, Failure, OSError) as error:
                self._trouble = f"not refreshed: {error}"
            except Exception as error:  # a thread that ends would leave the screen as it is for ever
                self._trouble = f"not refreshed: {error!r}"
            self._began_s = None
            self._stop.wait(EVERY_S)


def watch(screen: Screen, read: Callable[[], Overview], location: str) -> str | None:
    """Shows overviews until a key ends it: the command that was chosen; None for the end.

    A terminal that is gone is an interruption, also where no signal tells it.
    """
    import termios

    try:
        with Watch(read) as running:
            while (key := _chosen(screen, running, location)) == SUSPEND:
                os.killpg(os.getpgrp(), signal.SIGTSTP)  # and here it goes on, once the person has it back
    except (OSError, termios.error):
        interrupts.interrupt()
    return KEYS.get(key.lower())


def _chosen(screen: Screen, watch: Watch, location: str) -> str:
    """Shows overviews until a key that means something: that key. The terminal is then as it was before."""
    with _keys() as read, _whole_screen(screen):
        while True:
            if watch.latest is not None:
                draw(screen, watch.latest, location, watch.trouble)
            key = pressed(read, POLL_EVERY_S)
            if key == SUSPEND or key in QUIT or key.lower() in KEYS:
                return key


def draw(screen: Screen, overview: Overview, location: str, trouble: str = "") -> None:
    """Draws an overview over what the terminal shows; its last column and line stay free."""
    console = screen.terminal.out
    lines = view(overview, location, console.width - 1, console.height - 1, trouble, screen.hint)
    codes = [(ControlType.HOME,)]
    segments = [Segment("\x1b[H", None, codes)]
    for line in lines:
        segments += [*line.render(console), Segment("\x1b[K\r\n", None, codes)]
    screen.terminal.write(
        lambda: console.print(Segments([*segments, Segment("\x1b[J", None, codes)]), end="")
    )


@contextmanager
def _whole_screen(screen: Screen) -> Iterator[None]:
    """The terminal's other screen: what was on this one is there again afterwards."""
    console = screen.terminal.out
    console.set_alt_screen(True)
    console.show_cursor(False)
    try:
        yield
    finally:
        console.set_alt_screen(False)
        console.show_cursor()


def pressed(read: Callable[[float], str], timeout_s: float) -> str:
    """The key that comes next; "" where none comes in time, or one without a character, such as an arrow.

    `read` waits at most so many seconds for a character. A terminal sends such a key as a sequence, of which
    nothing is left for the next call.
    """
    first = read(timeout_s)
    if first != ESCAPE:
        return first
    second = read(REST_WITHIN_S)
    if second in ("", ESCAPE):
        return ESCAPE
    if second == "O":
        read(REST_WITHIN_S)
    elif second == "[":
        while (character := read(REST_WITHIN_S)) and not "@" <= character <= "~":
            continue
    return ""


@contextmanager
def _keys() -> Iterator[Callable[[float], str]]:
    """Keys as they are pressed; gives the function that waits for a character, "" if none comes in time."""
    import termios
    import tty

    stream = sys.stdin.fileno()
    saved = termios.tcgetattr(stream)
    tty.setcbreak(stream)
    # Stopped by the terminal, we would leave a shell without its cursor, on the other screen.
    attributes = termios.tcgetattr(stream)
    attributes[6][termios.VSUSP] = bytes([os.fpathconf(stream, "PC_VDISABLE")])
    termios.tcsetattr(stream, termios.TCSADRAIN, attributes)

    def read_key(timeout_s: float) -> str:
        ready, _, _ = select.select([stream], [], [], timeout_s)
        if not ready:
            return ""
        if not (data := os.read(stream, 1)):
            raise OSError(errno.EIO, "the terminal is gone")
        return data.decode(errors="replace")

    try:
        yield read_key
    finally:
        with suppress(termios.error):  # a terminal that is closed has no state to go back to
            termios.tcsetattr(stream, termios.TCSADRAIN, saved)
