from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, ClassVar, TypeAlias

from hypothesis import given
from hypothesis import strategies as st

from cryptoctl.reconcile.call import WaitUntil
from cryptoctl.reconcile.delta import Delta
from cryptoctl.reconcile.graph import with_dependencies
from cryptoctl.reconcile.observe import _obstacles, make_plan
from cryptoctl.reconcile.observed import Observed, Obstacle
from cryptoctl.reconcile.plan import SENSITIVE, Action, Goal, Plan, shown, shown_change, shown_params
from cryptoctl.reconcile.planner import build_plan
from cryptoctl.reconcile.provisioner import Provisioner
from cryptoctl.reconcile.traits import ConsentRequired, DeletionProtected, Preflight
from cryptoctl.reconcile.values import Ref
from unit.fake_resources import SCOPE, FakeAws, FakeResource


@dataclass(frozen=True, kw_only=True, eq=False)
class Part(FakeResource):
    """A thing that goes with another."""

    whole: FakeResource
    part_of: ClassVar[str] = "whole"


@dataclass(frozen=True, kw_only=True, eq=False)
class Safe(FakeResource):
    """A thing whose size nobody may see."""

    sensitive: ClassVar[frozenset[str]] = frozenset({"Size", "Fields"})


@dataclass(frozen=True, kw_only=True, eq=False)
class Full(FakeResource, DeletionProtected):
    """A thing with data in it."""

    holds_data: ClassVar[bool] = True

    def deletion_blocker(self, observed: Observed) -> Obstacle | None:
        return Obstacle(what="It is protected.", hint="") if observed.fields["Size"] == 7 else None


Seen: TypeAlias = dict[Provisioner, Observed | None]


def observed_of(thing: FakeResource, **changed: Any) -> Observed:
    return Observed(fields={**thing.desired(), **changed}, outputs={"Id": f"id-of-{thing.name}"})


def actions(plan: Plan) -> dict[str, Action]:
    return {step.resource.name: step.action for step in plan.steps}


def test_nothing_there_means_create_in_order_of_need() -> None:
    first, data = FakeResource(name="first"), FakeResource(name="data")
    last = FakeResource(name="last", needs=(first,), size=data.id)
    plan = build_plan([last, data, first], {first: None, data: None, last: None}, Goal.PRESENT)
    names = [step.resource.name for step in plan.work]
    assert sorted(names[:2]) == ["data", "first"]
    assert names[2] == "last"
    assert plan.work[2].after == (first,)
    assert plan.work[2].calls[0].params["Fields"]["Size"] == Ref(data, "Id")


def test_the_way_out_of_a_refusal_offers_adoption_where_only_our_tags_are_missing() -> None:
    resource = FakeResource(name="taken")
    plan = build_plan([resource], {resource: observed_of(resource, Tags={})}, Goal.PRESENT)
    assert [step.action for step in plan.refused] == [Action.REFUSED] and not plan.nothing_to_do
    assert (hint := plan.refusal_hint()).startswith(
        "Choose another --env"
    ) and "`cryptoctl up --adopt`" in hint
    removal = build_plan([resource], {resource: observed_of(resource, Tags={})}, Goal.ABSENT)
    assert removal.refusal_hint().endswith(
        "`cryptoctl up --only 'thing taken' --adopt`, then run the same command again."
    )


def test_a_value_that_is_known_stands_in_the_plan() -> None:
    data = FakeResource(name="data")
    last = FakeResource(name="last", size=data.id)
    plan = build_plan([last, data], {data: observed_of(data), last: None}, Goal.PRESENT)
    assert plan.work[0].calls[0].params["Fields"]["Size"] == "id-of-data"


def test_no_difference_means_no_step() -> None:
    resource = FakeResource(name="a")
    plan = build_plan([resource], {resource: observed_of(resource, Unknown="ignored")}, Goal.PRESENT)
    assert plan.work == ()
    assert actions(plan) == {"a": Action.NOTHING}


def test_a_changed_field_is_named_and_a_fixed_one_means_replacement() -> None:
    resource = FakeResource(name="a")
    updated = build_plan([resource], {resource: observed_of(resource, Size=2)}, Goal.PRESENT)
    assert [(change.path, change.old, change.new) for change in updated.work[0].changes] == [("Size", 2, 1)]
    replaced = build_plan([resource], {resource: observed_of(resource, Shape="square")}, Goal.PRESENT)
    assert actions(replaced) == {"a": Action.REPLACE}
    assert [call.operation for call in replaced.work[0].calls] == ["DeleteThing", "CreateThing"]
    assert replaced.destroys == replaced.work


def test_a_part_goes_with_what_is_replaced_and_stays_with_what_is_updated() -> None:
    owner = FakeResource(name="whole")
    part = Part(name="part", whole=owner)
    replaced: Seen = {owner: observed_of(owner, Shape="square"), part: observed_of(part)}
    assert actions(build_plan([owner, part], replaced, Goal.PRESENT)) == {
        "whole": Action.REPLACE,
        "part": Action.CREATE,
    }
    updated: Seen = {owner: observed_of(owner, Size=2), part: observed_of(part)}
    assert actions(build_plan([owner, part], updated, Goal.PRESENT)) == {
        "whole": Action.UPDATE,
        "part": Action.NOTHING,
    }


