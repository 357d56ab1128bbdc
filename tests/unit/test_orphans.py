"""What is left over is found with few requests, and what is odd about it stops nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, ClassVar, cast

import pytest

from cryptoctl.aws import Aws
from cryptoctl.aws_errors import AwsError, remedy
from cryptoctl.errors import ExitCode, Failure
from cryptoctl.reconcile.observe import observe
from cryptoctl.reconcile.observed import Observed
from cryptoctl.reconcile.orphans import MAX_NAMED, FoundOrphans, Orphans
from cryptoctl.reconcile.plan import Action, Goal
from cryptoctl.reconcile.planner import build_plan
from cryptoctl.reconcile.provisioner import Provisioner
from cryptoctl.reconcile.traits import AssignedArn, Listed, Untagged
from unit.fake_resources import SCOPE, FakeAws, FakeResource, refusal

OURS = SCOPE.tags


@dataclass
class TaggedAws(FakeAws):
    """With a tag index, and things whose tags are read apart."""

    index: dict[str, dict[str, str]] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    refuses: Mapping[str, str] = field(default_factory=dict)

    def tagged(self, tags: Mapping[str, str], kind: str | None = None) -> dict[str, dict[str, str]]:
        """The index, whatever is asked."""
        return self.index

    def find(self, service: str, operation: str, *, not_found: Any, **params: Any) -> dict[str, Any] | None:
        """A reading request, which may be refused."""
        self.requests.append(f"{operation} {params['Name']}")
        if code := self.refuses.get(params["Name"]):
            raise refusal(operation, code)
        return super().find(service, operation, not_found=not_found, **params)

    def has(self, name: str, tags: Mapping[str, str]) -> None:
        """A thing of that name."""
        self.things[name] = {"Fields": {"Tags": tags}, "Id": name}


@dataclass(frozen=True, kw_only=True, eq=False)
class Indexed(FakeResource, Listed):
    """A kind that the index lists; it can be listed by name too."""

    @property
    def arn(self) -> str:
        return self.scope.arn("things", f"thing/{self.name}")

    def candidate_arns(self, aws: Any) -> Iterator[str]:
        aws.requests.append("ListThings")
        yield from (self.scope.arn("things", f"thing/{name}") for name in self.scope.likeliest(aws.things))

    def tags_of(self, aws: Any) -> Mapping[str, str]:
        item = aws.find("things", "GetTags", not_found="NoSuchThing", Name=self.name)
        return dict(item["Fields"]["Tags"]) if item else {}


@dataclass(frozen=True, kw_only=True, eq=False)
class Unindexed(Indexed):
    """A kind that the index does not list."""

    in_tag_index: ClassVar[bool] = False


@dataclass(frozen=True, kw_only=True, eq=False)
class Part(FakeResource, Untagged):
    """A part of a thing, without tags; somebody else's where it says so."""

    whole: FakeResource
    part_of: ClassVar[str] = "whole"

    def made_by_another(self, aws: Any, observed: Observed) -> str | None:
        return "somebody else made the part" if observed.fields.get("Maker") == "other" else None


def search(aws: TaggedAws, *stack: FakeResource, absent: tuple[Provisioner, ...] = ()) -> FoundOrphans:
    orphans, real = Orphans(stack=stack, unconfigured=absent), cast("Aws", aws)
    return orphans.find(real, orphans.candidates(real), observe(stack, real))


def names(over: FoundOrphans) -> list[str]:
    return [resource.name for resource in over.removable]


def arn(name: str) -> str:
    return Indexed(name=name).arn


def test_of_many_that_are_only_named_so_few_are_asked_for_their_tags_and_the_likeliest_first() -> None:
    aws = TaggedAws()
    for number in range(300):
        aws.has(f"test-of-somebody-{number}", {})
    aws.has("former-test", OURS)
    result = search(aws, Unindexed(name="own-test"))
    assert names(result) == ["former-test"]
    [note] = result.notes
    assert "of 301 things with the environment in their names, 200 were looked at" in note
    assert len([call for call in aws.requests if call.startswith("GetTags")]) == MAX_NAMED
    assert [call for call in aws.requests if call.startswith("GetThing")] == [
        "GetThing own-test",
        "GetThing former-test",
    ]


