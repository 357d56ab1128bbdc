"""Full disks, narrow encodings, impossible directories, odd files: a sentence, never a traceback."""

from __future__ import annotations

import importlib.util
import io
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cli.conftest import Cli, unused_port
from cryptoctl.aws import Aws, AwsError
from cryptoctl.aws_errors import refusal
from cryptoctl.cli.command import CommandRun, as_failure
from cryptoctl.cli.down import _ask as ask_down
from cryptoctl.cli.file_options import GivenFiles
from cryptoctl.cli.send_price import send_price
from cryptoctl.errors import ExitCode, Failure
from cryptoctl.local import launch
from cryptoctl.local.errors import EngineError
from cryptoctl.ops.invoking import invoke
from cryptoctl.ops.log_entries import entries
from cryptoctl.ops.logs import Line
from cryptoctl.ops.times import parse_time_ms
from cryptoctl.parallel import map_in_threads
from cryptoctl.session import Session, SessionOptions
from cryptoctl.ui.json_output import write_document
from cryptoctl.ui.logs import line_document, show_entry
from cryptoctl.ui.screen import Screen
from cryptoctl.ui.streams import accept_any_text

pytestmark = pytest.mark.process

WITHIN_S = 60
FULL = Path("/dev/full")
needs_dev_full = pytest.mark.skipif(not FULL.exists(), reason="there is no /dev/full here")


def run(
    *arguments: str, cwd: Path, stdout: Any = subprocess.PIPE, stderr: Any = subprocess.PIPE, **variables: str
) -> subprocess.CompletedProcess[bytes]:
    """A whole process; a traceback would be a defect."""
    env = {**os.environ, "CRYPTOCTL_STATE_DIR": str(cwd / "state"), **variables}
    for name in ("CRYPTOCTL_CONFIG", "PYTHONUNBUFFERED"):
        env.pop(name, None)
    command = [sys.executable, "-m", "cryptoctl", *arguments]
    done = subprocess.run(
        command, cwd=cwd, env=env, stdout=stdout, stderr=stderr, timeout=WITHIN_S, check=False
    )
    assert b"Traceback" not in (done.stderr or b"")
    return done


@pytest.mark.parametrize("arguments", [("config",), ("--help",)])
def test_where_the_size_of_the_terminal_is_not_known_all_is_written(
    arguments: tuple[str, ...], tmp_path: Path
) -> None:
    """Some containers and job runners set these."""
    known = run(*arguments, cwd=tmp_path, COLUMNS="80", LINES="24").stdout
    assert known and run(*arguments, cwd=tmp_path, COLUMNS="0", LINES="0").stdout == known


@needs_dev_full
@pytest.mark.parametrize("arguments", [("config",), ("config", "-o", "json"), ("--help",), ("--version",)])
def test_an_output_that_cannot_be_written_is_said(tmp_path: Path, arguments: Sequence[str]) -> None:
    with FULL.open("wb") as full:
        done = run(*arguments, cwd=tmp_path, stdout=full)
    assert done.returncode == ExitCode.FAILED
    assert b"error: The output cannot be written: No space left on device." in done.stderr


