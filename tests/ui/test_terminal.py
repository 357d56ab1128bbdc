"""No finished line is lost on a terminal and nothing of a drawing stays, whatever its size."""

from __future__ import annotations

import io
from collections import Counter
from pathlib import Path

import pytest
from rich.console import Console
from rich.text import Text

from cryptoctl.ui.screen import Screen
from kit.screens import Shown, run, shown, wrapped
from ui.busy import THREADS, line_of

BUSY = str(Path(__file__).with_name("busy.py"))
SIZES = ((80, 24), (60, 10), (120, 40), (40, 5))
LINES = 12


def check(screen: Shown, columns: int) -> None:
    """Every line is there, whole and once, and nothing else."""
    assert screen.code == 0, screen.text
    expected = Counter(line_of(thread, number) for thread in range(THREADS) for number in range(LINES))
    assert Counter(joined(screen.lines)) == expected + Counter(["the end"])
    assert screen.lines[-1] == "the end"
    assert {len(line) <= columns for line in screen.lines} == {True}


def joined(lines: list[str]) -> list[str]:
    """The lines as they were printed: each ends with "end"."""
    whole_lines, begun = [], ""
    for line in lines:
        begun += line
        if begun.endswith("end"):
            whole_lines.append(begun)
            begun = ""
    return [*whole_lines, begun] if begun else whole_lines


@pytest.mark.process
@pytest.mark.parametrize(("columns", "rows"), SIZES)
def test_what_threads_print_while_something_is_drawn_is_all_there(columns: int, rows: int) -> None:
    check(run([BUSY, "1", str(LINES)], columns=columns, rows=rows), columns)


@pytest.mark.torture
@pytest.mark.parametrize("seed", range(25))
@pytest.mark.parametrize(("columns", "rows"), SIZES)
def test_a_hundred_times(columns: int, rows: int, seed: int) -> None:
    check(run([BUSY, str(seed), str(LINES)], columns=columns, rows=rows), columns)


def on_a_terminal(columns: int, rows: int) -> tuple[Screen, io.StringIO]:
    """A screen whose two streams are one terminal."""
    both = io.StringIO()
    screen = Screen(colour=False)
    console = Console(
        file=both, width=columns, height=rows, force_terminal=True, highlight=False, soft_wrap=True
    )
    screen.terminal.err = screen.terminal.out = console
    return screen, both


@pytest.mark.process
@pytest.mark.parametrize("columns", [40, 120])
def test_a_terminal_that_can_do_nothing_still_has_its_width(columns: int) -> None:
    code = "from cryptoctl.ui.screen import Screen; print(Screen(colour=False).terminal.{}.width)"
    for stream in ("out", "err"):
        screen = run(["-c", code.format(stream)], columns=columns, rows=20, variables={"TERM": "dumb"})
        assert screen.lines == [str(columns)]


@pytest.mark.parametrize("lines", [0, 1, 2, 5, 30])
def test_a_drawing_is_put_below_what_is_printed_and_leaves_nothing(lines: int) -> None:
    screen, both = on_a_terminal(40, 6)
    screen.data("before")
    with screen.drawn(lambda: Text("\n".join(f"drawn {number}" for number in range(lines)))):
        screen.say("a message")
        screen.data("an answer")
        meanwhile = shown(lines_fed(both), 40, 6)
    drawn = [f"drawn {number}" for number in range(min(lines, 5))]
    if lines > 5:
        drawn[4] = "… and 26 more"
    assert meanwhile == ["before", "a message", "an answer", *drawn]
    assert shown(lines_fed(both), 40, 6) == ["before", "a message", "an answer"]


def lines_fed(both: io.StringIO) -> str:
    """As the terminal's driver passes it on."""
    return both.getvalue().replace("\n", "\r\n")


def test_a_drawing_wider_than_the_terminal_is_cut_and_not_wrapped() -> None:
    screen, both = on_a_terminal(20, 6)
    with screen.drawn(lambda: Text("x" * 50)):
        screen.data("an answer")
        assert shown(lines_fed(both), 20, 6) == ["an answer", "x" * 18 + "…"]


def test_while_the_terminal_is_lent_nothing_is_drawn() -> None:
    screen, both = on_a_terminal(40, 6)
    with screen.drawn(lambda: Text("drawn")):
        with screen.terminal.suspended():
            assert shown(lines_fed(both), 40, 6) == []
            screen.data("an answer")
            assert shown(lines_fed(both), 40, 6) == ["an answer"]
        screen.data("another")
        assert shown(lines_fed(both), 40, 6) == ["an answer", "another", "drawn"]


def test_the_emulator_wraps_as_expected() -> None:
    assert shown("x" * 25, 10, 5) == wrapped("x" * 25, 10)
