"""What carries an environment's tags and is not, or is no longer, part of its stack."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from cryptoctl.aws import Aws
from cryptoctl.aws_errors import AwsError, remedy
from cryptoctl.errors import ExitCode, Failure
from cryptoctl.reconcile.observed import Observed
from cryptoctl.reconcile.provisioner import Observations, Provisioner
from cryptoctl.reconcile.traits import AssignedArn, ConflictChecked, DeletionProtected, Listed, Untagged

T = TypeVar("T")
R = TypeVar("R")
ReadRefusal = AwsError | Failure
# A name alone makes a thing no more than likely, and each asks for a request.
MAX_NAMED = 200


@dataclass(frozen=True, kw_only=True)
class FoundOrphans:
    """What can be deleted, and what is only to be told, in a sentence each."""

    removable: Mapping[Provisioner, Observed]
    notes: tuple[str, ...] = ()


NONE_FOUND = FoundOrphans(removable={})


@dataclass(frozen=True, kw_only=True)
class Candidates:
    """The ARNs of possible orphans: listed under the environment's tags, or only named like it."""

    tagged: frozenset[str] = frozenset()
    named: frozenset[str] = frozenset()
    parts: Mapping[Provisioner, Observed] = field(default_factory=dict)
    """Parts of the stack's resources that carry no tags and that this configuration does not have."""
    notes: tuple[str, ...] = ()
    """What could not be searched, and what somebody else made."""


@dataclass(frozen=True, kw_only=True)
class Orphans:
    """Finds the orphans of an environment: in the tag index, and by name where that does not reach.

    `stack` is everything that the environment should have. What holds data is told, and never removed: a
    table that was restored from a backup has the tags of the one that it was made from.
    """

    stack: Sequence[Provisioner]
    unconfigured: Sequence[Provisioner] = ()
    """One of each kind that the stack, as it is configured, has none of; an untagged one is the only one."""
    parts_only: bool = False
    """Whether nothing is looked for but parts: what shows whose they are may change with their wholes."""

    def candidates(self, aws: Aws) -> Candidates:
        """What may carry the environment's tags, the stack's own resources among it."""
        owner_tags = self.stack[0].scope.owner_tags
        # Of a kind that the stack has none of, nothing shows whether the index lists it already.
        unindexed = [
            each for each in self._listed_kinds() if not each.in_tag_index or each in self.unconfigured
        ]
        if self.parts_only:
            unindexed = []
        parts = [each for each in self.unconfigured if isinstance(each, Untagged)]
        tagged, named, seen = aws.gather(
            lambda: () if self.parts_only else _tried(lambda: aws.tagged(owner_tags)),
            lambda: _each(aws, lambda resource: self._named(aws, resource), unindexed),
            lambda: _each(aws, lambda part: _observed_part(aws, part), parts),
        )
        found = _candidates(tagged, named, *(each for each in seen if isinstance(each, ReadRefusal)))
        others = [each for each in seen if isinstance(each, str)]
        ours: dict[Provisioner, Observed] = {
            part: each for part, each in zip(parts, seen, strict=True) if isinstance(each, Observed)
        }
        return replace(found, parts=ours, notes=(*found.notes, *others))

    def find(self, aws: Aws, candidates: Candidates, seen: Observations) -> FoundOrphans:
        """Observes each candidate that is not the stack's; `seen` is what was observed of the stack."""
        if self.parts_only:
            return self._sorted(candidates.parts, unknown=(), notes=candidates.notes)
        more = self._beyond_the_index(aws, candidates.tagged, seen)
        tagged = self._others(candidates.tagged, seen)
        named = self._others((candidates.named | more.named) - candidates.tagged, seen)
        likely = [each for each in named.values() if isinstance(each, Listed)]
        tags = _each(aws, lambda resource: resource.tags_of(aws), likely)
        ours = [each for each, its in zip(likely, tags, strict=True) if _carries(its, each)]
        # Of a kind that the stack has none of, nothing else would tell that one is left.
        absent = set(map(type, self.unconfigured))
        hidden = {
            type(each): its for each, its in zip(likely, tags, strict=True) if isinstance(its, ReadRefusal)
        }
        unread = _not_searched(_with_hint(its) for kind, its in hidden.items() if kind in absent)
        others: list[Provisioner] = [*(each for each in tagged.values() if each is not None), *ours]
        observations = _each(aws, lambda resource: resource.observe_or_fail(aws), others)
        return self._sorted(
            {**dict(zip(others, observations, strict=True)), **candidates.parts},
            unknown=[arn for arn, resource in tagged.items() if resource is None],
            notes=(*candidates.notes, *more.notes, *unread),
        )

    def _sorted(
        self,
        observed: Mapping[Provisioner, Observed | ReadRefusal | None],
        *,
        unknown: Iterable[str],
        notes: tuple[str, ...],
    ) -> FoundOrphans:
        orphaned = {
            each: its for each, its in observed.items() if isinstance(its, Observed) and _orphaned(each, its)
        }
        kept = {each: why for each, its in orphaned.items() if (why := self._reason_to_keep(each, its))}
        hidden = {each: its for each, its in observed.items() if isinstance(its, ReadRefusal)}
        tagged = "has this environment's tags"
        return FoundOrphans(
            removable={each: its for each, its in orphaned.items() if each not in kept},
            notes=(
                *notes,
                *(
                    f"{arn} {tagged}, and is left: cryptoctl creates nothing of that kind (a backup has the "
                    "tags of what it was made from)"
                    for arn in unknown
                ),
                *(
                    f"{each} {tagged}, and cannot be read: {_with_hint(error)}"
                    for each, error in hidden.items()
                ),
                *(
                    f"{each} is no longer part of this environment, and is kept: {why}"
                    for each, why in kept.items()
                ),
            ),
        )

    def _listed_kinds(self) -> list[Listed]:
        """One resource of each kind that can be listed by name."""
        kinds = {type(resource): resource for resource in (*self.stack, *self.unconfigured)}
        return [resource for resource in kinds.values() if isinstance(resource, Listed)]

    def _beyond_the_index(self, aws: Aws, tagged: frozenset[str], seen: Observations) -> Candidates:
        """By name, kinds of which the index lacks the stack's own, or may: it lags, or is an engine's.

        Those whose names settings choose are listed to be observed, so that looking costs nothing.
        """
        lacking = {
            type(resource)
            for resource, its in seen.items()
            if its is not None and _arn(resource, its) not in (None, *tagged)
        }
        kinds = [
            each
            for each in self._listed_kinds()
            if each.in_tag_index
            and each not in self.unconfigured
            and (type(each) in lacking or each.named_by_settings)
        ]
        return _candidates([], _each(aws, lambda resource: self._named(aws, resource), kinds))

    def _named(self, aws: Aws, resource: Listed) -> Candidates:
        """What of a kind has the environment in its name, and is not the stack's."""
        own = {each.arn for each in self.stack}
        arns = [arn for arn in resource.candidate_arns(aws) if arn not in own]
        some = f"of {len(arns)} {resource.kind}s with the environment in their names, {MAX_NAMED}"
        cut = [f"{some} were looked at"] if len(arns) > MAX_NAMED else []
        return Candidates(named=frozenset(arns[:MAX_NAMED]), notes=_not_searched(cut))

    def _others(self, arns: Iterable[str], seen: Observations) -> dict[str, Provisioner | None]:
        """What is not the stack's own, by ARN; None for what is of no kind that the stack has."""
        own = {resource.arn for resource in self.stack} | {_arn(*each) for each in seen.items()}
        found = {arn: self._resource(arn) for arn in sorted(arns) if arn not in own}
        return {arn: each for arn, each in found.items() if each is None or each not in self.stack}

    def _resource(self, arn: str) -> Provisioner | None:
        kinds = (*self.stack, *self.unconfigured)
        return next(filter(None, (for_arn(resource, arn) for resource in kinds)), None)

    def _reason_to_keep(self, resource: Provisioner, observed: Observed) -> str:
        if held := observed.data or ("data" if resource.holds_data else ""):
            return f"it holds {held}; delete it by its name in the AWS console if nobody needs it"
        protected = isinstance(resource, DeletionProtected) and resource.deletion_blocker(observed)
        return "it is protected from deletion" if protected else ""


