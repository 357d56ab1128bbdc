"""The one owner of the terminal: what is printed on either stream, and what is drawn below it meanwhile.

Threads that print at the same time, and a drawing that moves, would overwrite each other's lines. So every
write goes through one lock, and around it the drawing is taken away and put back.
"""

from __future__ import annotations

import os
import shutil
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeAlias

from rich.console import Console, ConsoleDimensions, RenderableType
from rich.segment import ControlType, Segment, Segments

Render: TypeAlias = Callable[[], RenderableType]
FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
FRAMES_A_SECOND = 8
DRAWN_WITHIN_S = 0.5


def spinner(seconds: float) -> str:
    """The character with which what has gone on for so long is drawn: another one in each frame."""
    return FRAMES[int(seconds * FRAMES_A_SECOND) % len(FRAMES)]


class OutputConsole(Console):
    """stdout. Raises BrokenPipeError where the reader has gone; Rich itself would end with exit code 1."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


class MessageConsole(OutputConsole):
    """stderr: where it is full or closed, the work goes on without messages."""

    def print(self, *objects: Any, **options: Any) -> None:
        """As Rich prints, or nothing."""
        with suppress(OSError):
            super().print(*objects, **options)


class Drawing:
    """Lines at the end of the terminal that are drawn again and again. Its methods need the lock."""

    def __init__(self, console: Console, render: Render) -> None:
        self._console, self._render = console, render
        self._widths: list[int] = []

    def put(self) -> None:
        """Draws the present state in place of what was drawn before."""
        lines = self._lines()
        segments = [segment for line in lines for segment in (*line, Segment.line())][:-1]
        segments = [*self._taking_away(), *segments]
        # Before it is written: in the middle of that, `leave` may come.
        self._widths = [Segment.get_line_length(line) for line in lines]
        # Everything at once: a terminal that shows half of it would flicker.
        self._write(segments)

    def take_away(self) -> None:
        """Leaves the terminal as if nothing had been drawn."""
        self._write(self._taking_away())
        self._widths = []

    def leave(self) -> None:
        """Lets what is drawn stand, and goes on below it."""
        self._widths = []

    def _lines(self) -> list[list[Segment]]:
        console = self._console
        # One column and one line stay free: a full line wraps, and a full screen scrolls out of reach.
        width, height = max(1, console.width - 1), max(1, console.height - 1)
        options = console.options.update(width=width, no_wrap=True, overflow="ellipsis", highlight=False)
        lines = console.render_lines(self._render(), options, pad=False)
        while lines and not "".join(segment.text for segment in lines[-1]).strip():
            lines.pop()
        if len(lines) > height:
            lines = [*lines[: height - 1], [Segment(f"… and {len(lines) - height + 1} more")]]
        return [Segment.adjust_line_length(line, width, pad=False) for line in lines]

    def _taking_away(self) -> list[Segment]:
        if not self._widths:
            return []
        # A terminal that has become narrower has wrapped the lines since.
        width = max(1, self._console.width)
        rows = sum(max(1, -(-line_width // width)) for line_width in self._widths)
        codes = "\r" + (f"\x1b[{rows - 1}A" if rows > 1 else "") + "\x1b[J"
        return [Segment(codes, None, [(ControlType.CARRIAGE_RETURN,)])]

    def _write(self, segments: list[Segment]) -> None:
        if segments:
            self._console.print(Segments(segments), end="")


class Terminal:
    """Both streams of a command. `out` carries the answer, `err` the messages and the drawing."""

    def __init__(self, *, colour: bool) -> None:
        # Reentrant: a signal's handler may print while the same thread does.
        self._lock = threading.RLock()
        self._drawing: Drawing | None = None
        settings: dict[str, Any] = {"no_color": not colour, "highlight": False, "soft_wrap": True}
        self.out: Console = OutputConsole(**settings)
        self.err: Console = MessageConsole(stderr=True, **settings)
        for console in (self.out, self.err):
            if console.is_dumb_terminal:  # Rich takes 80 by 25 for the size of any such
                console.size = ConsoleDimensions(*shutil.get_terminal_size((80, 25)))

    @property
    def can_draw(self) -> bool:
        """Whether lines can be drawn anew."""
        return self.err.is_terminal and self.err.is_interactive

    def write(self, write: Callable[[], object]) -> None:
        """Runs a function that writes to either stream, with nothing in its way."""
        with self._lock:
            if self._drawing is None:
                write()
                return
            self._drawing.take_away()
            try:
                write()
            finally:
                self._drawing.put()

    @contextmanager
    def drawn(self, render: Render) -> Iterator[None]:
        """Draws what `render` returns below everything else, several times a second, during the block.

        Where that cannot be, or something is drawn already, nothing is.
        """
        if not self.can_draw or self._drawing is not None:
            yield
            return
        with self._stopped_with_cursor(), self._kept_drawn(render):
            yield

    @contextmanager
    def _kept_drawn(self, render: Render) -> Iterator[None]:
        stop = threading.Event()
        with self._lock:
            self._drawing = Drawing(self.err, render)
            self.err.show_cursor(False)
            self._drawing.put()
        thread = threading.Thread(target=self._keep_drawing, args=(stop,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
            with self._lock:
                self._drawing.take_away()
                self._drawing = None
                self.err.show_cursor()

    def _keep_drawing(self, stop: threading.Event) -> None:
        while not stop.wait(1 / FRAMES_A_SECOND):
            with self._lock:
                if self._drawing is not None and not stop.is_set():
                    self._drawing.put()

    @contextmanager
    def _stopped_with_cursor(self) -> Iterator[None]:
        """During the block a shell has its cursor while Ctrl-Z has stopped us."""
        number = getattr(signal, "SIGTSTP", None)
        in_main = threading.current_thread() is threading.main_thread()
        if number is None or not in_main or signal.getsignal(number) is not signal.SIG_DFL:
            yield
            return

        def stop(*_: object) -> None:
            # Nobody draws while we are stopped, nor before the cursor is hidden again. Whoever does now may
            # wait for what we hold, so we do not wait for long.
            acquired = self._lock.acquire(timeout=DRAWN_WITHIN_S)
            drawing, descriptor = self._drawing, self.err.file.fileno()
            try:
                if drawing is not None:
                    drawing.leave()
                    os.write(descriptor, b"\x1b[?25h")  # past Rich, which may be in the middle of a line
                signal.signal(number, signal.SIG_DFL)
                os.kill(os.getpid(), number)
                signal.signal(number, stop)
                if drawing is not None:
                    os.write(descriptor, b"\x1b[?25l")
            finally:
                if acquired:
                    self._lock.release()

        signal.signal(number, stop)
        try:
            yield
        finally:
            signal.signal(number, signal.SIG_DFL)

    @contextmanager
    def suspended(self) -> Iterator[None]:
        """During the block the terminal is another's (an editor's, a question's): nothing is drawn."""
        with self._lock:
            drawing, self._drawing = self._drawing, None
            if drawing is not None:
                drawing.take_away()
                self.err.show_cursor()
            try:
                yield
            finally:
                if drawing is not None:
                    self._drawing = drawing
                    self.err.show_cursor(False)
