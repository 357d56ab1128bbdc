"""A command starts fast because it imports only what it needs, and ends with the right exit code."""

from __future__ import annotations

import errno
import io
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import typer.main

from cryptoctl import __main__
from cryptoctl.cli.app import app
from cryptoctl.cli.commands import COMMANDS, SYNONYMS, nearest
from cryptoctl.errors import ExitCode

pytestmark = pytest.mark.process

HEAVY = ("boto", "pydantic", "ministack", "cryptoctl.stack", "cryptoctl.provisioners", "cryptoctl.session")
TELLING = """
import os, sys
real = os._exit
def tell(code):
    os.write(2, "\\n".join(["", "MODULES", *sys.modules]).encode())
    real(code)
os._exit = tell
from cryptoctl.__main__ import main
main()
"""


def run(*arguments: str, home: Path, **variables: str) -> tuple[int, str, set[str]]:
    """The exit code, stdout and the imported modules of a whole process."""
    env = {**os.environ, "CRYPTOCTL_STATE_DIR": str(home / "state"), **variables}
    command = [sys.executable, "-c", TELLING, *arguments]
    done = subprocess.run(command, env=env, cwd=home, capture_output=True, text=True, check=False)
    _, _, modules = done.stderr.partition("\nMODULES\n")
    assert modules, done.stderr
    return done.returncode, done.stdout, set(modules.split())


def heavy(modules: set[str]) -> set[str]:
    return {name for name in modules if name.startswith(HEAVY)}


@pytest.mark.parametrize("arguments", [("--version",), ("--help",), ("dlq", "--help"), ("destroy",)])
def test_what_needs_no_command_imports_none(arguments: tuple[str, ...], tmp_path: Path) -> None:
    _, _, modules = run(*arguments, home=tmp_path)
    assert heavy(modules) == set()
    assert "cryptoctl.cli.command" not in modules


def tab(home: Path, variables: Mapping[str, str]) -> tuple[list[str], set[str]]:
    """What bash is offered, and the modules that were imported for it."""
    env = {**os.environ, "CRYPTOCTL_STATE_DIR": str(home / "state"), **variables}
    done = subprocess.run([sys.executable, "-c", TELLING], env=env, cwd=home, capture_output=True, text=True)
    answer, _, modules = done.stderr.partition("\nMODULES\n")
    assert not answer
    return done.stdout.split(), set(modules.split())


def test_a_tab_imports_no_command(tmp_path: Path) -> None:
    variables = {"_CRYPTOCTL_COMPLETE": "complete_bash", "COMP_WORDS": "cryptoctl d", "COMP_CWORD": "1"}
    suggestions, modules = tab(tmp_path, variables)
    assert suggestions == ["doctor", "dashboard", "dlq", "down"]
    assert heavy(modules) == set()


def test_completion_is_installed_for_cryptoctl_alone_however_it_was_started(tmp_path: Path) -> None:
    env = {**os.environ, "_CRYPTOCTL_COMPLETE": "source_zsh"}
    command = [sys.executable, "-m", "cryptoctl"]
    script = subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True).stdout
    assert script.rstrip().splitlines()[-1] == "compdef _cryptoctl_completion cryptoctl"


def test_a_price_that_is_refused_here_costs_neither_boto3_nor_pydantic(tmp_path: Path) -> None:
    code, _, modules = run("send-price", "BTC", "-1", "here", "--env", "dev", home=tmp_path)
    assert code == ExitCode.USAGE
    assert not {name for name in modules if name.startswith(("boto3", "botocore", "pydantic"))}


def real_commands() -> Mapping[str, Any]:
    root: Any = typer.main.get_command(app)
    commands: dict[str, Any] = {}
    for name, command in root.commands.items():
        inner = getattr(command, "commands", None)
        commands |= (
            {name: command}
            if inner is None
            else {f"{name} {subcommand}": inner[subcommand] for subcommand in inner}
        )
    return commands


def test_the_list_of_commands_agrees_with_their_modules() -> None:
    lines = {
        name: " ".join(command.help.partition("\n\n")[0].split()) for name, command in real_commands().items()
    }
    assert lines == COMMANDS


OFFERED = {
    "cryptoctl --env ": {"prod", "staging"},
    "cryptoctl plan --env p": {"prod"},
    "cryptoctl --config other.toml plan --env ": {"elsewhere"},
    "cryptoctl plan --config other.toml --env ": {"elsewhere"},
    "cryptoctl --config other.toml dlq list --env ": {"elsewhere"},
    "cryptoctl dlq --config other.toml list --env ": {"elsewhere"},
    "cryptoctl up --config other.toml --only crypto-": {"crypto-prices-elsewhere"},
    "cryptoctl plan --profile ": {"default", "work"},
    "cryptoctl logs e": {"error-notifier"},
    "cryptoctl --env prod up --only crypto-": {"crypto-prices-prod"},
    "cryptoctl up --env staging --only crypto-": {"crypto-prices-staging"},
    "cryptoctl up --only crypto-": {"crypto-prices-dev"},
    "cryptoctl local st": {"start", "stop", "status"},
    "cryptoctl prices BTC --output ": {"table", "json", "csv", "markdown"},
}
# Each line in a fork of a process that has imported what most of them need.
FORKING = f"""
import os, sys
import cryptoctl.cli.app, cryptoctl.cli.apply, cryptoctl.session, cryptoctl.stack
for number, line in enumerate(sys.argv[1:]):
    sys.stdout.flush()
    if (child := os.fork()) == 0:
        for descriptor, name in ((1, "out"), (2, "err")):
            os.dup2(os.open(f"{{number}}.{{name}}", os.O_CREAT | os.O_WRONLY), descriptor)
        os.environ |= {{"COMP_WORDS": line, "COMP_CWORD": str(len(line.split(" ")) - 1)}}
        sys.argv[1:] = []
        break
    os.waitpid(child, 0)
else:
    sys.exit()
{TELLING}
"""


