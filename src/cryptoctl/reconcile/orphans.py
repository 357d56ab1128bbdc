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
            resource
            for resource in self._listed_kinds()
            if not resource.in_tag_index or resource in self.unconfigured
        ]
        if self.parts_only:
            unindexed = []
        parts = [part for part in self.unconfigured if isinstance(part, Untagged)]
        tagged, named, observed_parts = aws.gather(
            lambda: () if self.parts_only else _read_or_refusal(lambda: aws.tagged(owner_tags)),
            lambda: _read_each(aws, lambda resource: self._candidates_by_name(aws, resource), unindexed),
            lambda: _read_each(aws, lambda part: _observed_part(aws, part), parts),
        )
        candidates = _candidates(
            tagged, named, *(refusal for refusal in observed_parts if isinstance(refusal, ReadRefusal))
        )
        notes = [note for note in observed_parts if isinstance(note, str)]
        observations: dict[Provisioner, Observed] = {
            part: observed
            for part, observed in zip(parts, observed_parts, strict=True)
            if isinstance(observed, Observed)
        }
        return replace(candidates, parts=observations, notes=(*candidates.notes, *notes))

    def find(self, aws: Aws, candidates: Candidates, stack_observed: Observations) -> FoundOrphans:
        """Observes each candidate that is not the stack's; `stack_observed` says what is there of it."""
        if self.parts_only:
            return self._sorted(candidates.parts, unknown=(), notes=candidates.notes)
        unindexed = self._beyond_the_index(aws, candidates.tagged, stack_observed)
        tagged = self._outside_stack(candidates.tagged, stack_observed)
        named = self._outside_stack((candidates.named | unindexed.named) - candidates.tagged, stack_observed)
        likely = [
            resource for resources in named.values() for resource in resources if isinstance(resource, Listed)
        ]
        tags = _read_each(aws, lambda resource: resource.tags_of(aws), likely)
        owned_resources = [
            resource
            for resource, resource_tags in zip(likely, tags, strict=True)
            if _carries(resource_tags, resource)
        ]
        # Of a kind that the stack has none of, nothing else would tell that one is left.
        absent = set(map(type, self.unconfigured))
        hidden = {
            type(resource): refusal
            for resource, refusal in zip(likely, tags, strict=True)
            if isinstance(refusal, ReadRefusal)
        }
        unread = _not_searched(_with_hint(refusal) for kind, refusal in hidden.items() if kind in absent)
        others: list[Provisioner] = [
            *(resource for resources in tagged.values() for resource in resources),
            *owned_resources,
        ]
        observations = _read_each(aws, lambda resource: resource.observe_or_fail(aws), others)
        return self._sorted(
            {**dict(zip(others, observations, strict=True)), **candidates.parts},
            unknown=[arn for arn, resources in tagged.items() if not resources],
            notes=(*candidates.notes, *unindexed.notes, *unread),
        )

    def _sorted(
        self,
        observed: Mapping[Provisioner, Observed | ReadRefusal | None],
        *,
        unknown: Iterable[str],
        notes: tuple[str, ...],
    ) -> FoundOrphans:
        orphaned = {
            resource: observation
            for resource, observation in observed.items()
            if isinstance(observation, Observed) and _orphaned(resource, observation)
        }
        kept = {
            resource: reason
            for resource, observation in orphaned.items()
            if (reason := self._reason_to_keep(resource, observation))
        }
        hidden = {
            resource: refusal for resource, refusal in observed.items() if isinstance(refusal, ReadRefusal)
        }
        ownership = "has this environment's tags"
        return FoundOrphans(
            removable={
                resource: observation for resource, observation in orphaned.items() if resource not in kept
            },
            notes=(
                *notes,
                *(
                    f"{arn} {ownership}, and is left: cryptoctl creates nothing of that kind (a backup has "
                    "the tags of what it was made from)"
                    for arn in unknown
                ),
                *(
                    f"{resource} {ownership}, and cannot be read: {_with_hint(error)}"
                    for resource, error in hidden.items()
                ),
                *(
                    f"{resource} is no longer part of this environment, and is kept: {reason}"
                    for resource, reason in kept.items()
                ),
            ),
        )

    def _listed_kinds(self) -> list[Listed]:
        """One resource of each kind that can be listed by name."""
        kinds = {type(resource): resource for resource in (*self.stack, *self.unconfigured)}
        return [resource for resource in kinds.values() if isinstance(resource, Listed)]

    def _beyond_the_index(self, aws: Aws, tagged: frozenset[str], stack_observed: Observations) -> Candidates:
        """By name, kinds of which the index lacks the stack's own, or may: it lags, or is an engine's.

        Those whose names settings choose are listed to be observed, so that looking costs nothing.
        """
        missing_kinds = {
            type(resource)
            for resource, observed in stack_observed.items()
            if observed is not None and _arn(resource, observed) not in (None, *tagged)
        }
        kinds = [
            resource
            for resource in self._listed_kinds()
            if resource.in_tag_index
            and resource not in self.unconfigured
            and (type(resource) in missing_kinds or resource.named_by_settings)
        ]
        return _candidates(
            [], _read_each(aws, lambda resource: self._candidates_by_name(aws, resource), kinds)
        )

    def _candidates_by_name(self, aws: Aws, resource: Listed) -> Candidates:
        """What of a kind has the environment in its name, and is not the stack's."""
        own_arns = {stack_resource.arn for stack_resource in self.stack}
        arns = [arn for arn in resource.candidate_arns(aws) if arn not in own_arns]
        portion = f"of {len(arns)} {resource.kind}s with the environment in their names, {MAX_NAMED}"
        reasons = [f"{portion} were looked at"] if len(arns) > MAX_NAMED else []
        return Candidates(named=frozenset(arns[:MAX_NAMED]), notes=_not_searched(reasons))

    def _outside_stack(
        self, arns: Iterable[str], stack_observed: Observations
    ) -> dict[str, list[Provisioner]]:
        """What is not the stack's own, by ARN, of each kind that it may be; nothing for one of no kind."""
        own_arns = {resource.arn for resource in self.stack} | {
            _arn(*pair) for pair in stack_observed.items()
        }
        possible = {arn: self._resources(arn) for arn in sorted(arns) if arn not in own_arns}
        return {arn: resources for arn, resources in possible.items() if not set(resources) & {*self.stack}}

    def _resources(self, arn: str) -> list[Provisioner]:
        """What may have that ARN, one of a kind: metric alarms and composite ones have ARNs of one form."""
        kinds = (*self.stack, *self.unconfigured)
        resources = list(filter(None, (for_arn(resource, arn) for resource in kinds)))
        return list({type(resource): resource for resource in reversed(resources)}.values())

    def _reason_to_keep(self, resource: Provisioner, observed: Observed) -> str:
        if data := observed.data or ("data" if resource.holds_data else ""):
            return f"it holds {data}; delete it by its name in the AWS console if nobody needs it"
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
    other_kind = name == arn or ("/" in name and "/" not in resource.name)
    return None if other_kind else replace(resource, name=name)