def test_an_indexed_kind_is_listed_by_name_only_where_the_index_lacks_the_stacks_own() -> None:
    aws = TaggedAws(index={arn("own-test"): OURS})
    aws.has("own-test", OURS)
    aws.has("former-test", OURS)
    assert names(search(aws, Indexed(name="own-test"))) == []
    assert "ListThings" not in aws.requests
    aws.index.clear()
    assert names(search(aws, Indexed(name="own-test"))) == ["former-test"]


def test_a_kind_that_settings_name_is_always_listed_by_name() -> None:
    @dataclass(frozen=True, kw_only=True, eq=False)
    class NamedBySettings(Indexed):
        named_by_settings: ClassVar[bool] = True

    aws = TaggedAws()
    aws.has("former-test", OURS)
    assert names(search(aws, Indexed(name="own-test"))) == []
    assert names(search(aws, NamedBySettings(name="own-test"))) == ["former-test"]
    aws.requests.clear()
    aws.has("own-test", OURS)
    aws.index[arn("own-test")] = OURS
    # As it was a moment ago: the index lists our own already, and the newest thing not yet.
    assert names(search(aws, NamedBySettings(name="own-test"))) == ["former-test"]


def test_the_stacks_own_are_not_counted_among_the_many() -> None:
    aws = TaggedAws()
    resources = [Unindexed(name=f"a{number}-test") for number in range(MAX_NAMED)]
    for resource in resources:
        aws.has(resource.name, OURS)
    aws.has("former-test", OURS)
    assert names(search(aws, *resources)) == ["former-test"]


@pytest.mark.parametrize("code", ["AccessDenied", "Throttling", "ValidationException"])
def test_what_cannot_be_looked_at_is_told_where_it_is_ours_and_passed_over_where_it_may_be(code: str) -> None:
    aws = TaggedAws(index={arn("hidden"): OURS}, refuses={"hidden": code, "test-of-somebody": code})
    aws.has("test-of-somebody", OURS)
    over = search(aws, Unindexed(name="own-test"))
    assert over.removable == {}
    error = AwsError(service="things", operation="GetThing", code=code, message="")
    assert over.notes == (
        f"thing hidden has this environment's tags, and cannot be read: {error}. {remedy(error)}",
    )


@pytest.mark.parametrize("problem", [ExitCode.UNREACHABLE, ExitCode.CREDENTIALS])
def test_where_nothing_can_be_asked_any_more_the_search_ends(problem: ExitCode) -> None:
    class Lost(TaggedAws):
        def tagged(self, tags: Mapping[str, str], kind: str | None = None) -> dict[str, dict[str, str]]:
            raise Failure(problem, "no answer")

    with pytest.raises(Failure, match="no answer"):
        search(Lost(), Indexed(name="own-test"))


def test_an_index_that_lags_removes_nothing() -> None:
    aws = TaggedAws(index={arn("given-away"): OURS, arn("gone"): OURS})
    aws.has("given-away", {**OURS, "Environment": "another"})
    assert search(aws, Indexed(name="own-test")) == FoundOrphans(removable={})


def test_a_part_of_a_thing_is_no_thing() -> None:
    aws = TaggedAws(index={f"{arn('own-test')}/backup/1": OURS})
    over = search(aws, Indexed(name="own-test"))
    assert over.removable == {}
    assert over.notes[0].startswith(f"{arn('own-test')}/backup/1 has this environment's tags")
    assert "GetThing own-test/backup/1" not in aws.requests


