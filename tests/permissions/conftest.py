"""An environment whose functions see AWS through doors of their own, on a hostile world of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from hostile.proxy import HostileProxy
from hostile.world import World, a_world
from kit.engines import RETRIES_AT_ONCE
from permissions.stage import CONFIGURATION, FUNCTIONS, Stage, a_stage

DOORS: dict[str, HostileProxy] = {}
"""The proxy before each function, of one world: its engine lets functions reach these and no others."""


@pytest.fixture(scope="session")
def rights_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The engine, the proxy and the clients; a failed event is tried again at once."""
    home = tmp_path_factory.mktemp("rights")
    (home / "cryptoctl.toml").write_text(CONFIGURATION, encoding="utf-8")
    with ExitStack() as stack:
        doors = {name: stack.enter_context(HostileProxy("http://127.0.0.1:0")) for name in FUNCTIONS}
        ports = tuple(urlsplit(door.url).port or 0 for door in doors.values())
        world = stack.enter_context(a_world(home, replace(RETRIES_AT_ONCE, function_ports=ports)))
        for door in doors.values():
            door.engine = world.proxy.engine
        DOORS.update(doors)
        yield world


@pytest.fixture(scope="module")
def stage(rights_world: World) -> Iterator[Stage]:
    """The environment, up; each module has its own, with nothing in it that another one's tests have left."""
    with a_stage(rights_world, DOORS) as stage:
        yield stage