def test_a_file_below_home_that_cannot_be_written_is_named() -> None:
    """Completion is installed there."""
    code = """
import cryptoctl.cli, cryptoctl.__main__
def main():
    raise PermissionError(13, "Permission denied", "/home/a/.zshrc")
cryptoctl.cli.main = main
cryptoctl.__main__.main()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "error: /home/a/.zshrc cannot be used: Permission denied.\n"


@needs_dev_full
def test_csv_that_cannot_be_written_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with FULL.open("w", encoding="utf-8") as full:
        monkeypatch.setattr(sys, "stdout", full)
        with pytest.raises(Failure, match="No space left on device"):
            Screen(colour=False).raw("symbol,price\n" * 100_000)
        monkeypatch.undo()


@needs_dev_full
def test_messages_that_cannot_be_written_change_no_exit_code(tmp_path: Path) -> None:
    with FULL.open("wb") as full:
        assert run("plan", "--local", cwd=tmp_path, stderr=full).returncode == ExitCode.UNREACHABLE


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_a_narrow_encoding_shows_a_likeness(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "cryptoctl.toml").write_text(f"[engine]\nport = {unused_port()}\n", encoding="utf-8")
    done = run("doctor", "--local", cwd=tmp_path, PYTHONIOENCODING=encoding)
    assert done.returncode == 0
    assert "-> Start it with" in done.stdout.decode(encoding)


@pytest.mark.parametrize(("encoding", "shown"), [("ascii", "ok \\xe9 \\u20bf"), ("cp1252", "ok é \\u20bf")])
def test_what_an_encoding_lacks_is_escaped(monkeypatch: Any, encoding: str, shown: str) -> None:
    bytes_written = io.BytesIO()
    stream = io.TextIOWrapper(bytes_written, encoding=encoding)
    monkeypatch.setattr(sys, "stdout", stream)
    accept_any_text()
    stream.write("✓ é ₿")
    stream.flush()
    assert bytes_written.getvalue().decode(encoding) == shown


@pytest.mark.parametrize("command", ["local start", "up --local", "plan --local"])
def test_a_state_directory_that_cannot_be_made_is_said(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setenv("CRYPTOCTL_STATE_DIR", str(tmp_path / "file" / "state"))
    result = cli(*command.split())
    assert result.code == ExitCode.UNREACHABLE
    assert "hint:" in result.err


def test_a_home_that_cannot_be_used_is_said(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/dev/null/home")
    monkeypatch.setenv("CRYPTOCTL_STATE_DIR", "")
    result = cli("local", "start")
    assert result.code == ExitCode.UNREACHABLE
    assert "/dev/null/home" in result.err


def test_a_file_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    file = tmp_path / "state" / "nothing"
    failure = as_failure(PermissionError(13, "Permission denied", str(file)))
    assert failure.message == f"{file} cannot be used: Permission denied."
    assert failure.hint == ""


def test_a_state_file_that_cannot_be_used_leads_to_the_variable(monkeypatch: Any, tmp_path: Path) -> None:
    monkeypatch.setenv("CRYPTOCTL_STATE_DIR", str(tmp_path))
    failure = as_failure(OSError(28, "No space left on device", str(tmp_path / "journal")))
    assert "CRYPTOCTL_STATE_DIR names another directory" in failure.hint


def test_a_system_that_starts_no_more_threads_is_said(cli: Cli, monkeypatch: Any) -> None:
    def read_at_the_same_time(_: Session) -> Any:
        return map_in_threads(str, [1, 2], max_workers=2)

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    monkeypatch.setattr("cryptoctl.cli.config.configured_keys", read_at_the_same_time)
    result = cli("config")
    assert result.code == ExitCode.FAILED
    assert "starts no more threads" in result.err


def test_streams_that_are_closed_are_no_place_for_files(tmp_path: Path) -> None:
    script = """
import os, sys
from cryptoctl import __main__, cli
def main():
    opened = os.open(os.devnull, os.O_RDONLY)
    sys.exit(f"{opened}" if opened <= 2 else None)
