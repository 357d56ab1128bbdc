"""Ctrl-C: what is finished is said, and the next run goes on from there."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import Any

import pytest

from cryptoctl.errors import Problem

pytestmark = pytest.mark.engine
MAIN = "from cryptoctl.cli import main; main()"


def test_up_interrupted_says_what_is_finished_and_the_next_up_continues(local_cli: Any) -> None:
    command = [sys.executable, "-c", MAIN, "up", "--local", "--env", "interrupted", "--no-color"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("✓"):
                process.send_signal(signal.SIGINT)
                break
        said = process.stderr.read()
        code = process.wait()
    cli = local_cli("interrupted")
    assert code == Problem.INTERRUPTED, said
    assert "Interrupted:" in said
    assert "done" in said
    assert "goes on from here" in said
    assert cli("plan", "--exit-code").code == Problem.DIFFERENCES
    cli.ok("up")
    assert cli("plan", "--exit-code").code == 0
    cli.ok("down", "--yes")
