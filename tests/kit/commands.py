"""Commands as a person types them, run in this process."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from cryptoctl.cli.app import app

WITHIN_S = 120.0


@dataclass(frozen=True, kw_only=True)
class CommandResult:
    """What a command said, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The answer of a command that was asked for JSON."""
        return json.loads(self.out)


def _await_reads() -> None:
    """A process would end by now; here, what still asks in vain would disturb other tests (its dice, say)."""
    for thread in threading.enumerate():
        if thread.name == "read":
            thread.join(WITHIN_S)
            assert not thread.is_alive()


class Cli:
    """cryptoctl, with some options always given."""

    def __init__(self, *always: str, env: Mapping[str, str | None] | None = None) -> None:
        self._always, self._env = always, dict(env or {})

    def __call__(self, *arguments: str, typed: str | None = None) -> CommandResult:
        """Runs a command; a traceback for the person would be a defect."""
        result = CliRunner().invoke(app, [*arguments, *self._always], input=typed, env=self._env)
        _await_reads()
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert "Traceback" not in result.stderr
        return CommandResult(code=result.exit_code, out=result.stdout, err=result.stderr)

    def ok(self, *arguments: str, typed: str | None = None) -> CommandResult:
        """Runs a command that must work."""
        result = self(*arguments, typed=typed)
        assert result.code == 0, result.err + result.out
        return result


FULL = Path("/dev/full")


def onto_a_full_disk(*arguments: str) -> CommandResult:
    """Runs a command in a process of its own that cannot write its output."""
    command = [sys.executable, "-m", "cryptoctl", *arguments]
    with FULL.open("wb") as full:
        done = subprocess.run(
            command, stdout=full, stderr=subprocess.PIPE, timeout=WITHIN_S, check=False, text=True
        )
    assert "Traceback" not in done.stderr
    return CommandResult(code=done.returncode, out="", err=done.stderr)
