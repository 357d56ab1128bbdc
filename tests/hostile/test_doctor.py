"""`doctor` finds beforehand what would stop `up`, and changes nothing."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from hostile.wire import Answer, Request
from hostile.world import World

pytestmark = pytest.mark.engine


class SmallQuota:
    """An account with ten concurrent executions, as new ones have."""

    def refuse(self, request: Request) -> Answer | None:
        return None

    def seen(self, request: Request, answer: Answer) -> Answer:
        if request.operation != "GetAccountSettings":
            return answer
        document = answer.document()
        document["AccountLimit"] |= {"ConcurrentExecutions": 10, "UnreservedConcurrentExecutions": 10}
        return answer.with_document(document)


class WrongTime:
    """Answers that are an hour old, as a machine with a wrong clock sees them."""

    def refuse(self, request: Request) -> Answer | None:
        return None

    def seen(self, request: Request, answer: Answer) -> Answer:
        kept = {name: value for name, value in answer.headers.items() if name.lower() != "date"}
        headers = {**kept, "Date": "Mon, 02 Jan 2023 03:04:05 GMT"}
        return Answer(status=answer.status, headers=headers, body=answer.body)


def results(world: World, name: str) -> tuple[int, dict[str, dict[str, str]]]:
    ended = world.clients.run("doctor", "--env", name, "--aws", "--output", "json")
    return ended.code, {check["what"]: check for check in json.loads(ended.out)}


def test_all_is_well_in_an_empty_account(world: World, environment: Callable[[], str]) -> None:
    mood = world.proxy.behave()
    code, checks = results(world, environment())
    assert code == 0
    assert {check["result"] for check in checks.values()} == {"good"}
    assert [e.request for e in mood.recorded if e.request.writes] == []


def test_names_that_are_taken_are_found(world: World, environment: Callable[[], str]) -> None:
    name = environment()
    url = world.account["sqs"].create_queue(QueueName=f"price-enricher-dlq-{name}")["QueueUrl"]
    world.proxy.behave()
    code, checks = results(world, name)
    world.account["sqs"].delete_queue(QueueUrl=url)
    assert (code, checks["names"]["result"]) == (1, "bad")
    assert f"queue price-enricher-dlq-{name}" in checks["names"]["detail"]
    assert "--adopt" in checks["names"]["advice"]


def test_a_small_quota_stops_doctor_and_up_before_anything_is_made(
    world: World, environment: Callable[[], str]
) -> None:
    name = environment()
    mood = world.proxy.behave()
    mood.windows += (SmallQuota(),)
    code, checks = results(world, name)
    assert (code, checks["quotas"]["result"]) == (1, "bad")
    ended = world.clients.run("up", "--env", name, "--yes", "--aws")
    assert ended.code == 6
    assert 'Set `reserved_concurrency = "none"`' in ended.err
    assert [e.request for e in mood.recorded if e.request.writes] == []


def test_a_wrong_clock_is_found(world: World, environment: Callable[[], str]) -> None:
    mood = world.proxy.behave()
    mood.windows += (WrongTime(),)
    code, checks = results(world, environment())
    assert (code, checks["clock"]["result"]) == (1, "bad")
