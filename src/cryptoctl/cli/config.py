"""cryptoctl config: every key of the configuration, what it means and where its value comes from."""

from __future__ import annotations

from cryptoctl.cli.command import CommandRun, command
from cryptoctl.errors import Failure
from cryptoctl.ops.configuration import ConfiguredKey, configured_keys, default_keys
from cryptoctl.ui.configuration import show_keys


@command("config", access=None, example="cryptoctl config --env prod")
def config(run: CommandRun) -> None:
    """Show every configuration key: its value and where that comes from, its default, its meaning."""
    try:
        run.session.settings  # noqa: B018 - validated before anything of it is shown
        keys = list(configured_keys(run.session))
    except Failure:
        _show(run, list(default_keys()))  # the keys are what is needed to correct a wrong file
        raise
    _show(run, keys)


def _show(run: CommandRun, keys: list[ConfiguredKey]) -> None:
    run.set_members(keys=[vars(key) for key in keys])
    run.show(show_keys, keys)
