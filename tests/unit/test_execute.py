"""The executor: values reach who waits for them, a failure blocks who needs them, what changes is seen."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import pytest

from cryptoctl.aws_errors import RESPONSE_LOST
from cryptoctl.errors import ExitCode, Failure
from cryptoctl.reconcile.execute import Executor, StepOutcome
from cryptoctl.reconcile.observe import make_plan
from cryptoctl.reconcile.plan import Action, Goal, Step
from cryptoctl.reconcile.retry import Wait
from kit.clocks import FakeClock
from live import Silent
from unit.fake_resources import FakeAws, FakeResource, refusal
from unit.running import failing, outcomes, run


def test_a_value_reaches_the_call_that_waits_for_it() -> None:
    aws = FakeAws()
    data = FakeResource(name="data")
    report, _, _ = run(aws, FakeResource(name="last", size=data.id), data)
    assert set(outcomes(report).values()) == {StepOutcome.DONE}
    assert aws.things["last"]["Fields"]["Size"] == "id-of-data"


def test_a_value_that_comes_out_as_it_was_changes_nothing() -> None:
    """What was looked for in vain was there all the time, as AWS may answer."""
    data = FakeResource(name="data")
    last = FakeResource(name="last", size=data.id)
    aws = FakeAws()
    run(aws, last, data)
    item = aws.things.pop("data")
    plan = make_plan([last, data], aws, Goal.PRESENT)  # type: ignore[arg-type]
    assert [step.action for step in plan.work] == [Action.CREATE, Action.UPDATE]
    aws.things["data"] = item
    aws.calls.clear()
    waiting = threading.Event()

    class Waiting(Silent):
        def waiting(self, step: Step, wait: Wait) -> None:
            if step.resource is last:
                waiting.set()

    def before(operation: str, _: Mapping[str, Any]) -> None:
        assert operation != "CreateThing" or waiting.wait(10), "nobody waits for the value"

    aws.before = before
    report = Executor(aws=aws, listener=Waiting(), clock=FakeClock()).run(plan)  # type: ignore[arg-type]
    assert set(outcomes(report).values()) == {StepOutcome.DONE}
    assert [call for call in aws.calls if call[1] == "last"] == []


def test_what_is_adopted_without_tags_is_not_looked_at_again_for_them() -> None:
    aws, data = FakeAws(), FakeResource(name="data")
    last = FakeResource(name="last", size=data.id)
    aws.things["last"] = {"Fields": {**last.desired(), "Size": 0, "Tags": {}}, "Id": "x"}
    plan = make_plan([last, data], aws, Goal.PRESENT, adopt=True)  # type: ignore[arg-type]
    clock = FakeClock()
    report = Executor(aws=aws, listener=Silent(), clock=clock).run(plan)  # type: ignore[arg-type]
    assert (set(outcomes(report).values()), clock.time_s) == ({StepOutcome.DONE}, 0)


def test_a_value_is_there_for_others_while_its_own_step_still_waits() -> None:
    waiting, used = threading.Event(), threading.Event()

    class Waiting(Silent):
        def waiting(self, step: Step, wait: Wait) -> None:
            waiting.set()

    class UntilUsed(FakeClock):
        def sleep(self, seconds: float) -> None:
            used.wait(2)
            super().sleep(seconds)

    def before(_: str, params: Mapping[str, Any]) -> None:
        if params["Name"] == "data":
            assert waiting.wait(10)

    def after(_: str, params: Mapping[str, Any]) -> None:
        aws.things["data"]["State"] = "Pending" if params["Name"] == "data" else "Ready"
        if params["Name"] == "last":
            used.set()

    aws, data = FakeAws(before=before, after=after), FakeResource(name="data", settles=True)
    plan = make_plan([data, FakeResource(name="last", size=data.id)], aws, Goal.PRESENT)  # type: ignore[arg-type]
    report = Executor(aws=aws, listener=Waiting(), clock=UntilUsed()).run(plan)  # type: ignore[arg-type]
    assert set(outcomes(report).values()) == {StepOutcome.DONE}


def test_a_failure_blocks_its_descendants_only() -> None:
    aws = FakeAws(before=failing("CreateThing", "Denied", "no", name="bad"))
    bad = FakeResource(name="bad")
    child = FakeResource(name="child", needs=(bad,))
    data_child = FakeResource(name="data child", size=bad.id)
    report, _, _ = run(
        aws,
        bad,
        child,
        data_child,
        FakeResource(name="grandchild", needs=(child,)),
        FakeResource(name="free"),
    )
    assert outcomes(report) == {
        "bad": StepOutcome.FAILED,
        "child": StepOutcome.BLOCKED,
        "data child": StepOutcome.BLOCKED,
        "grandchild": StepOutcome.BLOCKED,
        "free": StepOutcome.DONE,
    }
    [failed] = report.ended(StepOutcome.FAILED)
    assert "things:CreateThing answered Denied: no" in failed.problem


def test_an_error_that_passes_is_waited_for_and_the_person_is_told_why() -> None:
    aws = FakeAws(before=failing("CreateThing", "NotYet", "it comes SOON", times=3))
    report, listener, clock = run(aws, FakeResource(name="a"))
    assert outcomes(report) == {"a": StepOutcome.DONE}
    assert ("thing a", "the thing to be seen") in listener.waits
    assert 0 < clock.time_s < 20


def test_an_error_that_does_not_pass_ends_when_its_time_is_over() -> None:
    report, _, clock = run(FakeAws(before=failing("CreateThing", "NotYet", "soon")), FakeResource(name="a"))
    [failed] = report.ended(StepOutcome.FAILED)
    assert "waited 20 s for the thing to be seen" in failed.problem
    assert clock.time_s == pytest.approx(20)


def test_an_error_with_another_message_is_not_waited_for() -> None:
    report, listener, clock = run(
        FakeAws(before=failing("CreateThing", "NotYet", "never")), FakeResource(name="a")
    )
    assert outcomes(report) == {"a": StepOutcome.FAILED}
    assert (listener.waits, clock.time_s) == ([], 0)


def test_after_a_lost_answer_it_looks_again_and_makes_nothing_twice() -> None:
    aws = FakeAws(after=failing("CreateThing", RESPONSE_LOST, times=1))
    last = FakeResource(name="last", size=(first := FakeResource(name="first")).id)
    report, _, _ = run(aws, first, last)
    assert set(outcomes(report).values()) == {StepOutcome.DONE}
    assert aws.calls.count(("CreateThing", "first")) == 1
    assert aws.things["last"]["Fields"]["Size"] == "id-of-first"


def test_what_somebody_made_meanwhile_is_looked_at_and_mended() -> None:
    aws = FakeAws()
    resource = FakeResource(name="a", size=5)

    def meanwhile(operation: str, _: Mapping[str, Any]) -> None:
        if operation == "CreateThing":
            aws.things.setdefault(
                "a", {"Fields": {**resource.desired(), "Size": 4}, "Id": "x", "State": "Ready"}
            )

    aws.before = meanwhile
    report, _, _ = run(aws, resource)
    assert outcomes(report) == {"a": StepOutcome.DONE}
    assert [operation for operation, _ in aws.calls] == ["CreateThing", "UpdateThing"]
    assert aws.things["a"]["Fields"]["Size"] == 5


def test_what_somebody_else_made_meanwhile_is_not_touched() -> None:
    aws = FakeAws()

    def meanwhile(operation: str, _: Mapping[str, Any]) -> None:
        aws.things["a"] = {"Fields": {"Size": 4, "Tags": {}}, "Id": "x", "State": "Ready"}

    aws.before = meanwhile
    report, _, _ = run(aws, FakeResource(name="a", size=5))
    assert outcomes(report) == {"a": StepOutcome.FAILED}
    assert aws.things["a"]["Fields"]["Size"] == 4


def test_it_waits_for_rest_and_says_why_a_thing_broke() -> None:
    aws = FakeAws()

    def breaks(operation: str, params: Mapping[str, Any]) -> None:
        aws.things[params["Name"]] |= {"State": "Broken", "Why": "no room"}

    aws.after = breaks
    report, _, _ = run(aws, FakeResource(name="a", settles=True))
    [failed] = report.ended(StepOutcome.FAILED)
    assert "ended as Broken: no room" in failed.problem
    assert failed.hint == "Make room."


def test_rest_that_never_comes_is_given_up_in_time() -> None:
    aws = FakeAws()

    def never(operation: str, params: Mapping[str, Any]) -> None:
        aws.things[params["Name"]]["State"] = "Pending"

    aws.after = never
    report, _, clock = run(aws, FakeResource(name="a", settles=True))
    [failed] = report.ended(StepOutcome.FAILED)
    assert "waited 30 s for the thing to be ready" in failed.problem
    assert failed.hint == "Look again."
    assert clock.time_s == pytest.approx(30)


def test_what_is_gone_already_counts_as_removed() -> None:
    aws = FakeAws()
    resource = FakeResource(name="a")
    run(aws, resource)
    aws.before = lambda operation, _: aws.things.clear() if operation == "DeleteThing" else None
    report, _, _ = run(aws, resource, goal=Goal.ABSENT)
    assert outcomes(report) == {"a": StepOutcome.DONE}


def test_a_failure_that_a_person_can_mend_keeps_its_kind() -> None:
    def signed_out(*_: Any) -> None:
        raise Failure(ExitCode.CREDENTIALS, "signed out", "Sign in again.")

    report, _, _ = run(FakeAws(before=signed_out), FakeResource(name="a"))
    [failed] = report.ended(StepOutcome.FAILED)
    assert failed.failure is not None
    assert failed.failure.exit_code is ExitCode.CREDENTIALS


def test_a_change_that_another_run_has_made_a_moment_before_is_no_failure() -> None:
    aws = FakeAws()

    def made_by_another_run(operation: str, params: Mapping[str, Any]) -> None:
        if operation == "UpdateThing":
            aws.things["data"]["Fields"] = {**aws.things["data"]["Fields"], "Size": 2}
            raise refusal("UpdateThing", "NothingToChange")

    run(aws, FakeResource(name="data"))
    aws.before = made_by_another_run
    report, _, _ = run(aws, FakeResource(name="data", size=2))
    assert outcomes(report) == {"data": StepOutcome.DONE}


def test_a_change_that_is_refused_while_nothing_else_changes_fails_at_once() -> None:
    aws = FakeAws()
    run(aws, FakeResource(name="data"))
    aws.before = failing("UpdateThing", "NotSo", "Not so.")
    report, _, clock = run(aws, FakeResource(name="data", size=2))
    assert outcomes(report) == {"data": StepOutcome.FAILED}
    assert clock.now_s() == 0.0
    assert [operation for operation, _ in aws.calls].count("UpdateThing") == 1


def test_one_that_appears_meanwhile_and_would_have_to_be_replaced_is_left_alone() -> None:
    aws = FakeAws()

    def made_by_another_run(operation: str, params: Mapping[str, Any]) -> None:
        if operation == "CreateThing" and "data" not in aws.things:
            fields = {"Size": 1, "Shape": "square", "Tags": FakeResource(name="data").scope.tags}
            aws.things["data"] = {"Fields": fields, "Id": "id-of-data", "State": "Ready"}

    aws.before = made_by_another_run
    report, _, _ = run(aws, FakeResource(name="data"))
    [result] = report.results
    assert (result.outcome, "would now delete and create it again" in result.problem) == (
        StepOutcome.FAILED,
        True,
    )
    assert "DeleteThing" not in [operation for operation, _ in aws.calls]


def test_a_deletion_of_what_has_become_somebody_elses_meanwhile_is_a_failure() -> None:
    aws = FakeAws()
    run(aws, FakeResource(name="data"))

    def take_tags_away(operation: str, params: Mapping[str, Any]) -> None:
        if operation == "DeleteThing":
            aws.things["data"]["Fields"] = {**aws.things["data"]["Fields"], "Tags": {}}
            raise refusal("DeleteThing", "InUse")

    aws.before = take_tags_away
    report, _, _ = run(aws, FakeResource(name="data"), goal=Goal.ABSENT)
    assert outcomes(report) == {"data": StepOutcome.FAILED}


def test_a_refusal_that_goes_on_while_something_else_changes_is_told_final_failure() -> None:
    aws = FakeAws()
    run(aws, FakeResource(name="data"))
    size = [1]

    def never(operation: str, params: Mapping[str, Any]) -> None:
        if operation == "UpdateThing":
            size[0] += 1
            aws.things["data"]["Fields"] = {**aws.things["data"]["Fields"], "Size": -size[0]}
            raise refusal("UpdateThing", "Wrong", "Not so.")

    aws.before = never
    report, _, _ = run(aws, FakeResource(name="data", size=2))
    [result] = report.results
    assert (result.outcome, "Wrong: Not so." in result.problem) == (StepOutcome.FAILED, True)


def test_what_was_made_before_an_answer_was_lost_and_is_shown_late_is_not_made_twice() -> None:
    aws, looks = FakeAws(after=failing("CreateThing", RESPONSE_LOST, times=1)), [5]

    def late(*_: Any, **params: Any) -> dict[str, Any] | None:
        item = aws.things.get(params["Name"])
        looks[0] -= item is not None
        return item if looks[0] < 0 else None

    aws.find = late  # type: ignore[method-assign]
    report, _, clock = run(aws, FakeResource(name="a"))
    assert outcomes(report) == {"a": StepOutcome.DONE}
    assert aws.calls == [("CreateThing", "a")] and clock.time_s > 0


def test_what_the_caller_may_not_do_is_asked_for_once_though_something_else_has_changed() -> None:
    def denied(operation: str, params: Mapping[str, Any]) -> None:
        aws.things["a"]["Fields"] = {**aws.things["a"]["Fields"], "Size": 7}
        raise refusal(operation, "AccessDenied", "not you")

    aws = FakeAws()
    run(aws, FakeResource(name="a"))
    aws.before = denied
    report, _, _ = run(aws, FakeResource(name="a", size=2))
    (result,) = report.results
    assert result.failure is not None and result.failure.exit_code is ExitCode.AWS
    assert aws.calls.count(("UpdateThing", "a")) == 1


def test_a_value_that_a_step_is_going_to_give_anew_is_not_used_before() -> None:
    aws, used = FakeAws(), threading.Event()
    first, data = FakeResource(name="given"), FakeResource(name="data")
    run(aws, first, data)
    aws.things["data"]["Id"] = "old"

    def before(operation: str, params: Mapping[str, Any]) -> None:
        if operation == "DeleteThing":
            used.wait(0.3)
        if params["Name"] == "last":
            used.set()

    aws.before = before
    data = FakeResource(
        name="data", shape="square", size=(first := FakeResource(name="given", shape="square")).id
    )
    report, _, _ = run(aws, first, data, FakeResource(name="last", size=data.id))
    assert set(outcomes(report).values()) == {StepOutcome.DONE}
    assert aws.things["last"]["Fields"]["Size"] == "id-of-data"
