"""Reads of which a part fails: what disappears between two of them (law 10), a member that is left out."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from copy import deepcopy
from typing import Any

import pytest

from cryptoctl.aws import Aws, AwsError, Response
from cryptoctl.aws_responses import AwsResponse
from cryptoctl.errors import Failure
from cryptoctl.reconcile.observe import make_plan
from cryptoctl.reconcile.plan import Goal
from cryptoctl.reconcile.planner import is_owned
from laws.whole_stack import each_resource
from live import Live

pytestmark = pytest.mark.engine

Path = tuple[str | int, ...]


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


class Remembering(Aws):
    """Asks the engine once for each thing, and gives the answer again; one of them `without` a member.

    Simulators of AWS leave some out: the answer is read all the same, or the member is named.
    """

    def __init__(self, real: Aws) -> None:
        self._real = real
        self.answers: dict[str, Any] = {}
        self.without: tuple[str, Path] | None = None

    def call(self, service: str, operation: str, *, once: bool = False, **params: Any) -> Response:
        response: Response = self._again(
            service, operation, params, lambda: self._real.call(service, operation, **params)
        )
        return response

    def find(
        self, service: str, operation: str, *, not_found: str | tuple[str, ...] | None, **params: Any
    ) -> Response | None:
        def ask() -> Response | None:
            return self._real.find(service, operation, not_found=not_found, **params)

        response: Response | None = self._again(service, operation, params, ask)
        return response

    def paginate(self, service: str, operation: str, key: str, **params: Any) -> Iterator[Any]:
        def ask() -> dict[str, Any]:
            return {key: list(self._real.paginate(service, operation, key, **params))}

        yield from self._again(service, operation, params, ask).get(key, ())

    def _again(self, service: str, operation: str, params: dict[str, Any], ask: Callable[[], Any]) -> Any:
        operation_name = f"{service}:{operation}"
        key = json.dumps([operation_name, params], sort_keys=True)
        if key not in self.answers:
            self.answers[key] = ask()
        answer = deepcopy(self.answers[key])
        if self.without and self.without[0] == key:
            *above, last = self.without[1]
            part = answer
            for step in above:
                part = part[step]
            del part[last]
        return answer if answer is None else AwsResponse(answer, operation_name)

    def with_shared_lists(self) -> Aws:
        return self

    def map(self, function: Callable[[Any], Any], things: Iterable[Any]) -> list[Any]:
        return [function(argument) for argument in things]


def members(answer: Any, above: Path = ()) -> Iterator[Path]:
    """The path of each member of an answer, of lists' first items only."""
    if isinstance(answer, dict):
        for name, value in answer.items():
            if name != "ResponseMetadata":
                yield (*above, name)
                yield from members(value, (*above, name))
    elif isinstance(answer, list) and answer:
        yield from members(answer[0], (*above, 0))


@each_resource
def test_a_member_that_is_left_out_is_no_traceback(standing: Live, index: int) -> None:
    resource = standing.resources[index]
    aws = Remembering(standing.aws)
    make_plan([resource], aws, Goal.PRESENT)
    for key, answer in list(aws.answers.items()):
        for path in list(members(answer)):
            aws.without = key, path
            with suppress(Failure):
                make_plan([resource], aws, Goal.PRESENT)


@each_resource
def test_what_disappears_between_two_reads_was_absent(standing: Live, index: int) -> None:
    resource = standing.resources[index]
    untouched = Vanishing(standing.aws, after=10**6)
    assert resource.observe(untouched) is not None
    for after in range(1, untouched.reads):
        observed = resource.observe(Vanishing(standing.aws, after=after))
        assert observed is None or is_owned(resource, observed), f"after {after} of {untouched.reads} reads"
