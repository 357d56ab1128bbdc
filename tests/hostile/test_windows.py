"""`up` and `down` through AWS's windows, and through its worse days."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from hostile.faults import Faults
from hostile.matrix import Baseline, baseline, differences, disturb
from hostile.windows import Windows
from hostile.world import World

pytestmark = pytest.mark.engine

AS_MEASURED = Windows(role=7, policy=5, table=6, function=3, mapping=4, backups=3)
# A role, then its function, then the mapping: nothing can be quicker.
CRITICAL_PATH_S = 7 + 3 + 4
SHORT = Windows(
    role=0.7,
    policy=0.5,
    key=0.3,
    table=0.6,
    table_gone=0.5,
    backups=0.3,
    function=0.3,
    mapping=0.4,
    queue_name=1.0,
    permission=0.3,
)


@pytest.fixture(scope="module")
def base(world: World) -> Baseline:
    return baseline(world, "windless")


def test_up_takes_little_longer_than_its_critical_path(
    world: World, base: Baseline, environment: Callable[[], str]
) -> None:
    name = environment()
    world.proxy.behave(AS_MEASURED, latency_s=0.05)
    began_s = time.monotonic()
    told = world.up(name).err
    took_s = time.monotonic() - began_s
    assert world.plan_is_empty(name)
    assert differences(base.inventory, world.account.inventory(name)) == []
    assert CRITICAL_PATH_S < took_s < 1.3 * CRITICAL_PATH_S
    for because in ("the new role to be seen by Lambda", "the table to be active", "backups to be enabled"):
        assert f"waits for {because}" in told


def a_bad_day(seed: int) -> Faults:
    return Faults(throttled=0.05, broken=0.02, lost=0.02, reset=0.01, seed=seed)


def live(world: World, base: Baseline, name: str, seed: int, *, stale: float) -> list[str]:
    """One environment's life on a bad day."""
    wrong = []
    for command, wanted in (("up", base.inventory), ("up", base.inventory), ("down", {})):
        world.proxy.behave(Windows(**{**vars(SHORT), "stale": stale}), faults=a_bad_day(seed))
        ended = world.clients.run(command, "--env", name, "--yes", "--aws")
        found = differences(wanted, world.account.inventory(name))
        if ended.code or found:
            wrong.append(f"seed {seed}: {command} ended with {ended.code}: {ended.err[-900:]} {found}")
        if command == "up":
            disturb(world.account, name)
    return wrong


def test_up_converges_on_a_bad_day(world: World, base: Baseline, environment: Callable[[], str]) -> None:
    seeds = (1, 2, 3)
    assert [each for s in seeds for each in live(world, base, environment(), s, stale=0.2 * (s - 1))] == []


@pytest.mark.torture
def test_up_converges_on_fifty_bad_days(world: World, base: Baseline, environment: Callable[[], str]) -> None:
    seeds = range(50)
    assert [each for s in seeds for each in live(world, base, environment(), s, stale=s % 3 / 5)] == []