cli.main = main
__main__.main()
"""
    closed = ["sh", "-c", 'exec "$0" -c "$1" <&- >&- 2>&-', sys.executable, script]
    assert subprocess.run(closed, cwd=tmp_path, timeout=WITHIN_S, check=False).returncode == 0


@pytest.mark.parametrize("error", [EOFError(), OSError(5, "Input/output error")], ids=["end", "gone"])
@pytest.mark.parametrize(
    "ask", [lambda run: run.screen.confirm("Delete?", "This deletes dev"), ask_down], ids=["confirm", "down"]
)
def test_a_terminal_that_ends_or_is_gone_at_a_question_consents_to_nothing(
    error: Exception, ask: Callable[[CommandRun], None], monkeypatch: Any
) -> None:
    def no_line() -> str:
        raise error

    monkeypatch.setattr("builtins.input", no_line)
    monkeypatch.setattr(Screen, "can_ask", True)
    with pytest.raises(Failure) as raised:
        ask(CommandRun(session=Session(SessionOptions(environment="dev")), screen=Screen(colour=False)))
    assert (raised.value.exit_code, raised.value.message) == (ExitCode.REFUSED, "Nothing was changed.")


def test_a_working_directory_that_is_deleted_is_said(tmp_path: Path) -> None:
    directory = tmp_path / "gone"
    directory.mkdir()
    script = f"cd '{directory}' && rmdir '{directory}' && exec '{sys.executable}' -m cryptoctl config \"$@\""
    for options, code in (((), ExitCode.USAGE), (("--config", str(tmp_path / "some.toml")), 0)):
        (tmp_path / "some.toml").write_text("", encoding="utf-8")
        directory.mkdir(exist_ok=True)
        done = subprocess.run(["sh", "-c", script, "sh", *options], capture_output=True, text=True)
        assert done.returncode == code, done.stderr
        assert "Traceback" not in done.stderr
        assert code == 0 or "The working directory cannot be read" in done.stderr


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("# a comment\n" * 3_000_000, "is larger than 200 kB"),
        ("".join(f"k{number} = 1\n" for number in range(300_000)), "is larger than 200 kB"),
        ("".join(f"k{number} = 1\n" for number in range(10_000)), "and 9995 more"),
        (f"default_env = {'9' * 4_301}", "is not valid TOML"),
        (f"default_env = {'9' * 4_299}", "9…`"),
        (f"default_env = {'[' * 1_900}{']' * 1_900}", "is nested too deeply"),
        # From Python 3.14 on it is nested too deeply, before it is an unknown key.
        (f"{'.'.join('a' * 2_000)} = 1", "`cryptoctl config` lists every key"),
        (f"[env.dev]\nprofile = '{'x' * 3_900}", "is not valid TOML"),
        (f"{'.'.join('a' * 90_000)} = 1", "has a line of more than 5000 characters"),
        (f"{'k' * 3_900} = 1", "has an unknown key `kkk"),
        (f"[env.{'e' * 3_900}]", "is not a valid name for an environment"),
    ],
    ids=[
        "32 MB",
        "300,000 keys",
        "10,000 keys",
        "4301 digits",
        "4299 digits",
        "arrays",
        "dots",
        "text",
        "line",
        "key",
        "name",
    ],
)
def test_an_enormous_configuration_is_refused(cli: Cli, elsewhere: Path, text: str, message: str) -> None:
    (elsewhere / "cryptoctl.toml").write_text(text, encoding="utf-8")
    result = cli("plan")
    assert result.code == ExitCode.USAGE
    assert message in result.err
    assert len(result.err) < 2_000


def test_a_configuration_that_is_no_file_is_refused_and_not_read(cli: Cli, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name in (str(tmp_path / "pipe"), "/dev/zero"):  # to read them would never end
        done = run("plan", "--config", name, cwd=tmp_path)
        assert done.returncode == ExitCode.USAGE
        assert b"is not a regular file" in done.stderr
    result = cli("plan", "--config", str(tmp_path))
    assert (result.code, "is not a regular file" in result.err) == (ExitCode.USAGE, True)


@pytest.mark.parametrize(
    "text", ["9" * 5_000, f"{'9' * 5_000}d", "9" * 15, "٣d", "9999-12-31T23:59:59-23:59"]
)
def test_a_time_beyond_all_measure_is_not_valid(text: str) -> None:
    with pytest.raises(Failure, match="is not a valid time") as raised:
        parse_time_ms(text)
    assert len(raised.value.message) < 100


@pytest.mark.parametrize("depth", [60, 500, 100_000])
def test_a_deeply_nested_log_line_is_shown_as_text(depth: int, capsys: Any) -> None:
    text = '{"message": ' + "[" * depth + "]" * depth + "}"
    line = Line(id="1", time_ms=0, function="f", text=text)
    assert line_document(line)["message"] == text
    [entry] = entries([line], everything=False)
    show_entry(Screen(colour=False), entry)
    assert "[[[" in capsys.readouterr().out


def test_an_answer_that_is_nested_deeply_is_still_a_document(capsys: Any) -> None:
    body: Any = "at the bottom"
    for _ in range(400):
        body = [body]
    where = {"environment": "e", "target": "local", "account": None, "region": None}
    write_document(
        Screen(colour=False, is_json=True), "dlq peek", where, {"messages": [{"body": body}]}, None
    )
    assert "at the bottom" in json.loads(capsys.readouterr().out)["messages"][0]["body"].__repr__()


class Answering(Aws):
    """AWS whose function answers with that payload."""

    def __init__(self, payload: bytes) -> None:
        super().__init__()
        self._payload = payload

    def call(self, service: str, operation: str, *, once: bool = False, **params: Any) -> dict[str, Any]:
        """The payload, whatever is asked."""
        return {"Payload": io.BytesIO(self._payload)}


FUNCTION: Any = SimpleNamespace(name="webhook-processor-x", scope=SimpleNamespace(environment="x"))


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"null",
        b"hello",
        b"[1]",
        b'"ok"',
        b"{}",
        b'{"statusCode": 200}',
        b'{"statusCode": 200, "body": "hello"}',
        b'{"statusCode": 200, "body": "[1]"}',
        b'{"statusCode": "twice", "body": "{}"}',
        b"[" * 100_000,
        b"\xff\xfe",
    ],
)
def test_a_function_that_answers_something_else_is_said(payload: bytes) -> None:
    with pytest.raises(Failure, match="not the webhook processor's"):
        invoke(Answering(payload), FUNCTION, "{}")


def test_an_answer_without_the_members_of_a_stored_price_is_said() -> None:
    run: Any = SimpleNamespace(
        session=SimpleNamespace(
            aws=Answering(b'{"statusCode": 200, "body": "{}"}'), stack=SimpleNamespace(webhook=FUNCTION)
        )
    )
    with pytest.raises(Failure, match="not the webhook processor's"):
        send_price(run, GivenFiles(), "BTC", "1", "here")


@pytest.mark.parametrize("timestamp", [None, "1675329600138"])
def test_sending_it_again_is_advised_only_with_the_time_that_it_had(timestamp: str | None) -> None:
    class Failing(Answering):
        def call(self, service: str, operation: str, *, once: bool = False, **params: Any) -> dict[str, Any]:
            self.sent = json.loads(json.loads(params["Payload"])["body"])
            return {"FunctionError": "Unhandled", **super().call(service, operation, **params)}

    aws = Failing(b'{"errorType": "E", "errorMessage": "no"}')
    run: Any = SimpleNamespace(session=SimpleNamespace(aws=aws, stack=SimpleNamespace(webhook=FUNCTION)))
    with pytest.raises(Failure) as raised:
        send_price(run, GivenFiles(), "BTC", "1", "here", timestamp=timestamp)
    moment = f" with --timestamp {aws.sent['timestamp']}" if timestamp is None else ""
    assert f"Send it again{moment}: it is stored once." in raised.value.hint


WRONG_TIME = {"Code": "InvalidSignatureException", "Message": "Signature expired: it is later now"}


@pytest.mark.parametrize("later", [False, True])
@pytest.mark.parametrize(
    ("error", "may_be_stored"),
    [
        (refusal("lambda", "Invoke", {"Error": WRONG_TIME}), False),
        (refusal("lambda", "Invoke", {"Error": {"Code": "AccessDeniedException"}}), False),
        (refusal("lambda", "Invoke", {"Error": {"Code": "ServiceException"}}), True),
        (Failure(ExitCode.UNREACHABLE, "No answer came."), True),
        (KeyboardInterrupt(), True),
    ],
)
def test_a_price_that_was_refused_for_certain_is_not_sent_again_with_the_time_it_had(
    later: bool, error: BaseException, may_be_stored: bool
) -> None:
    class Refusing(Answering):
        def call(self, service: str, operation: str, *, once: bool = False, **params: Any) -> dict[str, Any]:
            raise error

    session = SimpleNamespace(aws=Refusing(b""), stack=SimpleNamespace(webhook=FUNCTION))
    run: Any = SimpleNamespace(session=session)
    with pytest.raises((Failure, AwsError)) as raised:
        send_price(run, GivenFiles(), "BTC", "1", "here", later=later)
    assert ("with --timestamp" in getattr(raised.value, "hint", "")) is may_be_stored


def test_the_engine_that_is_not_installed_leads_to_a_command_that_exists(monkeypatch: Any) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(EngineError) as raised:
        launch._require_ministack()
    assert f"{sys.executable} -m pip install" in raised.value.hint
    assert "ministack==" in raised.value.hint
