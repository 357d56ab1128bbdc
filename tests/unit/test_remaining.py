"""After the work it is planned again, until AWS shows what was done or had the time to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest

from cryptoctl.provisioners.tags import may_be_late
from cryptoctl.reconcile.execute import Executor
from cryptoctl.reconcile.observe import TAGS_TO_SHOW, make_plan, plan_until_done, plan_until_tags_show
from cryptoctl.reconcile.orphans import NONE_FOUND, Candidates, FoundOrphans, Orphans
from cryptoctl.reconcile.plan import Action, Goal, Plan, Step
from cryptoctl.reconcile.retry import Wait
from kit.clocks import FakeClock
from live import Silent
from unit.fake_resources import FakeAws, FakeResource

THING = FakeResource(name="a")


def plans(*counts: int) -> Iterator[Plan]:
    """Plans with so many steps to do; the last one again and again."""
    plan = make_plan([THING], FakeAws(), Goal.PRESENT)  # type: ignore[arg-type]
    empty = make_plan([], FakeAws(), Goal.PRESENT)  # type: ignore[arg-type]
    for count in counts:
        yield plan if count else empty
    while True:
        yield plan if counts[-1] else empty


def test_where_nothing_remains_nobody_waits() -> None:
    clock, again = FakeClock(), plans(0)
    assert plan_until_done(lambda: next(again), clock).work == ()
    assert clock.time_s == 0


def test_what_aws_shows_late_is_waited_for_and_told() -> None:
    clock, again = FakeClock(), plans(1, 1, 0)
    waits: list[str] = []

    def tell(step: Step, wait: Wait) -> None:
        waits.append(f"{step.resource}: {wait.reason}")

    assert plan_until_done(lambda: next(again), clock, tell).work == ()
    assert waits == ["thing a: AWS to show what was done; for a while it may show the old state"] * 2


def test_what_never_comes_is_given_back_when_its_time_is_over() -> None:
    clock, again = FakeClock(), plans(1)
    assert [step.resource for step in plan_until_done(lambda: next(again), clock).work] == [THING]
    assert clock.time_s == THING.visible_within_s


def refused(*, new: bool, looks: int) -> tuple[Callable[[], Plan], FakeClock]:
    """Looks at a thing that shows our tags only after so many of them."""
    aws = FakeAws()
    aws.things["a"] = {"Fields": {**THING.desired(), "Tags": {}}, "Id": "x", "New": new}
    remaining = [looks]

    def look() -> Plan:
        remaining[0] -= 1
        if remaining[0] < 0:
            aws.things["a"]["Fields"] = THING.desired()
        return make_plan([THING], aws, Goal.PRESENT)  # type: ignore[arg-type]

    return look, FakeClock()


def test_tags_of_what_was_made_a_moment_ago_are_waited_for_and_told() -> None:
    look, clock = refused(new=True, looks=4)
    waits: list[str] = []
    plan = plan_until_tags_show(
        look, clock, lambda step, wait: waits.append(f"{step.resource}: {wait.reason}")
    )
    assert plan.nothing_to_do
    assert waits == [f"thing a: {TAGS_TO_SHOW}"] * 4
    assert 0 < clock.time_s < THING.visible_within_s


def test_tags_that_never_come_are_given_up_and_the_thing_is_refused() -> None:
    look, clock = refused(new=True, looks=10**6)
    assert [step.resource for step in plan_until_tags_show(look, clock).refused] == [THING]
    assert clock.time_s == THING.visible_within_s


def test_an_old_thing_without_tags_is_refused_at_once() -> None:
    look, clock = refused(new=False, looks=10**6)
    assert [step.resource for step in plan_until_tags_show(look, clock).refused] == [THING]
    assert clock.time_s == 0


@pytest.mark.parametrize(
    ("made", "late"), [(None, False), (timedelta(0), True), (timedelta(minutes=6), False)]
)
def test_only_a_new_table_may_show_its_tags_later(made: timedelta | None, late: bool) -> None:
    assert may_be_late(made if made is None else datetime.now(UTC) - made) is late


@dataclass
class Watched(FakeAws):
    """Notes what was observed."""

    observed: list[str] = field(default_factory=list)

    def find(self, service: str, operation: str, *, not_found: Any, **params: Any) -> dict[str, Any] | None:
        self.observed.append(params["Name"])
        return super().find(service, operation, not_found=not_found, **params)


def test_after_the_work_only_what_it_changed_is_observed_and_what_needs_that() -> None:
    aws = Watched()

    def look(size: int, after: Plan | None = None) -> Plan:
        aws.observed.clear()
        changed = FakeResource(name="changed", size=size)
        needs, takes = (
            FakeResource(name="needs", needs=(changed,)),
            FakeResource(name="takes", size=changed.id),
        )
        stack = stacks.setdefault(size, [changed, needs, takes, FakeResource(name="other")])
        return make_plan(stack, aws, Goal.PRESENT, after=after)  # type: ignore[arg-type]

    stacks: dict[int, list[FakeResource]] = {}
    first = look(1)
    assert aws.observed == ["changed", "needs", "takes", "other"]
    Executor(aws=aws, listener=Silent()).run(first)  # type: ignore[arg-type]
    second = look(2)
    assert [step.resource.name for step in second.work] == ["changed"]
    Executor(aws=aws, listener=Silent()).run(second)  # type: ignore[arg-type]
    assert look(2, after=second).work == ()
    assert aws.observed == ["changed", "needs", "takes"]


def test_a_fingerprint_is_twelve_hex_digits() -> None:
    assert len(next(plans(1)).fingerprint) == 12
    assert int(next(plans(1)).fingerprint, 16) >= 0


class Counted(Orphans):
    """Finds none, and counts how often it is looked for."""

    def candidates(self, aws: Any) -> Candidates:
        LOOKS.append("candidates")
        return Candidates()

    def find(self, aws: Any, candidates: Candidates, seen: Any) -> FoundOrphans:
        return NONE_FOUND


LOOKS = list[str]()


@pytest.mark.parametrize("action", [Action.UPDATE, Action.CREATE])
def test_after_the_work_orphans_are_looked_for_if_more_was_done_than_updates(action: Action) -> None:
    LOOKS.clear()
    aws, old, new = FakeAws(), FakeResource(name="old"), FakeResource(name="new")
    aws.things["old"] = {"Fields": {**old.desired(), "Size": 7}, "Id": "x"}
    if action is Action.UPDATE:
        aws.things["new"] = {"Fields": new.desired(), "Id": "y"}
    stack: Any = [old, new]
    first = make_plan(stack, aws, Goal.PRESENT, orphans=Counted(stack=stack))  # type: ignore[arg-type]
    assert {step.action for step in first.work} == {Action.UPDATE, action}
    make_plan(stack, aws, Goal.PRESENT, orphans=Counted(stack=stack), after=first)  # type: ignore[arg-type]
    assert len(LOOKS) == 1 + (action is Action.CREATE)


def test_of_several_the_one_that_aws_may_show_the_latest_is_waited_for() -> None:
    @dataclass(frozen=True, kw_only=True, eq=False)
    class Late(FakeResource):
        visible_within_s: ClassVar[float] = 100.0

    clock, stack = FakeClock(), [THING, Late(name="late")]
    plan_until_done(lambda: make_plan(stack, FakeAws(), Goal.PRESENT), clock)  # type: ignore[arg-type]
    assert clock.time_s == 100
