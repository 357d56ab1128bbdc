"""What a fake AWS does with several requests."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Self


class SequentialAws:
    """One after the other, without threads, and each for itself."""

    def map(self, function: Callable[[Any], Any], things: Iterable[Any]) -> list[Any]:
        """As Aws.map."""
        return [function(argument) for argument in things]

    def gather(self, *reads: Callable[[], Any]) -> list[Any]:
        """As Aws.gather."""
        return [read() for read in reads]

    def with_shared_lists(self) -> Self:
        """Nothing is shared."""
        return self
