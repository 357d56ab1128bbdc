"""Law 7: killed before or after any writing call, or its answer lost, the next run converges."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TypeAlias

import pytest

from hostile.faults import FirstAnswersLost
from hostile.lengths import Windows
from hostile.matrix import PHASES, Baseline, Case, differences, disturb, run
from hostile.proxy import Accident
from hostile.world import World

ACCIDENTS = tuple(Accident)
SAMPLED = 1

Life: TypeAlias = tuple[Case | None, ...]


def lives(base: Baseline, accident: Accident) -> list[Life]:
    """The cases of all phases side by side, so that one environment's life meets one of each."""
    columns = [base.cases(phase, accident) for phase in PHASES]
    return list(itertools.zip_longest(*columns))


def sample(all_lives: Sequence[Life], count: int, first: int) -> list[Life]:
    """So many lives, spread evenly."""
    step = len(all_lives) / count
    return [all_lives[int(first + number * step) % len(all_lives)] for number in range(count)]


@pytest.mark.parametrize("accident", [Accident.KILLED_BEFORE, Accident.KILLED_AFTER])
def test_a_kill_at_some_calls_leaves_no_trace(
    world: World, base: Baseline, environment: Callable[[], str], accident: Accident
) -> None:
    chosen = sample(lives(base, accident), SAMPLED, first=7 * ACCIDENTS.index(accident))
    problems = [problem for cases in chosen for problem in run(world, base, cases, environment())]
    assert problems == []


def test_a_write_that_is_not_answered_is_sent_again_where_that_is_safe(
    world: World, base: Baseline, environment: Callable[[], str]
) -> None:
    name = environment()
    for phase in PHASES:
        if phase == "mend":
            disturb(world.account, name)
        behaviour = world.proxy.behave(Windows(stale=1.5), faults=FirstAnswersLost())
        command = "down" if phase == "down" else "up"
        result = world.clients.run(
            command, "--env", name, "--yes", "--aws", variables={"QUICK_RETRIES": "yes"}
        )
        assert result.code == 0, result.err
        answered = Counter(str(entry.request) for entry in behaviour.recorded if entry.status)
        lost = Counter(str(entry.request) for entry in behaviour.recorded if not entry.status)
        assert lost.keys() == {call.label.split()[0] for call in base.write_calls[phase]}
        # A second key would be another one; a stream that is on may be asked for again while it shows as off.
        assert (lost - answered).keys() - {"dynamodb:UpdateTable"} == lost.keys() & {"kms:CreateKey"}
        left = world.account.inventory(name)
        assert differences({} if phase == "down" else base.inventory, left) == []


@pytest.mark.torture
@pytest.mark.parametrize("accident", ACCIDENTS)
def test_an_accident_at_any_call_leaves_no_trace(
    world: World, base: Baseline, environment: Callable[[], str], accident: Accident
) -> None:
    problems = [
        problem for cases in lives(base, accident) for problem in run(world, base, cases, environment())
    ]
    assert problems == []
