"""Several things at the same time: in threads here, one after the other on a Python without threads."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cryptoctl.handlers import parallel
from python314.suite import one_after_another


@pytest.mark.parametrize("run", [parallel.map_in_threads, one_after_another])
def test_the_first_failure_is_raised_after_everything_else_has_been_tried(run: Callable[..., object]) -> None:
    tried = []

    def half_of(number: int) -> int:
        tried.append(number)
        if number % 2:
            raise ValueError(number)
        return number // 2

    assert run(half_of, [4, 2, 0], 2) == [2, 1, 0]
    tried.clear()
    with pytest.raises(ValueError, match="1"):
        run(half_of, [2, 1, 4, 3, 6], 2)
    assert sorted(tried) == [1, 2, 3, 4, 6]
