"""One engine, one hostile proxy before it, one nursery of clients for this directory's tests."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import pytest

from hostile.matrix import Baseline, baseline
from hostile.world import World, a_world
from kit.sharing import once_for_all_workers

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The engine, the proxy and the clients; the proxy behaves well until it is told otherwise."""
    with a_world(tmp_path_factory.mktemp("hostile")) as found:
        yield found


@pytest.fixture(scope="session")
def base(world: World, request: pytest.FixtureRequest) -> Baseline:
    """What a life without accidents does and leaves; the same for every environment and on every engine."""
    return once_for_all_workers(request, "baseline", lambda: baseline(world, "undisturbed"))


@pytest.fixture
def environment(world: World) -> Iterator[Callable[[], str]]:
    """Names of environments that nobody has used; whatever they hold is removed afterwards."""
    given: list[str] = []

    def fresh() -> str:
        given.append(f"h{next(_numbers)}")
        return given[-1]

    yield fresh
    world.proxy.behave()
    for name in given:
        world.clients.run("down", "--env", name, "--yes", "--aws")


@pytest.fixture
def there(world: World, environment: Callable[[], str]) -> str:
    """The name of an environment that is up, before a proxy that behaves well."""
    name = environment()
    world.proxy.behave()
    world.up(name)
    return name