def test_of_what_nobody_may_see_it_is_shown_whether_it_was_there() -> None:
    for old, shown_as in ((7, SENSITIVE), (None, None)):
        safe, plain = Safe(name="safe"), FakeResource(name="plain")
        observed: Seen = {safe: observed_of(safe, Size=old), plain: observed_of(plain, Size=old)}
        changes = {
            step.resource: shown_change(step, step.changes[0])
            for step in build_plan([safe, plain], observed, Goal.PRESENT).work
        }
        assert changes == {safe: (shown_as, SENSITIVE), plain: (old, 1)}


def test_of_a_call_whose_parameters_nobody_may_see_the_name_is_shown() -> None:
    safe, plain = Safe(name="safe"), FakeResource(name="plain")
    steps = build_plan([safe, plain], {safe: None, plain: None}, Goal.PRESENT).work
    params = {step.resource: shown_params(step, step.calls[0]) for step in steps}
    assert params[safe] == {"Name": "safe", "Fields": SENSITIVE}
    assert params[plain] == shown(dict(steps[1].calls[0].params)) != {"Name": "plain", "Fields": SENSITIVE}


def test_what_hangs_on_a_replaced_resource_follows_it() -> None:
    data = FakeResource(name="data")
    last = FakeResource(name="last", size=data.id)
    observed: Seen = {data: observed_of(data, Shape="square"), last: observed_of(last, Size="id-of-data")}
    assert actions(build_plan([data, last], observed, Goal.PRESENT)) == {
        "data": Action.REPLACE,
        "last": Action.UPDATE,
    }


def test_extra_tags_are_no_difference_and_missing_ones_are() -> None:
    tagged = FakeResource(name="a", scope=replace(SCOPE, extra_tags={"Application": "prices"}))
    tags = {**tagged.scope.tags, "Team": "ours"}
    assert build_plan([tagged], {tagged: observed_of(tagged, Tags=tags)}, Goal.PRESENT).work == ()
    plan = build_plan([tagged], {tagged: observed_of(tagged, Tags=SCOPE.owner_tags)}, Goal.PRESENT)
    assert [change.path for change in plan.work[0].changes] == ["Tags.Application"]


def test_what_is_not_ours_is_refused_unless_adopted() -> None:
    resource = FakeResource(name="a")
    foreign: Seen = {resource: observed_of(resource, Size=9, Tags={"Environment": "test"})}
    assert actions(build_plan([resource], foreign, Goal.PRESENT)) == {"a": Action.REFUSED}
    assert actions(build_plan([resource], foreign, Goal.ABSENT)) == {"a": Action.REFUSED}
    adopted = build_plan([resource], foreign, Goal.PRESENT, adopt=True)
    assert {change.path for change in adopted.work[0].changes} == {"Size", "Tags.ManagedBy"}


@dataclass(frozen=True, kw_only=True, eq=False)
class Guarded(FakeResource, DeletionProtected):
    """A thing that AWS can protect from deletion, as a log group."""

    def deletion_blocker(self, observed: Observed) -> None:
        return None


def test_what_others_have_put_data_into_is_not_replaced_to_be_adopted() -> None:
    def planned(thing: FakeResource, **changed: Any) -> Plan:
        item = {"Fields": {**thing.desired(), **changed}, "Id": "x", "State": "Ready"}
        aws: Any = FakeAws(things={thing.name: item})
        return make_plan([thing], aws, Goal.PRESENT, adopt=True)

    [obstacle] = planned(Full(name="a"), Shape="square", Tags={}).obstacles
    assert obstacle.what.startswith("thing a was made by others") and "Shape" in obstacle.what
    assert planned(Full(name="a"), Shape="square", Size=7, Tags={}).obstacles == (obstacle,)
    assert planned(Full(name="a"), Size=9, Tags={}).obstacles == ()
    foreign = planned(FakeResource(name="a"), Shape="square", Tags={})
    assert foreign.obstacles == ()
    assert (
        foreign.work[0].reason == "without cryptoctl's tags, and taken over; Shape cannot be changed in place"
    )
    own = planned(Full(name="a"), Shape="square")
    assert (own.obstacles, own.consents) == ((), ("replace thing a and delete its data",))
    assert own.work[0].reason == "Shape cannot be changed in place; its data is deleted"
    [obstacle] = planned(Guarded(name="a"), Shape="square", Tags={}).obstacles
    assert obstacle.what.startswith("thing a was made by others")


def test_removal_runs_backwards_and_waits_for_what_depends() -> None:
    first = FakeResource(name="first")
    last = FakeResource(name="last", needs=(first,))
    plan = build_plan([first, last], {first: observed_of(first), last: observed_of(last)}, Goal.ABSENT)
    assert [step.resource for step in plan.work] == [last, first]
    assert plan.work[1].after == (last,)
    assert build_plan([first, last], {first: None, last: None}, Goal.ABSENT).work == ()


