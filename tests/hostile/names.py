"""The environments of this directory's tests: their names, and what the configuration file says of them."""

from __future__ import annotations

import itertools
from pathlib import Path

from hostile.world import World

UNDISTURBED = "undisturbed"
# One alarm stands for all of them: what goes wrong with one goes wrong with each.
CONFIGURATION = """
[env.{name}.alarms]
dead_letters = "off"
errors = "off"
throttles = "off"
"""
_numbers = itertools.count(1)


def configure(home: Path, name: str) -> None:
    """Adds an environment to the file. Each command reads it whole: it has those that are in use."""
    with (home / "cryptoctl.toml").open("a", encoding="utf-8") as file:
        file.write(CONFIGURATION.format(name=name))


def new_name(world: World) -> str:
    """The name of an environment that nobody has used."""
    name = f"h{next(_numbers)}"
    configure(world.home, name)
    return name


class Reused:
    """The name of an environment that tests use one after the other, each from where the last one left it."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.name = new_name(world)

    def renew(self) -> str:
        """From now on another environment; its name. What the last one reserves of the account is freed."""
        self._world.proxy.behave()
        self._world.live(self.name).down()
        self.name = new_name(self._world)
        return self.name
