"""A reader of stdout that leaves ends a command that reads, never the work of one that changes.

Where stdout is closed from the beginning (`>&-`), every command does all of its work and writes nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, redirect_stdout, suppress
from pathlib import Path
from typing import Any

import pytest

from cryptoctl.cli.app import app
from cryptoctl.cli.command import CommandRun, _Command
from cryptoctl.errors import ExitCode, Failure
from cryptoctl.local.engine import Engine
from cryptoctl.reconcile.permissions import Access
from cryptoctl.ui.screen import Screen
from live import Live


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


@pytest.mark.parametrize("access", [Access.READ_DATA, Access.MANAGE])
def test_a_command_that_fails_says_so_though_nobody_reads_its_document(
    access: Access, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--output", "json")
    assert steps_done(access, lambda _: None, nobody_reads(), *options) == (3, ExitCode.REFUSED)
    assert capsys.readouterr().err == "error: The rest is refused.\n"


@pytest.mark.engine
@pytest.mark.parametrize("output", ["table", "json"])
@pytest.mark.parametrize("command", ["plan", "status"])
def test_an_exit_code_that_tells_whether_all_is_well_does_not_depend_on_a_reader(
    without_functions: Live, elsewhere: Path, command: str, output: str
) -> None:
    environment = without_functions.session.environment
    with nobody_reads(), pytest.raises(SystemExit) as raised:
        app([command, "--exit-code", "--output", output, "--local", "--env", environment])
    assert raised.value.code == ExitCode.DIFFERENCES


@pytest.mark.engine
def test_what_would_make_up_fail_is_told_by_the_exit_code_of_doctor_though_nobody_reads(
    engine: Engine, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cryptoctl.local.engine.problems", lambda _: ("saving the state fails",))
    with nobody_reads(), pytest.raises(SystemExit) as raised:
        app(["doctor", "--local", "--env", "dev"])
    assert raised.value.code == ExitCode.FAILED


@pytest.mark.parametrize("output", ["table", "json"])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("access", [Access.READ_DATA, Access.MANAGE])
def test_where_stdout_is_closed_all_of_the_work_is_done(access: Access, way: str, output: str) -> None:
    closed: AbstractContextManager[object] = redirect_stdout(None)
    assert steps_done(access, WAYS[way], closed, "--output", output) == (3, ExitCode.REFUSED)
