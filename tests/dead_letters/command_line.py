"""The dlq commands as a person types them, in this process."""

from __future__ import annotations

from collections.abc import Callable

from kit.commands import Cli
from kit.commands import CommandResult as CommandResult

Dlq = Callable[..., CommandResult]


def run(*arguments: str, environment: str) -> CommandResult:
    """Runs a command on the engine."""
    return Cli("--local", "--env", environment)(*arguments)
