"""Ctrl-C: what is finished is said, and the next run goes on from there."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

import cryptoctl
from cli.conftest import put_price
from cryptoctl.errors import ExitCode
from cryptoctl.ops.times import now_ms
from kit.waiting import eventually
from live import Live

pytestmark = pytest.mark.engine


def test_up_interrupted_says_what_is_finished_and_the_next_up_continues(local_cli: Any) -> None:
    cli = local_cli("interrupted")
    command = [sys.executable, "-m", "cryptoctl", "up", "--local", "--env", "interrupted", "--no-color"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("✓"):
                process.send_signal(signal.SIGINT)
                break
        output = process.stderr.read()
        code = process.wait()
    assert code == ExitCode.INTERRUPTED, output
    assert "Interrupted:" in output
    assert "done" in output
    assert "goes on from here" in output
    assert cli("plan", "--exit-code").code == ExitCode.DIFFERENCES
    cli.ok("up")
    assert cli("plan", "--exit-code").code == 0
    cli.ok("down", "--yes")


def test_an_interruption_before_everything_is_imported_leaves_no_traceback(tmp_path: Path) -> None:
    interrupting = "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n"
    (tmp_path / "typer.py").write_text(interrupting, encoding="utf-8")
    command = [sys.executable, "-m", "cryptoctl", "plan"]
    source = str(Path(cryptoctl.__file__).parents[1])
    paths = os.pathsep.join([str(tmp_path), source])
    result = subprocess.run(command, env={**os.environ, "PYTHONPATH": paths}, capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (ExitCode.INTERRUPTED, "")


def test_following_the_logs_ends_with_130_and_a_document(without_functions: Live, elsewhere: Path) -> None:
    environment, aws = without_functions.session.environment, without_functions.aws
    where: dict[str, Any] = {"logGroupName": without_functions.stack.webhook_logs.name, "logStreamName": "s"}
    aws.call("logs", "CreateLogStream", **where)
    aws.call("logs", "PutLogEvents", **where, logEvents=[{"timestamp": now_ms(), "message": "a line"}])
    command = [sys.executable, "-m", "cryptoctl", "logs", "-f", "--since", "5m", "--local", "-o", "json"]
    with subprocess.Popen(
        [*command, "--env", environment], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        first = json.loads(process.stdout.readline())
        assert set(first) == {"time", "function", "message"}
        process.send_signal(signal.SIGINT)
        try:
            assert process.wait(60.0) == ExitCode.INTERRUPTED
        finally:
            process.kill()
        assert process.stderr.read() == "Interrupted.\n"
        *_, last = process.stdout.read().splitlines()
    assert json.loads(last)["outcome"] == "interrupted"


def test_prices_into_a_reader_that_stops_end_with_0(without_functions: Live, elsewhere: Path) -> None:
    put_price(without_functions, "PIPED", now_ms())
    environment = without_functions.session.environment
    command = f"{sys.executable} -m cryptoctl prices PIPED --local --env {environment}; echo $? >&2"
    done = subprocess.run(["sh", "-c", f"({command}) | true"], capture_output=True, text=True, check=False)
    assert done.stderr == "0\n"


INTERRUPTED = """
import os, signal, sys
from cryptoctl import interrupts
from cryptoctl.cli.command import _Command

def work(run):
    print("ready", file=sys.stderr, flush=True)
    os.kill(os.getpid(), signal.SIGINT)

command = _Command(path=("config",), function=work, access=None, example="", groups=(), formats=())
with interrupts.exit_on_signal():
    command.build()(sys.argv[1:])
"""


FEED = """
import os, signal, sys
from types import SimpleNamespace
from cryptoctl import interrupts
from cryptoctl.cli import feed, main

async def follow(*_):
    with interrupts.on_signal(lambda: None, interrupts.interrupt):
        print("ready", file=sys.stderr, flush=True)
        os.kill(os.getpid(), signal.SIGINT)

feed._start_points, feed._follow = lambda *_: {}, follow
feed.Exchanges = lambda *_, **__: SimpleNamespace(not_followed={})
feed._show = lambda *_: print("the summary", flush=True)
sys.argv = ["cryptoctl", "feed", "binance", "BTC/USDT", *sys.argv[1:]]
main()
"""


@pytest.mark.parametrize("program", [INTERRUPTED, FEED], ids=["any", "feed"])
def test_where_nobody_reads_the_last_words_another_signal_ends_the_command(
    elsewhere: Path, program: str
) -> None:
    with (
        full_pipe() as full,
        subprocess.Popen(
            [sys.executable, "-c", program, "--output", "json"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        ) as process,
    ):
        assert process.stderr is not None and process.stderr.readline() == "ready\n"

        def ended() -> bool:
            process.send_signal(signal.SIGTERM)  # within a moment of the first one it counts as the same
            return process.poll() is not None

        try:
            eventually(ended)
        finally:
            process.kill()
    assert process.returncode == ExitCode.INTERRUPTED


@contextmanager
def full_pipe() -> Iterator[int]:
    """The writing end of a pipe that takes nothing more."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with suppress(BlockingIOError):
        while os.write(writing, b"x"):
            pass
    os.set_blocking(writing, True)
    try:
        yield writing
    finally:
        os.close(writing)
        os.close(reading)