def _arn(resource: Provisioner, observed: Observed | None) -> str | None:
    if isinstance(resource.arn, str):
        return resource.arn
    return observed.outputs.get("Arn") if observed else None


def _candidates(
    tagged: Iterable[str] | ReadRefusal, named: Sequence[Candidates | ReadRefusal], *more: ReadRefusal
) -> Candidates:
    refusals = [refusal for refusal in (tagged, *named, *more) if isinstance(refusal, ReadRefusal)]
    groups = [group for group in named if isinstance(group, Candidates)]
    arns = () if isinstance(tagged, ReadRefusal) else tagged
    return Candidates(
        tagged=frozenset(arn.removesuffix(":*") for arn in arns),
        named=frozenset().union(*(group.named for group in groups)),
        notes=(
            *_not_searched(map(_with_hint, refusals)),
            *(note for group in groups for note in group.notes),
        ),
    )


def _with_hint(refusal: ReadRefusal) -> str:
    hint = remedy(refusal) if isinstance(refusal, AwsError) else refusal.hint
    return f"{str(refusal).removesuffix('.')}. {hint}"


def _not_searched(reasons: Iterable[str]) -> tuple[str, ...]:
    return tuple(f"orphaned resources were not searched completely: {reason}" for reason in reasons)


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


def _read_each(aws: Aws, read: Callable[[T], R], items: Iterable[T]) -> list[R | ReadRefusal]:
    return aws.map(lambda item: _read_or_refusal(lambda: read(item)), items)


def _read_or_refusal(read: Callable[[], R]) -> R | ReadRefusal:
    """The refusal itself where AWS refuses: for an orphan, nothing else must stand still."""
    try:
        return read()
    except AwsError as error:
        return error
    except Failure as failure:
        if failure.exit_code is not ExitCode.AWS:
            raise
        return failure
