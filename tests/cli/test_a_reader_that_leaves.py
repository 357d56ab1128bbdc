"""A reader of stdout that leaves ends a command that reads, never the work of one that changes.

Where stdout is closed from the beginning (`>&-`), every command does all of its work and writes nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, redirect_stdout, suppress
from typing import Any

import pytest

from cryptoctl.cli.command import CommandRun, _Command
from cryptoctl.errors import ExitCode, Failure
from cryptoctl.reconcile.permissions import Access
from cryptoctl.ui.screen import Screen


@contextmanager
def nobody_reads() -> Iterator[None]:
    """In the block stdout is a pipe whose reader has gone."""
    reading, writing = os.pipe()
    os.close(reading)
    stream = os.fdopen(writing, "w", encoding="utf-8")
    with redirect_stdout(stream):
        yield
    with suppress(BrokenPipeError):  # what could not be written is tried once more
        stream.close()


def steps_done(
    access: Access, write: Callable[[Screen], object], stdout: AbstractContextManager[object], *options: str
) -> tuple[int, object]:
    """How many of three steps a command does that writes after each and then fails; its exit code."""
    done = 0

    def work(run: CommandRun) -> None:
        nonlocal done
        for _ in range(3):
            write(run.screen)
            done += 1
        raise Failure(ExitCode.REFUSED, "The rest is refused.")

    built: Any = _Command(
        path=("config",), function=work, access=access, example="", groups=(), formats=()
    ).build()
    with stdout, pytest.raises(SystemExit) as raised:
        built([*options])
    return done, raised.value.code


WAYS: dict[str, Callable[[Screen], object]] = {
    "a line": lambda screen: screen.data("done"),
    "a table": lambda screen: screen.table(["what"], [["done"]]),
    "JSON": lambda screen: screen.json_line({"done": True}),
    "an item": lambda screen: screen.item("results", {"done": True}),
    "CSV or Markdown": lambda screen: screen.raw("done\n"),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("access", [Access.OPERATE, Access.MANAGE])
def test_a_command_that_changes_something_does_all_of_it(access: Access, way: str) -> None:
    assert steps_done(access, WAYS[way], nobody_reads()) == (3, ExitCode.REFUSED)


@pytest.mark.parametrize("way", WAYS)
def test_a_command_that_reads_ends_without_an_error(way: str) -> None:
    assert steps_done(Access.READ_DATA, WAYS[way], nobody_reads()) == (0, 0)


@pytest.mark.parametrize("output", ["table", "json"])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("access", [Access.READ_DATA, Access.MANAGE])
def test_where_stdout_is_closed_all_of_the_work_is_done(access: Access, way: str, output: str) -> None:
    closed: AbstractContextManager[object] = redirect_stdout(None)
    assert steps_done(access, WAYS[way], closed, "--output", output) == (3, ExitCode.REFUSED)
