"""One engine, one hostile proxy before it, one fork server for clients for this directory's tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hostile.matrix import Baseline, baseline
from hostile.names import UNDISTURBED, Reused, configure, new_name
from hostile.world import World, a_world
from kit.sharing import once_for_all_workers


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The engine, the proxy and the clients; the proxy behaves well until it is told otherwise."""
    home = tmp_path_factory.mktemp("hostile")
    configure(home, UNDISTURBED)
    with a_world(home) as world:
        yield world


@pytest.fixture(scope="session")
def base(world: World, request: pytest.FixtureRequest) -> Baseline:
    """What a life without accidents does and leaves; the same for every environment and on every engine."""
    return once_for_all_workers(request, "baseline", lambda: baseline(world, UNDISTURBED))


@pytest.fixture
def unconfigured(world: World, tmp_path: Path) -> Iterator[None]:
    """The commands have no configuration, as at the beginning: every environment is as it comes."""
    file = tmp_path / "empty.toml"
    file.touch()
    with world.clients.configured_by(file):
        yield


@pytest.fixture(scope="session")
def reused(world: World) -> Reused:
    """One for all tests of this worker."""
    return Reused(world)


@pytest.fixture
def environment(world: World) -> Iterator[Callable[[], str]]:
    """Names of environments that nobody has used; whatever they hold is removed afterwards."""
    names: list[str] = []

    def fresh() -> str:
        names.append(new_name(world))
        return names[-1]

    yield fresh
    world.proxy.behave()
    for name in names:
        world.live(name).down()


@pytest.fixture
def used(world: World, reused: Reused, request: pytest.FixtureRequest) -> Iterator[str]:
    """The name of an environment that other tests have used, up or not, before a proxy that behaves well.

    A test that failed may have left anything; the next one gets another name.
    """
    world.proxy.behave()
    failed_before = request.session.testsfailed
    yield reused.name
    if request.session.testsfailed != failed_before:
        reused.renew()


@pytest.fixture
def deployed(world: World, used: str) -> str:
    """The name of an environment that is up, before a proxy that behaves well."""
    world.prepare(used, "up")
    return used
