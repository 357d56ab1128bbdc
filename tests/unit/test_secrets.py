"""A secret is made once, compared by existence, and shown to nobody."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rich.console import Console

from cryptoctl.aws_errors import AwsError
from cryptoctl.reconcile.call import Action, Call
from cryptoctl.reconcile.delta import Delta, difference
from cryptoctl.reconcile.execute import Executor, StepOutcome
from cryptoctl.reconcile.observe import planned
from cryptoctl.reconcile.plan import Goal, Plan, Step, Verb
from cryptoctl.reconcile.values import ReadRequest, Secret
from cryptoctl.ui.plans import plan_document, show_plan
from cryptoctl.ui.screen import Screen
from live import Silent
from unit.things import FakeAws, FakeClock, Thing

TEXT = "whsec_5f2c0c"


def secret_thing(made: list[str]) -> Thing:
    def make() -> str:
        made.append(TEXT)
        return TEXT

    return Thing(name="safe", size=Secret(make))


def look(aws: FakeAws, thing: Thing) -> Plan:
    return planned([thing], aws, Goal.PRESENT)  # type: ignore[arg-type]


def run(aws: FakeAws, plan: Plan) -> Any:
    executor = Executor(aws=aws, listener=Silent(), clock=FakeClock())  # type: ignore[arg-type]
    (result,) = executor.run(plan).results
    return result


def printed(plan: Plan) -> str:
    screen = Screen(colour=False, verbose=True)
    text = io.StringIO()
    screen.terminal.out = Console(file=text, width=400)
    show_plan(screen, plan, environment="test", answer=True)
    return text.getvalue() + json.dumps(plan_document(plan))


def test_it_is_made_when_it_is_sent_and_not_for_a_plan() -> None:
    made: list[str] = []
    aws, thing = FakeAws(), secret_thing(made)
    plan = look(aws, thing)
    assert (made, TEXT in printed(plan), "(secret)" in printed(plan)) == ([], False, True)
    assert plan.fingerprint == look(aws, thing).fingerprint
    assert run(aws, plan).outcome is StepOutcome.DONE
    assert made == [TEXT]
    assert aws.things["safe"]["Fields"]["Size"] == TEXT


def test_one_that_exists_is_no_difference_and_is_not_made_again() -> None:
    made: list[str] = []
    aws, thing = FakeAws(), secret_thing(made)
    run(aws, look(aws, thing))
    aws.things["safe"]["Fields"]["Size"] = Secret.EXISTS
    assert look(aws, thing).settled
    assert len(made) == 1


def test_a_retry_sends_the_same_one() -> None:
    made: list[str] = []
    sent: list[str] = []

    def not_yet(operation: str, params: Mapping[str, Any]) -> None:
        sent.append(params["Fields"]["Size"])
        if len(sent) < 3:
            raise AwsError(service="things", operation=operation, code="NotYet", message="It comes soon.")

    aws = FakeAws(before=not_yet)
    assert run(aws, look(aws, secret_thing(made))).outcome is StepOutcome.DONE
    assert (sent, len(made)) == ([TEXT] * 3, 1)


def test_an_error_that_repeats_it_hides_it() -> None:
    def echoes(operation: str, params: Mapping[str, Any]) -> None:
        message = f"Value '{params['Fields']['Size']}' failed to satisfy constraint"
        raise AwsError(service="things", operation=operation, code="ValidationException", message=message)

    aws = FakeAws(before=echoes)
    result = run(aws, look(aws, secret_thing([])))
    assert result.outcome is StepOutcome.FAILED
    assert (TEXT in result.problem, "'(secret)' failed" in result.problem) == (False, True)


KEPT = ReadRequest(service="things", operation="GetSecret", params={"Name": "safe"}, path="Secret")


@dataclass(frozen=True, kw_only=True, eq=False)
class Remade(Thing):
    """A thing that is changed by deleting and creating it, with the secret that it has."""

    def apply(self, delta: Delta) -> Iterator[Action]:
        yield Call(service="things", operation="DeleteThing", params={"Name": self.name})
        yield from super().apply(Delta(desired=delta.desired, observed=None, changes=()))


@dataclass
class Readable(FakeAws):
    """Shows the secret of a thing that is there."""

    def _GetSecret(self, Name: str) -> dict[str, Any]:  # noqa: N802, N803
        return {"Secret": self.things[Name]["Fields"]["Size"]}


def test_one_that_is_kept_is_read_before_the_first_call_and_sent_again() -> None:
    thing = Remade(name="safe", size=Secret(lambda: "another", kept=KEPT), shape="square")
    there = {**thing.desired(), "Size": TEXT, "Shape": "round"}
    aws = Readable(things={"safe": {"Fields": there, "Id": "1"}})
    delta = difference(thing.desired(), thing.observe(aws), frozenset())
    step = Step(resource=thing, verb=Verb.UPDATE, delta=delta, actions=tuple(thing.apply(delta)))
    assert run(aws, Plan(goal=Goal.PRESENT, steps=(step,), known={})).outcome is StepOutcome.DONE
    assert aws.things["safe"]["Fields"]["Size"] == TEXT
    assert [operation for operation, _ in aws.calls] == ["GetSecret", "DeleteThing", "CreateThing"]