def test_a_tab_knows_names(tmp_path: Path) -> None:
    (tmp_path / "cryptoctl.toml").write_text("[env.prod]\n[env.staging]\n", encoding="utf-8")
    other = 'default_env = "elsewhere"\n[env.elsewhere]\n'
    (tmp_path / "other.toml").write_text(other, encoding="utf-8")
    aws = tmp_path / "aws"
    aws.write_text("[default]\n[profile work]\n[sso-session s]\n", encoding="utf-8")
    env = {
        **os.environ,
        "CRYPTOCTL_STATE_DIR": str(tmp_path / "state"),
        "_CRYPTOCTL_COMPLETE": "complete_bash",
        "AWS_CONFIG_FILE": str(aws),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"),
    }
    subprocess.run([sys.executable, "-c", FORKING, *OFFERED], env=env, cwd=tmp_path, check=True)
    for number, (line, offered) in enumerate(OFFERED.items()):
        answer, _, modules = (tmp_path / f"{number}.err").read_text("utf-8").partition("\nMODULES\n")
        suggestions = (tmp_path / f"{number}.out").read_text("utf-8").split()
        assert (answer, set(suggestions)) == ("", offered), line
        heavy_ones = {name for name in modules.split() if name.startswith(("boto3", "botocore", "pydantic"))}
        assert modules and not heavy_ones, line


@pytest.mark.parametrize(
    ("typed", "suggestion"),
    [("destroy", "down"), ("stauts", "status"), ("price", "prices"), ("Deploy", "up")],
)
def test_the_nearest_command_is_suggested(typed: str, suggestion: str) -> None:
    assert nearest(typed) == suggestion


@pytest.mark.parametrize(
    ("group", "typed", "suggestion"),
    [
        ("local", "up", "start"),
        ("local", "down", "stop"),
        ("local", "destroy", "reset"),
        ("local", "show", "status"),
        ("local", "ls", "status"),
        ("dlq", "delete", "purge"),
        ("dlq", "show", "peek"),
        ("dlq", "ls", "list"),
        ("dlq", "restore", "import"),
    ],
)
def test_within_a_group_the_nearest_is_one_of_its_own(group: str, typed: str, suggestion: str) -> None:
    assert nearest(typed, group) == suggestion


def test_every_word_of_another_tool_leads_to_a_command_that_exists() -> None:
    words = {word for name in COMMANDS for word in name.split()}
    assert SYNONYMS.keys() <= words


def test_nothing_is_suggested_where_nothing_is_near() -> None:
    assert nearest("xyzzy") is None


LINES = 200_000


@pytest.fixture
def long_log(tmp_path: Path) -> Path:
    """A working directory whose engine has a log that fills any pipe."""
    directory = tmp_path / "state" / "engine"
    directory.mkdir(parents=True)
    (directory / "engine.log").write_text("a line of the log\n" * LINES, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("output", ["table", "json"])
def test_a_reader_that_has_read_enough_ends_a_command_with_0(long_log: Path, output: str) -> None:
    command = [sys.executable, "-m", "cryptoctl", "local", "logs", "--last", str(LINES), "--output", output]
    env = {**os.environ, "CRYPTOCTL_STATE_DIR": str(long_log / "state")}
    env.pop("PYTHONUNBUFFERED", None)
    with subprocess.Popen(
        command, cwd=long_log, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        assert process.stdout.readline()
        process.stdout.close()
        text = process.stderr.read()
        assert (process.wait(), text) == (0, "")


@pytest.mark.parametrize("words", [["--help"], ["dlq", "--help"], ["status", "--help"]], ids=" ".join)
def test_a_reader_that_has_read_enough_of_the_help_ends_it_with_0(words: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "cryptoctl", *words]
    result = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True)
    os.close(writing)
    assert (result.returncode, result.stderr) == (0, "")


class Unwritable(io.StringIO):
    """A stream of which the last part cannot be written."""

    def __init__(self, error: OSError | None) -> None:
        super().__init__()
        self.error = error

    def flush(self) -> None:
        if self.error is not None:
            raise self.error


FULL_DISK, READER_LEFT = OSError(errno.ENOSPC, "No space left on device"), BrokenPipeError()


class ProcessExit(BaseException):
    """In place of the process's end."""


@pytest.mark.parametrize(
    ("code", "out", "err", "ended_with"),
    [
        (None, None, None, 0),
        (0, None, None, 0),
        ("error: The output cannot be written.", None, None, 1),
        (0, FULL_DISK, None, 1),
        (0, None, FULL_DISK, 1),
        (3, FULL_DISK, None, 3),
        (130, FULL_DISK, FULL_DISK, 130),
        (0, READER_LEFT, None, 0),
        (0, READER_LEFT, FULL_DISK, 1),
    ],
)
def test_what_cannot_be_written_at_the_end_is_no_success_and_takes_no_other_codes_place(
    code: object, out: OSError | None, err: OSError | None, ended_with: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    codes = list[int]()

    def ends(number: int) -> None:
        codes.append(number)
        raise ProcessExit

    monkeypatch.setattr(os, "_exit", ends)
    monkeypatch.setattr(sys, "stdout", Unwritable(out))
    monkeypatch.setattr(sys, "stderr", stderr := Unwritable(err))
    with pytest.raises(ProcessExit):
        __main__._end(code)
    assert codes == [ended_with]
    assert stderr.getvalue() == (f"{code}\n" if isinstance(code, str) else "")
