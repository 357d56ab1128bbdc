"""Law 7: killed before or after any writing call, or its answer lost, the next run converges."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import TypeAlias

import pytest

from hostile.matrix import PHASES, Baseline, Case, run
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


@pytest.mark.parametrize("accident", ACCIDENTS)
def test_an_accident_at_some_calls_leaves_no_trace(
    world: World, base: Baseline, environment: Callable[[], str], accident: Accident
) -> None:
    chosen = sample(lives(base, accident), SAMPLED, first=7 * ACCIDENTS.index(accident))
    problems = [problem for cases in chosen for problem in run(world, base, cases, environment())]
    assert problems == []


@pytest.mark.torture
@pytest.mark.parametrize("accident", ACCIDENTS)
def test_an_accident_at_any_call_leaves_no_trace(
    world: World, base: Baseline, environment: Callable[[], str], accident: Accident
) -> None:
    problems = [
        problem for cases in lives(base, accident) for problem in run(world, base, cases, environment())
    ]
    assert problems == []
