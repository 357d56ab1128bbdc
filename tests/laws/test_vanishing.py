"""Law 10, for the reads: what disappears between two reads of a resource was absent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

from cryptoctl.aws import Aws, AwsError, Response
from cryptoctl.reconcile.planner import is_owned
from laws.whole_stack import each_resource
from live import Live

pytestmark = pytest.mark.engine


class Vanishing(Aws):
    """Answers so many reads from the engine; from then on it says that there is no such thing.

    One read after the other, so that each place between two of them can be chosen.
    """

    def __init__(self, real: Aws, *, after: int) -> None:
        self._real, self._left = real, after
        self._absent = ""
        self.reads = 0

    def call(self, service: str, operation: str, *, once: bool = False, **params: Any) -> Response:
        self._read(service, operation)
        return self._real.call(service, operation, once=once, **params)

    def find(
        self, service: str, operation: str, *, not_found: str | tuple[str, ...] | None, **params: Any
    ) -> Response | None:
        codes = (not_found,) if isinstance(not_found, str) else not_found or ()
        self._absent = self._absent or codes[0]
        if self._left <= self.reads:
            return None
        self.reads += 1
        return self._real.find(service, operation, not_found=not_found, **params)

    def paginate(self, service: str, operation: str, key: str, **params: Any) -> Iterator[Any]:
        if service != "resourcegroupstaggingapi":  # which only lists less
            self._read(service, operation)
        return self._real.paginate(service, operation, key, **params)

    def map(self, function: Callable[[Any], Any], things: Iterable[Any]) -> list[Any]:
        return [function(argument) for argument in things]

    def _read(self, service: str, operation: str) -> None:
        if self._left <= self.reads:
            # Where a list comes first, the code is that of whatever has been looked for by name.
            code = self._absent or "ResourceNotFoundException"
            raise AwsError(service=service, operation=operation, code=code, message="It is gone.")
        self.reads += 1


@each_resource
def test_what_disappears_between_two_reads_was_absent(standing: Live, index: int) -> None:
    resource = standing.resources[index]
    untouched = Vanishing(standing.aws, after=10**6)
    assert resource.observe(untouched) is not None
    for after in range(1, untouched.reads):
        observed = resource.observe(Vanishing(standing.aws, after=after))
        assert observed is None or is_owned(resource, observed), f"after {after} of {untouched.reads} reads"
