"""Where the output cannot be written, what is done is said, and no hint leads to doing it twice."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from pathlib import Path
from typing import Any

import pytest

from cli.conftest import Cli
from cryptoctl.cli.app import app
from cryptoctl.cli.command import CommandRun, _Command
from cryptoctl.errors import ExitCode, Failure
from cryptoctl.reconcile.permissions import Access
from dead_letters.environment import FROM_LAMBDA
from kit.commands import FULL, CommandResult, onto_a_full_disk
from live import Live

pytestmark = pytest.mark.skipif(not FULL.exists(), reason="there is no /dev/full here")

UNWRITTEN = "The output cannot be written: No space left on device."


Command = Callable[..., CommandResult]


@pytest.fixture
def env_options(without_enricher: Live, elsewhere: Path) -> tuple[str, ...]:
    """The options that lead to an environment."""
    return ("--local", "--env", without_enricher.session.environment)


@pytest.fixture
def onto_full(env_options: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> Command:
    """A command on the environment, in this process, whose output cannot be written."""

    def command(*arguments: str) -> CommandResult:
        with full_disk(), pytest.raises(SystemExit) as raised:
            app([*arguments, *env_options])
        return CommandResult(code=int(str(raised.value.code)), out="", err=capsys.readouterr().err)

    return command


@pytest.mark.parametrize("output", ["table", "json"])
def test_a_price_that_is_stored_is_stored_once_whoever_follows_the_hint(
    env_options: tuple[str, ...], cli: Cli, onto_full: Command, output: str
) -> None:
    symbol, in_a_process = f"FULL{output}".upper(), output == "table"
    command = ("send-price", symbol, "7", "x", "--output", output)
    # What a process does at its end changes nothing of it.
    result = onto_a_full_disk(*command, *env_options) if in_a_process else onto_full(*command)
    assert result.code == ExitCode.FAILED
    assert f"The price was sent (stored: {symbol} at " in result.err and UNWRITTEN in result.err
    (timestamp,) = re.findall(r"Send it again with --timestamp (\d+): it is stored once", result.err)
    cli.ok("send-price", symbol, "7", "x", "--timestamp", timestamp, *env_options)
    assert len(cli.ok("prices", symbol, "--output", "json", *env_options).json["prices"]) == 1


def test_a_price_that_is_queued_and_files_that_are_sent_say_so_too(
    onto_full: Command, tmp_path: Path
) -> None:
    result = onto_full("send-price", "FULLQ", "7", "x", "--async")
    assert re.search(r"The price is queued as request \S+\. The output", result.err)
    assert re.search(r"again with --timestamp \d+: it is stored once", result.err)
    file = tmp_path / "prices.jsonl"
    price = {"symbol": "FULLF", "price": "1", "exchange": "x"}
    file.write_text(json.dumps(price), encoding="utf-8")
    result = onto_full("send-price", "--file", str(file), "--now")
    assert f"1 price was sent: 1 stored, 0 stored before, 0 not accepted. {UNWRITTEN}" in result.err
    assert "Do not send the file again" in result.err
    file.write_text(json.dumps({**price, "timestamp": int(time.time() * 1000)}), encoding="utf-8")
    result = onto_full("send-price", "--file", str(file))
    assert "Sent again, nothing is stored twice" in result.err


def test_dead_letters_that_are_deleted_or_put_back_are_counted(
    without_enricher: Live, onto_full: Command, tmp_path: Path
) -> None:
    queue = without_enricher.stack.webhook_dead_letters.name
    url = without_enricher.aws.call("sqs", "GetQueueUrl", QueueName=queue)["QueueUrl"]
    without_enricher.aws.call(
        "sqs",
        "SendMessage",
        QueueUrl=url,
        MessageBody=json.dumps({"body": "{}"}),
        MessageAttributes=FROM_LAMBDA,
    )
    file = tmp_path / "purged.jsonl"
    result = onto_full("dlq", "purge", "--yes", "--export-to", str(file))
    assert result.code == ExitCode.FAILED
    assert f"1 of 1 message was deleted. {UNWRITTEN}" in result.err and f"It is in {file}" in result.err
    result = onto_full("dlq", "import", str(file))
    assert f"1 message was put back. {UNWRITTEN}" in result.err
    assert "send what is not back yet, and nothing twice, run the same command again" in result.err
    result = onto_full("dlq", "list")
    assert f"error: {UNWRITTEN}" in result.err and "then run the command again" in result.err


def test_what_only_reads_may_be_run_again(onto_full: Command) -> None:
    result = onto_full("plan")
    assert result.code == ExitCode.FAILED
    assert "then run the command again" in result.err and "is done" not in result.err


@contextmanager
def full_disk() -> Iterator[None]:
    """In the block nothing can be written to stdout."""
    stream = FULL.open("w", encoding="utf-8")
    with redirect_stdout(stream):
        yield
    with suppress(OSError):  # what could not be written is tried once more
        stream.close()


def outcome_of(access: Access, *, fails: bool, capsys: pytest.CaptureFixture[str]) -> tuple[int, object, str]:
    """How many of three steps a command does that cannot write, its exit code, and what it says."""
    steps = 0

    def work(run: CommandRun) -> None:
        nonlocal steps
        for _ in range(3):
            run.screen.data("done")
            steps += 1
        run.done("Three steps are done", "Leave it at that.")
        if fails:
            raise Failure(ExitCode.REFUSED, "The fourth is refused.", "Ask somebody.")

    built: Any = _Command(
        path=("config",), function=work, access=access, example="", groups=(), formats=()
    ).build()
    with full_disk(), pytest.raises(SystemExit) as raised:
        built([])
    return steps, raised.value.code, " ".join(capsys.readouterr().err.split())


def test_a_command_that_changes_something_does_all_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    steps, code, message = outcome_of(Access.OPERATE, fails=False, capsys=capsys)
    assert (steps, code) == (3, ExitCode.FAILED)
    assert message == f"error: Three steps are done. {UNWRITTEN} hint: Leave it at that."
    steps, code, message = outcome_of(Access.MANAGE, fails=True, capsys=capsys)
    assert (steps, code) == (3, ExitCode.REFUSED)
    assert message == f"error: Three steps are done. The fourth is refused. {UNWRITTEN} hint: Ask somebody."


def test_a_command_that_reads_ends_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    steps, code, message = outcome_of(Access.READ_DATA, fails=False, capsys=capsys)
    assert (steps, code) == (0, ExitCode.FAILED)
    assert message == f"error: {UNWRITTEN} hint: Write it somewhere else, then run the command again."
