"""Law 10: several runs at the same time end in one correct stack."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hostile.lengths import Windows
from hostile.matrix import Baseline, differences, wrong_with
from hostile.world import World

pytestmark = pytest.mark.engine

WINDOWS = Windows(
    role=0.3, policy=0.2, key=0.2, table=0.3, table_gone=0.3, backups=0.2, function=0.3, mapping=0.2
)


def at_once(world: World, name: str, *commands: str) -> list[int]:
    running = [world.clients.start(each, "--env", name, "--yes", "--aws") for each in commands]
    return [each.wait().code for each in running]


@pytest.mark.parametrize("count", [2, 4])
def test_several_ups_at_once_make_one_stack(
    world: World, base: Baseline, environment: Callable[[], str], count: int
) -> None:
    name = environment()
    world.proxy.behave(WINDOWS)
    assert at_once(world, name, *["up"] * count) == [0] * count
    assert wrong_with(world, base, name) == []
    assert world.plan_is_empty(name)
    # One key is in use; each other run that had made one has scheduled its deletion.
    assert world.account.leaving_keys(name) < count


def test_several_downs_at_once_leave_nothing(world: World, there: str) -> None:
    world.proxy.behave(WINDOWS)
    assert at_once(world, there, "down", "down") == [0, 0]
    assert world.account.inventory(there) == {}


@pytest.mark.parametrize("last", ["up", "down"])
def test_after_an_up_against_a_down_either_one_converges(
    world: World, base: Baseline, there: str, last: str
) -> None:
    world.proxy.behave(WINDOWS)
    codes = at_once(world, there, "down", "up")
    assert set(codes) <= {0, 1, 7}
    world.proxy.behave()
    wanted = base.inventory if last == "up" else {}
    (world.up if last == "up" else world.down)(there)
    assert differences(wanted, world.account.inventory(there)) == []
