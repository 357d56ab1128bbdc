"""An answer that lacks a member, as simulators of AWS give them: read all the same, or told by its name."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from copy import deepcopy
from typing import Any

import pytest

from cryptoctl.aws import Aws, Response
from cryptoctl.aws_responses import AwsResponse
from cryptoctl.errors import Failure
from cryptoctl.reconcile.observe import make_plan
from cryptoctl.reconcile.plan import Goal
from laws.whole_stack import each_resource
from live import Live

pytestmark = pytest.mark.engine

Path = tuple[str | int, ...]


class Remembering(Aws):
    """Asks the engine once for each thing, and gives the answer again; one of them `without` a member."""

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
