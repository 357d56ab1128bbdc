"""Law 10: several runs at the same time end in one correct stack, on an AWS that is slow here and there."""

from __future__ import annotations

import pytest

from hostile.jitter import Jitter
from hostile.lengths import Windows
from hostile.matrix import Baseline, differences, disturb, wrong_with
from hostile.names import Reused
from hostile.world import World

pytestmark = pytest.mark.engine

WINDOWS = Windows(
    role=0.3,
    policy=0.2,
    key=0.2,
    table=0.3,
    table_gone=0.3,
    table_tags=2,
    backups=0.2,
    function=0.3,
    mapping=0.2,
)
SLOWEST_S = 0.6
one_seed_here_fifty_in_torture = pytest.mark.parametrize(
    "seed", [0, *(pytest.param(seed, marks=pytest.mark.torture) for seed in range(1, 51))]
)


def at_once(world: World, name: str, *commands: str) -> list[str]:
    """Runs the commands at the same time; how each one that failed ended."""
    running = [world.clients.start(command, "--env", name, "--yes", "--aws") for command in commands]
    results = [client.wait() for client in running]
    return [f"exit code {result.code}:\n{result.err}" for result in results if result.code]


def one_correct_stack(world: World, base: Baseline, name: str) -> None:
    assert wrong_with(world, base, name) == []
    assert world.plan_is_empty(name)


def two_here(more: int) -> pytest.MarkDecorator:
    """Two runs; more in torture. Whoever is second loses a race just as the third or the fourth does."""
    return pytest.mark.parametrize("count", [2, pytest.param(more, marks=pytest.mark.torture)])


@one_seed_here_fifty_in_torture
@two_here(4)
def test_several_ups_at_once_make_one_stack(
    world: World, base: Baseline, reused: Reused, used: str, count: int, seed: int
) -> None:
    name = reused.renew()
    world.proxy.behave(WINDOWS, jitter=Jitter(seed=seed, max_s=SLOWEST_S))
    assert at_once(world, name, *["up"] * count) == []
    one_correct_stack(world, base, name)
    # One key is in use; each other run that had made one has scheduled its deletion.
    assert world.account.leaving_keys(name) < count


@one_seed_here_fifty_in_torture
@two_here(3)
def test_several_ups_at_once_mend_what_somebody_else_has_changed(
    world: World, base: Baseline, deployed: str, count: int, seed: int
) -> None:
    disturb(world.account, deployed)
    world.proxy.behave(WINDOWS, jitter=Jitter(seed=seed, max_s=SLOWEST_S))
    assert at_once(world, deployed, *["up"] * count) == []
    one_correct_stack(world, base, deployed)


@one_seed_here_fifty_in_torture
@two_here(3)
def test_several_downs_at_once_leave_nothing(world: World, deployed: str, count: int, seed: int) -> None:
    world.proxy.behave(WINDOWS, jitter=Jitter(seed=seed, max_s=SLOWEST_S))
    assert at_once(world, deployed, *["down"] * count) == []
    assert world.account.inventory(deployed) == {}


@one_seed_here_fifty_in_torture
@two_here(3)
def test_several_ups_at_once_take_back_one_key(
    world: World, base: Baseline, reused: Reused, used: str, count: int, seed: int
) -> None:
    name = reused.renew()
    live = world.live(name)
    assert live.up([live.stack.key]).done
    assert live.down().done
    assert world.account.leaving_keys(name) == 1
    world.proxy.behave(WINDOWS, jitter=Jitter(seed=seed, max_s=SLOWEST_S))
    assert at_once(world, name, *["up"] * count) == []
    one_correct_stack(world, base, name)
    assert world.account.leaving_keys(name) == 0


@one_seed_here_fifty_in_torture
@pytest.mark.parametrize("last", ["up", "down"])
def test_after_an_up_against_a_down_either_one_converges(
    world: World, base: Baseline, deployed: str, last: str, seed: int
) -> None:
    world.proxy.behave(WINDOWS, jitter=Jitter(seed=seed, max_s=SLOWEST_S))
    for failed in at_once(world, deployed, "down", "up"):
        # It may find what the other one removes or creates at that moment, and says so; nothing else.
        assert failed.startswith(("exit code 1:", "exit code 7:")), failed
    world.proxy.behave()
    expected = base.inventory if last == "up" else {}
    (world.up if last == "up" else world.down)(deployed)
    assert differences(expected, world.account.inventory(deployed)) == []