def test_choosing_one_brings_what_it_depends_on() -> None:
    first, data, other = FakeResource(name="first"), FakeResource(name="data"), FakeResource(name="other")
    last = FakeResource(name="last", needs=(first,), size=data.id)
    assert set(with_dependencies([last])) == {first, data, last}
    assert other not in with_dependencies([last])


@given(st.integers(), st.integers())
def test_the_fingerprint_is_that_of_what_the_plan_does(size: int, other_size: int) -> None:
    def fingerprint(size: int) -> str:
        resource = FakeResource(name="a", size=size)
        return build_plan([resource], {resource: None}, Goal.PRESENT).fingerprint

    assert (fingerprint(size) == fingerprint(other_size)) == (size == other_size)


def test_the_fingerprint_is_also_that_of_what_is_waited_for() -> None:
    resource = FakeResource(name="a")
    plan = build_plan([resource], {resource: None}, Goal.PRESENT)
    (step,) = plan.steps
    wait = WaitUntil(
        service="things",
        operation="GetThing",
        params={"Name": "a"},
        path="State",
        until=("ready",),
        reason="it to be ready",
        timeout_s=60,
    )
    others = [(), (wait,), (replace(wait, until=("gone",)),), (replace(wait, operation="ListThings"),)]
    plans = [
        replace(plan, steps=(replace(step, requests=(*step.requests, *more)),)).fingerprint for more in others
    ]
    assert len(set(plans)) == len(others)


def test_bytes_are_shown_by_their_length_and_the_first_twelve_digits_of_their_hash() -> None:
    assert shown({"Zip": b"abc"}) == {"Zip": "(3 bytes, sha256 ba7816bf8f01)"}


def test_the_fingerprint_is_also_that_of_where_it_is_done() -> None:
    """`up --expect` in another account or region would find the same names."""
    scopes = (SCOPE, replace(SCOPE, account="2" * 12), replace(SCOPE, region="there"))
    things = [FakeResource(name="a", scope=replace(scope, extra_tags={})) for scope in scopes]
    assert (
        len({build_plan([resource], {resource: None}, Goal.PRESENT).fingerprint for resource in things}) == 3
    )


def test_an_orphan_is_deleted_after_all_that_may_take_its_place() -> None:
    first, second, orphan = FakeResource(name="one"), FakeResource(name="other"), FakeResource(name="orphan")
    plan = build_plan(
        [first, second], {first: None, second: None}, Goal.PRESENT, orphans={orphan: observed_of(orphan)}
    )
    assert plan.work[-1].resource is orphan
    assert set(plan.work[-1].after) == {first, second}


def test_what_is_pending_deletion_is_not_deleted_again() -> None:
    resource = FakeResource(name="a")
    going = replace(observed_of(resource), pending_deletion_until=datetime(2030, 1, 1, tzinfo=UTC))
    assert build_plan([resource], {resource: going}, Goal.ABSENT).work == ()


def test_where_there_is_nothing_to_do_there_is_nothing_to_wait_for_either() -> None:
    resource = FakeResource(name="a")
    assert not build_plan([resource], {resource: observed_of(resource)}, Goal.PRESENT).only_waits


@dataclass(frozen=True, kw_only=True, eq=False)
class GuardedResource(FakeResource, ConsentRequired, Preflight):
    """A thing that is made smaller only after asking, and for which nothing of another's is in the way."""

    def consent_reasons(self, delta: Delta) -> Iterator[str]:
        yield from (f"shrink to {change.new}" for change in delta.changes if change.new == 1)

    @classmethod
    def preflight(cls, aws: Any, changes: Mapping[Provisioner, Delta]) -> Iterator[Obstacle]:
        yield from (Obstacle(what=f"{change} is in the way.", hint="") for change in changes)


def test_a_change_that_has_come_to_need_consent_is_more_than_what_was_agreed_to() -> None:
    small, large = GuardedResource(name="a", size=1), GuardedResource(name="a", size=5)
    (asking,) = build_plan([small], {small: observed_of(small, Size=9)}, Goal.PRESENT).work
    (plain,) = build_plan([large], {large: observed_of(large, Size=9)}, Goal.PRESENT).work
    assert (asking.consent_reasons, plain.consent_reasons) == (("shrink to 1",), ())
    assert asking.beyond(plain) == "shrink to 1"
    assert asking.beyond(asking) is plain.beyond(asking) is None


def test_what_is_in_the_way_of_a_change_is_in_the_way_of_no_deletion() -> None:
    resource, orphan = GuardedResource(name="a"), GuardedResource(name="orphan")
    plan = build_plan([resource], {resource: None}, Goal.PRESENT, orphans={orphan: observed_of(orphan)})
    aws: Any = FakeAws()
    assert [obstacle.what for obstacle in _obstacles(plan, aws)] == ["thing a is in the way."]


def test_no_other_tag_takes_the_place_of_those_that_say_whose_it_is() -> None:
    scope = replace(SCOPE, extra_tags={"ManagedBy": "somebody", "Team": "ours"})
    assert scope.tags == {**SCOPE.owner_tags, "Team": "ours"}