def for_arn(resource: Provisioner, arn: str) -> Provisioner | None:
    """What of this resource's kind has that ARN, as far as observing and deleting it goes.

    None where the ARN is of another kind; itself where it looks after that one already.
    """
    if isinstance(resource, AssignedArn):
        return resource.for_arn(arn)
    if not isinstance(resource.arn, str):
        return None
    name = arn.removeprefix(resource.arn.removesuffix(resource.name))
    # A part of a thing, a table's backup say, is not a thing of that kind.
    another = name == arn or ("/" in name and "/" not in resource.name)
    return None if another else replace(resource, name=name)


def _arn(resource: Provisioner, observed: Observed | None) -> str | None:
    if isinstance(resource.arn, str):
        return resource.arn
    return observed.outputs.get("Arn") if observed else None


def _candidates(
    tagged: Iterable[str] | ReadRefusal, named: Sequence[Candidates | ReadRefusal], *more: ReadRefusal
) -> Candidates:
    refused = [each for each in (tagged, *named, *more) if isinstance(each, ReadRefusal)]
    listed = [each for each in named if isinstance(each, Candidates)]
    arns = () if isinstance(tagged, ReadRefusal) else tagged
    return Candidates(
        tagged=frozenset(arn.removesuffix(":*") for arn in arns),
        named=frozenset().union(*(each.named for each in listed)),
        notes=(*_not_searched(map(_with_hint, refused)), *(note for each in listed for note in each.notes)),
    )


def _with_hint(refusal: ReadRefusal) -> str:
    hint = remedy(refusal) if isinstance(refusal, AwsError) else refusal.hint
    return f"{str(refusal).removesuffix('.')}. {hint}"


def _not_searched(why: Iterable[str]) -> tuple[str, ...]:
    return tuple(f"orphaned resources were not searched completely: {each}" for each in why)


def _carries(tags: Any, resource: Provisioner) -> bool:
    """By tag alone: what an untagged thing's name says is enough only for what the stack declares."""
    return isinstance(tags, Mapping) and resource.scope.owner_tags.items() <= tags.items()


def _orphaned(resource: Provisioner, observed: Observed) -> bool:
    return (
        (isinstance(resource, Untagged) or _carries(observed.fields.get("Tags"), resource))
        and observed.pending_deletion_until is None
        and not (isinstance(resource, ConflictChecked) and resource.conflict(observed))
    )


def _observed_part(aws: Aws, part: Untagged) -> Observed | str | None:
    observed = part.observe_or_fail(aws)
    return observed and (part.made_by_another(aws, observed) or observed)


def _each(aws: Aws, read: Callable[[T], R], items: Iterable[T]) -> list[R | ReadRefusal]:
    return aws.map(lambda item: _tried(lambda: read(item)), items)


def _tried(read: Callable[[], R]) -> R | ReadRefusal:
    """The refusal itself where AWS refuses: for an orphan, nothing else must stand still."""
    try:
        return read()
    except AwsError as error:
        return error
    except Failure as failure:
        if failure.exit_code is not ExitCode.AWS:
            raise
        return failure
