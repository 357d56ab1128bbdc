"""`up` and `down` through AWS's windows, and through its worse days."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from hostile.faults import Faults
from hostile.lengths import Windows
from hostile.matrix import Baseline, differences, disturb, problem_lines, wrong_with
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
    table_tags=1.0,
    backups=0.3,
    function=0.3,
    mapping=0.4,
    queue_name=1.0,
    permission=0.3,
)


@pytest.mark.torture  # it takes AWS's real seconds; unit/test_critical_path.py has the same without them
def test_up_takes_little_longer_than_its_critical_path(
    world: World, base: Baseline, environment: Callable[[], str]
) -> None:
    name = environment()
    world.proxy.behave(AS_MEASURED, latency_s=0.05)
    began_s = time.monotonic()
    err = world.up(name).err
    took_s = time.monotonic() - began_s
    assert world.plan_is_empty(name)
    assert wrong_with(world, base, name) == []
    assert CRITICAL_PATH_S < took_s < 1.3 * CRITICAL_PATH_S
    for reason in ("the new role to be seen by Lambda", "the table to be active", "backups to be enabled"):
        assert f"waits for {reason}" in err


def bad_day(world: World, seed: int) -> None:
    """Throttles, faults and lost answers on top of the windows; on every other day stale reads too."""
    faults = Faults(throttled=0.05, broken=0.02, lost=0.02, reset=0.01, seed=seed)
    world.proxy.behave(Windows(**{**vars(SHORT), "stale": seed % 2 * 0.2}), faults=faults)


def live(world: World, base: Baseline, name: str) -> list[str]:
    """One environment's life: made, mended, removed."""
    problems = []
    for command, expected in (("up", base.inventory), ("up", base.inventory), ("down", {})):
        result = world.clients.run(command, "--env", name, "--yes", "--aws")
        differing = differences(expected, world.account.inventory(name))
        if result.code or differing:
            problems.append(
                f"{name}: {command} ended with {result.code}: {problem_lines(result.err)} {differing}"
            )
        if command == "up":
            disturb(world.account, name)
    return problems


def lives(world: World, base: Baseline, names: list[str], seed: int) -> list[str]:
    """Several environments' lives at the same time."""
    bad_day(world, seed)
    with ThreadPoolExecutor(len(names)) as together:
        return [
            problem
            for wrong in together.map(lambda name: live(world, base, name), names)
            for problem in wrong
        ]


def test_up_converges_on_a_bad_day(world: World, base: Baseline, environment: Callable[[], str]) -> None:
    assert lives(world, base, [environment()], seed=1) == []


@pytest.mark.torture
def test_up_converges_on_fifty_bad_days(world: World, base: Baseline, environment: Callable[[], str]) -> None:
    for seed in range(25):
        assert lives(world, base, [environment(), environment()], seed) == []
