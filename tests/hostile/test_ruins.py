"""`down` on what is half up, half broken and half gone already."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from hostile.matrix import DISTURBANCES, Baseline, Case, trap
from hostile.proxy import Accident
from hostile.world import World

pytestmark = pytest.mark.engine


def ruin(world: World, base: Baseline, name: str, dice: random.Random) -> str:
    """Kills an `up` somewhere or disturbs a whole stack; then perhaps kills a `down` half-way."""
    world.proxy.behave()
    done = []
    if dice.random() < 0.5:
        done.append(killed(world, base, name, "up", dice))
    else:
        world.prepare(name, "up")
        chosen = dice.sample(DISTURBANCES, 3)
        for change in sorted(chosen, key=DISTURBANCES.index):
            change(world.account, name)
        done.append(", ".join(change.__name__ for change in chosen))
    if dice.random() < 0.5:
        done.append(killed(world, base, name, "down", dice))
    world.proxy.behave()
    return "; ".join(done)


def killed(world: World, base: Baseline, name: str, command: str, dice: random.Random) -> str:
    accident = dice.choice([Accident.KILLED_BEFORE, Accident.KILLED_AFTER])
    case = Case(phase=command, call=dice.choice(base.write_calls[command]), accident=accident)
    sprung = trap(case, name)
    world.proxy.behave(trap=sprung)

    def set_victim(pid: int) -> None:
        sprung.victim = pid

    world.clients.start(command, "--env", name, "--yes", "--aws", on_start=set_victim).wait()
    return str(case)


def falls(world: World, base: Baseline, name: str, seed: int) -> list[str]:
    """One ruin, and what a `down` leaves of it."""
    state = ruin(world, base, name, random.Random(seed))
    result = world.clients.run("down", "--env", name, "--yes", "--aws")
    inventory = world.account.inventory(name)
    return (
        [f"{state}: ended with {result.code}, left {sorted(inventory)}"] if result.code or inventory else []
    )


def test_down_leaves_nothing_of_a_ruin(world: World, base: Baseline, environment: Callable[[], str]) -> None:
    """A stack that was disturbed, and one of which an `up` and then a `down` was killed."""
    assert [problem for seed in range(2) for problem in falls(world, base, environment(), seed)] == []


@pytest.mark.torture
def test_down_leaves_nothing_of_fifty_ruins(
    world: World, base: Baseline, environment: Callable[[], str]
) -> None:
    assert [problem for seed in range(50) for problem in falls(world, base, environment(), seed)] == []