def test_a_kind_of_which_the_stack_has_none_is_listed_by_name() -> None:
    aws = TaggedAws()
    aws.has("former-test", OURS)
    assert names(search(aws, FakeResource(name="own-test"))) == []
    assert names(search(aws, FakeResource(name="own-test"), absent=(Indexed(name="any"),))) == ["former-test"]


def test_what_may_be_left_of_a_kind_that_the_stack_has_none_of_is_told_where_its_tags_are_hidden() -> None:
    aws = TaggedAws(refuses={"former-test": "AccessDenied", "older-test": "AccessDenied"})
    for name in aws.refuses:
        aws.has(name, OURS)
    over = search(aws, FakeResource(name="own-test"), absent=(Indexed(name="any"),))
    assert over.removable == {}
    [note] = over.notes
    assert note.startswith("orphaned resources were not searched completely: things:GetTags answered")
    assert "run `cryptoctl iam-policy`" in note


def test_a_part_that_was_left_goes_before_its_whole_changes_and_another_ones_is_told() -> None:
    owner = FakeResource(name="own-test", size=2)
    part = Part(name="part", whole=owner)
    aws = TaggedAws()
    aws.things["own-test"] = {"Fields": {**owner.desired(), "Size": 1}, "Id": "own-test"}
    assert search(aws, owner, absent=(part,)) == FoundOrphans(removable={})
    aws.things["part"] = {"Fields": {"Maker": "other"}, "Id": "part"}
    assert search(aws, owner, absent=(part,)) == FoundOrphans(
        removable={}, notes=("somebody else made the part",)
    )
    aws.things["part"] = {"Fields": {}, "Id": "part"}
    over = search(aws, owner, absent=(part,))
    plan = build_plan([owner], observe([owner], cast("Aws", aws)), Goal.PRESENT, orphans=over.removable)
    first, second = plan.work
    assert (first.resource, first.action, first.after) == (part, Action.DELETE, ())
    assert (second.resource, second.action, second.after) == (owner, Action.UPDATE, (part,))
    assert plan.consents == ("delete thing part",)


def test_where_only_parts_are_looked_for_nothing_else_is() -> None:
    aws = TaggedAws(index={arn("former-test"): OURS})
    aws.has("former-test", OURS)
    owner = Unindexed(name="own-test")
    real, part = cast("Aws", aws), Part(name="part", whole=owner)
    aws.things["part"] = {"Fields": {}, "Id": "part"}
    parts = Orphans(stack=[owner], unconfigured=(part,), parts_only=True)
    assert names(parts.find(real, parts.candidates(real), observe([owner], real))) == ["part"]
    assert "ListThings" not in aws.requests and "GetThing former-test" not in aws.requests


def test_what_is_pending_deletion_is_left_to_itself() -> None:
    @dataclass(frozen=True, kw_only=True, eq=False)
    class Going(Indexed):
        def observe(self, aws: Any) -> Observed | None:
            observed = super().observe(aws)
            return observed and replace(observed, pending_deletion_until=datetime(2030, 1, 1, tzinfo=UTC))

    aws = TaggedAws(index={arn("former-test"): OURS})
    aws.has("former-test", OURS)
    assert names(search(aws, Going(name="own-test"))) == []


def test_the_stacks_own_that_says_it_has_that_arn_is_no_orphan() -> None:
    @dataclass(frozen=True, kw_only=True, eq=False)
    class Assigned(FakeResource, AssignedArn):
        def for_arn(self, arn: str) -> Provisioner | None:
            return self

    aws = TaggedAws(index={"arn:assigned": OURS})
    aws.has("own-test", OURS)
    assert names(search(aws, Assigned(name="own-test"))) == []


def test_a_log_groups_arn_in_the_index_may_end_as_that_of_its_streams() -> None:
    aws = TaggedAws(index={arn("own-test"): OURS, f"{arn('former-test')}:*": OURS})
    for name in ("own-test", "former-test"):
        aws.has(name, OURS)
    assert names(search(aws, Indexed(name="own-test"))) == ["former-test"]
