"""The command line: one command a file; each parses, calls, renders."""

from cryptoctl import env_vars, interrupts
from cryptoctl.cli.app import app as app
from cryptoctl.ui.streams import accept_any_text


def main() -> None:
    """The command line, as a process of its own."""
    accept_any_text()
    env_vars.forget_unknown_size()
    with interrupts.exit_on_signal():
        # However it was started: completion would be installed for `python` and `-m` too.
        app(prog_name="cryptoctl")
