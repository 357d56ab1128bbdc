"""A secret is made once, compared by existence, and shown to nobody."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import Any

from rich.console import Console

from cryptoctl.aws_errors import AwsError
from cryptoctl.reconcile.execute import Executor, StepOutcome
from cryptoctl.reconcile.observe import make_plan
from cryptoctl.reconcile.plan import Goal, Plan
from cryptoctl.reconcile.values import Secret
from cryptoctl.ui.plans import plan_document, show_plan
from cryptoctl.ui.screen import Screen
from kit.clocks import FakeClock
from live import Silent
from unit.fake_resources import FakeAws, FakeResource

TEXT = "whsec_5f2c0c"


def secret_thing(made: list[str]) -> FakeResource:
    def make() -> str:
        made.append(TEXT)
        return TEXT

    return FakeResource(name="safe", size=Secret(make))


def look(aws: FakeAws, thing: FakeResource) -> Plan:
    return make_plan([thing], aws, Goal.PRESENT)  # type: ignore[arg-type]


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
    texts: list[str] = []
    aws, resource = FakeAws(), secret_thing(texts)
    plan = look(aws, resource)
    assert (texts, TEXT in printed(plan), "(secret)" in printed(plan)) == ([], False, True)
    assert plan.fingerprint == look(aws, resource).fingerprint
    assert run(aws, plan).outcome is StepOutcome.DONE
    assert texts == [TEXT]
    assert aws.things["safe"]["Fields"]["Size"] == TEXT


def test_one_that_exists_is_no_difference_and_is_not_made_again() -> None:
    texts: list[str] = []
    aws, resource = FakeAws(), secret_thing(texts)
    run(aws, look(aws, resource))
    aws.things["safe"]["Fields"]["Size"] = Secret.EXISTS
    assert look(aws, resource).nothing_to_do
    assert len(texts) == 1


def test_a_retry_sends_the_same_one() -> None:
    texts: list[str] = []
    sent: list[str] = []

    def not_yet(operation: str, params: Mapping[str, Any]) -> None:
        sent.append(params["Fields"]["Size"])
        if len(sent) < 3:
            raise AwsError(service="things", operation=operation, code="NotYet", message="It comes soon.")

    aws = FakeAws(before=not_yet)
    assert run(aws, look(aws, secret_thing(texts))).outcome is StepOutcome.DONE
    assert (sent, len(texts)) == ([TEXT] * 3, 1)


def test_an_error_that_repeats_it_hides_it() -> None:
    def echoes(operation: str, params: Mapping[str, Any]) -> None:
        message = f"Value '{params['Fields']['Size']}' failed to satisfy constraint"
        raise AwsError(service="things", operation=operation, code="ValidationException", message=message)

    aws = FakeAws(before=echoes)
    result = run(aws, look(aws, secret_thing([])))
    assert result.outcome is StepOutcome.FAILED
    assert (TEXT in result.problem, "'(secret)' failed" in result.problem) == (False, True)
