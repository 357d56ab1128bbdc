"""The dlq commands as a person types them, in this process."""

from __future__ import annotations

from kit.commands import Cli
from kit.commands import Said as Said


def run(*arguments: str, environment: str) -> Said:
    """Runs a command on the engine."""
    return Cli("--local", "--env", environment)(*arguments)
