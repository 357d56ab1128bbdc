"""An environment whose functions see AWS through doors of their own, on a hostile world of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hostile.world import World, a_world
from kit.engines import RETRIES_AT_ONCE
from permissions.stage import CONFIGURATION, Stage, a_stage


@pytest.fixture(scope="session")
def rights_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The engine, the proxy and the clients; a failed event is tried again at once."""
    home = tmp_path_factory.mktemp("rights")
    (home / "cryptoctl.toml").write_text(CONFIGURATION, encoding="utf-8")
    with a_world(home, RETRIES_AT_ONCE) as found:
        yield found


@pytest.fixture(scope="module")
def stage(rights_world: World) -> Iterator[Stage]:
    """The environment, up; each module has its own, with nothing in it that another one's tests have left."""
    with a_stage(rights_world) as found:
        yield found
