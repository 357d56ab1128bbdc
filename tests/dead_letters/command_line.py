"""The dlq commands as a person types them, in this process."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from typer.testing import CliRunner

from cryptoctl.cli.app import app


@dataclass(frozen=True, kw_only=True)
class Said:
    """What a command said, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The answer of a command that was asked for JSON."""
        return json.loads(self.out)


def run(*arguments: str, environment: str) -> Said:
    """Runs a command; a traceback for the person would be a defect."""
    result = CliRunner().invoke(app, [*arguments, "--local", "--env", environment])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Said(code=result.exit_code, out=result.stdout, err=result.stderr)
