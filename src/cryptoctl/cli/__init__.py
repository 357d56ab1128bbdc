"""The command line: one command a file; each parses, calls, renders."""

from cryptoctl import interrupts
from cryptoctl.cli import (
    dlq,
    dlq_files,
    doctor,
    down,
    envs,
    iam_policy,
    init,
    local,
    logs,
    outputs,
    plan,
    prices,
    send_price,
    status,
    up,
)
from cryptoctl.cli.app import app as app

# In the help, in the order of a day's work.
COMMANDS = (
    init,
    doctor,
    up,
    plan,
    status,
    outputs,
    envs,
    send_price,
    prices,
    logs,
    dlq,
    dlq_files,
    iam_policy,
    down,
    local,
)
app.registered_commands.sort(
    key=lambda each: [module.__name__.rpartition(".")[2].replace("_", "-") for module in COMMANDS].index(
        each.name or ""
    )
)


def main() -> None:
    """The command line, as a process of its own."""
    with interrupts.ending_the_process():
        app()
