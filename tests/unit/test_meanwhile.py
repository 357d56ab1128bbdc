"""What appears, goes or shows its tags late while a step is at work on it."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any, ClassVar

import pytest

from cryptoctl.aws_errors import RESPONSE_LOST
from cryptoctl.provisioners.dashboard import Dashboard, dashboard_name
from cryptoctl.reconcile.call import RetryRule
from cryptoctl.reconcile.converge import RESOURCE_TO_SHOW_AGAIN, SHOWN_AFTER_S, TAGS_TO_SHOW
from cryptoctl.reconcile.execute import Executor, StepOutcome
from cryptoctl.reconcile.observe import make_plan
from cryptoctl.reconcile.plan import Goal
from cryptoctl.reconcile.provisioner import Provisioner
from cryptoctl.reconcile.values import serialize
from kit.clocks import FakeClock
from live import Silent
from unit.answers import SCOPE, STACK, Answers
from unit.fake_resources import FakeAws, FakeResource, refusal
from unit.running import failing, outcomes, run


def shows_its_tags_after(aws: FakeAws, looks: int) -> None:
    """Another run makes the thing a moment before, and AWS shows its tags only after so many looks."""
    resource, remaining = FakeResource(name="a"), [looks]

    def meanwhile(operation: str, _: Mapping[str, Any]) -> None:
        if operation == "CreateThing":
            fields = {**resource.desired(), "Tags": {}}
            aws.things.setdefault("a", {"Fields": fields, "Id": "x", "State": "Ready"})

    def lookup(*_: Any, **__: Any) -> dict[str, Any] | None:
        item = aws.things.get("a")
        if item is not None:
            remaining[0] -= 1
            if remaining[0] < 0:
                item["Fields"] = resource.desired()
        return item

    aws.before, aws.find = meanwhile, lookup  # type: ignore[method-assign]


def test_what_another_run_made_meanwhile_is_ours_although_its_tags_are_shown_late() -> None:
    shows_its_tags_after(aws := FakeAws(), looks=5)
    report, listener, clock = run(aws, FakeResource(name="a"))
    assert outcomes(report) == {"a": StepOutcome.DONE}
    assert ("thing a", TAGS_TO_SHOW) in listener.waits
    assert 0 < clock.time_s < FakeResource.visible_within_s


def test_what_appeared_and_never_shows_a_tag_is_somebody_elses() -> None:
    shows_its_tags_after(aws := FakeAws(), looks=10**6)
    report, _, clock = run(aws, FakeResource(name="a"))
    [failed] = report.ended(StepOutcome.FAILED)
    assert "exists without cryptoctl's tags" in failed.problem
    assert clock.time_s == pytest.approx(FakeResource.visible_within_s)


def test_what_appeared_with_anothers_tags_is_not_waited_for() -> None:
    aws = FakeAws()

    def meanwhile(*_: Any) -> None:
        fields = {**FakeResource(name="a").desired(), "Tags": {"Owner": "somebody"}}
        aws.things["a"] = {"Fields": fields, "Id": "x", "State": "Ready"}

    aws.before = meanwhile
    report, _, clock = run(aws, FakeResource(name="a"))
    assert (outcomes(report), clock.time_s) == ({"a": StepOutcome.FAILED}, 0)


def test_what_is_deleted_before_it_is_waited_for_is_made_again() -> None:
    aws = FakeAws()
    run(aws, FakeResource(name="a", settles=True))
    remaining = [1]

    def deleted(operation: str, params: Mapping[str, Any]) -> None:
        if operation == "UpdateThing" and remaining.pop():
            aws.things.clear()

    aws.after = deleted
    report, listener, clock = run(aws, FakeResource(name="a", size=2, settles=True))
    assert outcomes(report) == {"a": StepOutcome.DONE}
    assert aws.things["a"]["Fields"]["Size"] == 2
    assert ("thing a", RESOURCE_TO_SHOW_AGAIN) in listener.waits
    assert clock.time_s < 2 * FakeResource.visible_within_s


def test_what_is_deleted_while_it_is_waited_for_and_made_again_by_another_run_is_followed() -> None:
    aws, resource, looks = FakeAws(), FakeResource(name="a", settles=True), [0]

    def lookup(*_: Any, **__: Any) -> dict[str, Any] | None:
        item = aws.things.get("a")
        looks[0] += item is not None
        if item is None or looks[0] == 2:
            return None
        return {**item, "State": "Ready" if looks[0] > 2 else "Pending"}

    aws.find = lookup  # type: ignore[method-assign]
    report, _, clock = run(aws, resource)
    assert outcomes(report) == {"a": StepOutcome.DONE}
    assert [operation for operation, _ in aws.calls] == ["CreateThing"]
    assert clock.time_s < 1


def test_what_is_deleted_over_and_over_is_told_as_that() -> None:
    aws, looks = FakeAws(), itertools.count()

    def lookup(*_: Any, **__: Any) -> dict[str, Any] | None:
        item = aws.things.get("a")
        if item is None or next(looks) % 3 == 2:
            return None
        return {**item, "Fields": {**item["Fields"], "Size": 99}, "State": "Pending"}

    aws.find = lookup  # type: ignore[method-assign]
    report, _, _ = run(aws, FakeResource(name="a", settles=True))
    [failed] = report.ended(StepOutcome.FAILED)
    assert failed.problem == "it was deleted during the wait for the thing to be ready"


class Slow(FakeResource):
    """AWS takes two minutes to see what it needs."""

    retry_rules: ClassVar[tuple[RetryRule, ...]] = (
        RetryRule(code="NotYet", reason="what it needs to be seen", timeout_s=120),
    )


@pytest.mark.parametrize("deleted", [True, False])
def test_what_is_needed_and_was_deleted_meanwhile_is_not_waited_for_to_the_end(deleted: bool) -> None:
    needed = FakeResource(name="needed")

    def before(operation: str, params: Mapping[str, Any]) -> None:
        if params["Name"] == "a":
            if deleted:
                aws.things.pop("needed", None)
            raise refusal(operation, "NotYet")

    aws = FakeAws(before=before)
    report, _, clock = run(aws, needed, Slow(name="a", needs=(needed,)))
    [failed] = report.ended(StepOutcome.FAILED)
    assert ("needs thing needed, which was deleted meanwhile" in failed.problem) is deleted
    assert SHOWN_AFTER_S <= clock.time_s < 2 * SHOWN_AFTER_S if deleted else clock.time_s >= 120


def test_where_aws_throttles_nobody_looks_what_else_was_deleted() -> None:
    needed, looks = FakeResource(name="needed"), list[str]()

    class Looked(FakeAws):
        def find(self, *args: Any, **params: Any) -> dict[str, Any] | None:
            looks.append(params["Name"])
            return super().find(*args, **params)

    aws = Looked(before=failing("CreateThing", "Throttling", name="a"))
    report, _, clock = run(aws, needed, Slow(name="a", needs=(needed,)))
    [failed] = report.ended(StepOutcome.FAILED)
    assert "throttling" in failed.problem
    assert (clock.time_s, looks.count("needed")) == (60, 1)  # once, to plan


def test_what_was_made_and_is_not_shown_yet_is_waited_for() -> None:
    aws, looks = FakeAws(), [20]

    def late(*_: Any, **__: Any) -> dict[str, Any] | None:
        item = aws.things.get("a")
        looks[0] -= item is not None
        return item if looks[0] < 0 else None

    aws.find = late  # type: ignore[method-assign]
    report, listener, _ = run(aws, FakeResource(name="a", settles=True))
    assert outcomes(report) == {"a": StepOutcome.DONE}
    assert {reason for _, reason in listener.waits} == {"the thing to be ready"}


def test_an_answer_that_is_lost_over_and_over_is_no_other_run() -> None:
    aws = FakeAws(before=failing("CreateThing", RESPONSE_LOST, "a fault of ours"))
    report, _, _ = run(aws, FakeResource(name="a"))
    [failed] = report.ended(StepOutcome.FAILED)
    assert failed.problem == "things:CreateThing gave no clear answer: a fault of ours"
    assert "It is not known whether AWS did it" in failed.hint


class Forgetful(FakeAws):
    """Answers without the value that AWS always sends."""

    def call(self, service: str, operation: str, **params: Any) -> dict[str, Any]:
        answer = super().call(service, operation, **params)
        return {} if operation == "CreateThing" else answer


def test_a_value_that_an_answer_lacks_is_looked_for_in_what_is_there() -> None:
    aws = Forgetful()
    last = FakeResource(name="last", size=(first := FakeResource(name="first")).id)
    report, _, _ = run(aws, first, last)
    assert set(outcomes(report).values()) == {StepOutcome.DONE}
    assert aws.calls.count(("CreateThing", "first")) == 1
    assert aws.things["last"]["Fields"]["Size"] == "id-of-first"


def test_in_place_of_a_value_that_nothing_gives_nothing_is_sent() -> None:
    class Nowhere(Forgetful):
        def find(self, service: str, operation: str, **params: Any) -> dict[str, Any] | None:
            self.things.clear()
            return None

    aws = Nowhere()
    last = FakeResource(name="last", size=(first := FakeResource(name="first")).id)
    report, _, _ = run(aws, first, last)
    assert outcomes(report) == {"first": StepOutcome.FAILED, "last": StepOutcome.BLOCKED}
    assert ("CreateThing", "last") not in aws.calls
    [failed] = report.ended(StepOutcome.FAILED)
    assert failed.problem == "the answer to things:CreateThing has no Id"
    assert "something like it" in failed.hint


@pytest.mark.parametrize(
    "resource",
    [STACK.alarms[0], Dashboard(scope=SCOPE, name=dashboard_name(SCOPE), graphs=(), alarms=())],
    ids=lambda resource: resource.kind,
)
@pytest.mark.parametrize("owner", ["somebody", "another run"])
def test_what_aws_creates_over_what_is_there_is_looked_at_right_before(
    resource: Provisioner, owner: str
) -> None:
    tags = {"Owner": owner} if owner == "somebody" else SCOPE.tags
    aws = Answers(answers := dict[str, Any]())
    agreed = make_plan([resource], aws, Goal.PRESENT)  # type: ignore[arg-type]
    [put] = agreed.steps[0].calls
    created = {name: value for name, value in serialize(put.params).items() if name != "Tags"}
    answers |= {"DescribeAlarms": {"MetricAlarms": [created]}, "GetDashboard": created, put.operation: {}}
    answers |= {"ListTagsForResource": {"Tags": [{"Key": key, "Value": tags[key]} for key in tags]}}
    [result] = Executor(aws=aws, listener=Silent(), clock=FakeClock()).run(agreed).results  # type: ignore[arg-type]
    assert put.operation not in [operation for operation, _ in aws.requests]
    assert result.outcome is (StepOutcome.FAILED if owner == "somebody" else StepOutcome.DONE)
    assert ("it was created meanwhile, and exists without" in result.problem) == (owner == "somebody")
