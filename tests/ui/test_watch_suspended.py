"""Ctrl-Z on the live screen and on a drawing, under a shell's job control; a terminal that is closed."""

from __future__ import annotations

import fcntl
import os
import pty
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import FileIO

import pytest

pytestmark = pytest.mark.process
# What a shell does with a job: its own group in the foreground, told when it stops, sent on again.
SHELL = """
import os, signal, sys, termios, time
if not (job := os.fork()):
    os.setpgid(0, 0)
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    os.tcsetpgrp(0, os.getpgrp())
    os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
_, status = os.waitpid(job, os.WUNTRACED)
lines = bool(termios.tcgetattr(0)[3] & termios.ICANON)
os.write(1, f"<stopped {os.WIFSTOPPED(status)}, lines {lines}>".encode())
time.sleep(0.3)  # longer than a frame: whoever draws goes on at once
os.kill(job, signal.SIGCONT)
_, status = os.waitpid(job, 0)
os.write(1, f"<ended {os.waitstatus_to_exitcode(status)}>".encode())
"""
WATCH = """
import sys
sys.path[:0] = {path!r}
from cryptoctl.ui.screen import Screen
from cryptoctl.ui.watch import watch
from ui.overviews import HEALTHY
assert watch(Screen(colour=False), lambda: HEALTHY, "dev") is None
"""
CLOSED = "from cryptoctl import interrupts\nwith interrupts.exit_on_signal(): "
DRAWING = """
import sys
from cryptoctl.ui.terminal import Terminal
terminal = Terminal(colour=False)
with terminal.drawn(lambda: "one\\ntwo"):
    sys.stdin.readline()
"""
BEGUN, LEFT = "\x1b[?1049h", "\x1b[?1049l\x1b[?25h"
HIDDEN, SHOWN = "\x1b[?25l", "\x1b[?25h"


@contextmanager
def job(program: str) -> Iterator[tuple[int, Callable[[str], str]]]:
    """A program under a shell: its terminal, and what reads up to a text and gives what was before."""
    with on_terminal(SHELL, "-c", program) as (_, terminal, until):
        yield terminal.fileno(), until


@contextmanager
def on_terminal(*program: str) -> Iterator[tuple[subprocess.Popen[bytes], FileIO, Callable[[str], str]]]:
    """A program on a terminal of its own; that, and what reads up to a text and gives what was before."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", *program],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env={**os.environ, "TERM": "xterm"},
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    os.close(slave)
    terminal, raw = FileIO(master, "r+"), ""

    def until(text: str) -> str:
        nonlocal raw
        while text not in raw:
            raw += os.read(master, 65536).decode(errors="replace")
        before, raw = raw.split(text, 1)
        return before

    try:
        yield process, terminal, until
    finally:
        process.kill()
        process.wait()
        terminal.close()


def test_ctrl_z_gives_the_terminal_back_and_the_screen_goes_on_afterwards() -> None:
    with job(WATCH.format(path=sys.path)) as (master, until):
        until(BEGUN)
        until("[q] quit")
        os.write(master, b"\x1a")
        assert until("<stopped ").endswith(LEFT)
        assert until(">") == "True, lines True"
        until(BEGUN)
        until("[q] quit")
        os.write(master, b"q")
        assert until("<ended ").endswith(LEFT)
        assert until(">") == "0"


def test_ctrl_z_gives_the_cursor_back_and_the_drawing_goes_on_below() -> None:
    with job(DRAWING) as (master, until):
        until("two")
        os.write(master, b"\x1a")
        assert SHOWN in until("<stopped ")
        until(HIDDEN)
        assert "\x1b[1A" not in until("two")
        os.write(master, b"\n")
        assert SHOWN in until("<ended ")
        assert until(">") == "0"


def test_where_the_terminal_is_gone_without_a_signal_the_screen_ends_as_by_ctrl_c() -> None:
    *before, last = WATCH.format(path=sys.path).strip().split("\n")
    ignoring = "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)"
    with on_terminal("\n".join([*before, ignoring, f"{CLOSED}{last}"])) as (process, terminal, until):
        until("[q] quit")
        terminal.close()
        assert process.wait(60) == 130


def test_where_the_terminal_is_closed_the_screen_ends_as_by_ctrl_c() -> None:
    *before, last = WATCH.format(path=sys.path).strip().split("\n")
    with on_terminal("\n".join([*before, f"{CLOSED}{last}"])) as (process, terminal, until):
        until("[q] quit")
        terminal.close()
        assert process.wait(60) == 130
