"""The command line: one command a file; each parses, calls, renders."""

from cryptoctl.cli import (
    up,
    plan,
    status,
    outputs,
    envs,
    down,
    send_price,
    prices,
    logs,
    local,
    init,
)
from cryptoctl.cli.app import app

__all__ = ["down", "envs", "init", "local", "logs", "main", "outputs", "plan", "prices", "send_price", "status", "up"]


def main() -> None:
    """The console script."""
    app()
