"""What bears an environment's tags and is not, or is no longer, part of its stack."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cryptoctl.aws_errors import AwsError
from cryptoctl.errors import Failure, Problem
from cryptoctl.reconcile.provisioner import Observed, Provisioner

if TYPE_CHECKING:
    from cryptoctl.aws import Aws

Seen = Mapping[Provisioner, Observed | None]
# A name alone makes a thing no more than likely, and each asks for a request.
NAMED_AT_MOST = 50


@dataclass(frozen=True, kw_only=True)
class Found:
    """What is left over: what can be removed, and what is only to be told, in a sentence each."""

    removable: Mapping[Provisioner, Observed]
    notes: tuple[str, ...] = ()


NOTHING = Found(removable={})


@dataclass(frozen=True, kw_only=True)
class Candidates:
    """The ARNs of what may be left over: listed under the environment's tags, or only named like it."""

    tagged: frozenset[str] = frozenset()
    candidate_arns: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()
    """What could not be looked for."""


@dataclass(frozen=True, kw_only=True)
class Orphans:
    """Finds what is left over of an environment: in the tag index, and by name where that does not reach.

    `stack` is everything that the environment should have. With `keep_data`, what holds data is no leftover.
    """

    stack: Sequence[Provisioner]
    keep_data: bool = False

    def candidates(self, aws: Aws) -> Candidates:
        """What may bear the environment's tags, the stack's own among it."""
        owner_tags = self.stack[0].scope.owner_tags
        kinds = [each for each in self._kinds() if not each.in_tag_index]
        listings = [lambda: aws.tagged(owner_tags), *(_named(each, aws) for each in kinds)]
        tagged, *named = aws.gather(*[_tried(listing) for listing in listings])
        return _candidates(tagged, named)

    def find(self, aws: Aws, candidates: Candidates, seen: Seen) -> Found:
        """Looks at each candidate that is not the stack's; `seen` is what was observed of the stack."""
        more = self._beyond_the_index(aws, candidates.tagged, seen)
        tagged = self._siblings(candidates.tagged, seen)
        named = self._siblings((candidates.candidate_arns | more.candidate_arns) - candidates.tagged, seen)
        likely = [each for each in named.values() if each is not None]
        tags = aws.gather(*[_tried(_tags_of(each, aws)) for each in likely])
        ours = [each for each, its in zip(likely, tags, strict=True) if _bears(its, each)]
        others = [*(each for each in tagged.values() if each is not None), *ours]
        observed = dict(
            zip(others, aws.gather(*[_tried(_seeing(each, aws)) for each in others]), strict=True)
        )
        over = {each: its for each, its in observed.items() if _left_over(each, its)}
        kept = {each: why for each, its in over.items() if (why := self._kept(each, its))}
        hidden = {each: its for each, its in observed.items() if isinstance(its, AwsError | Failure)}
        unknown = [arn for arn, sibling in tagged.items() if sibling is None]
        return Found(
            removable={each: its for each, its in over.items() if each not in kept},
            notes=(
                *candidates.notes,
                *more.notes,
                *(
                    f"{arn} bears this environment's tags, and this version of cryptoctl makes nothing of "
                    "that kind: remove it by hand"
                    for arn in unknown
                ),
                *(
                    f"{each} bears this environment's tags, and cannot be seen: {hidden[each]}"
                    for each in hidden
                ),
                *(
                    f"{each} is no part of this environment any more, and is left: {kept[each]}"
                    for each in kept
                ),
            ),
        )

    def _kinds(self) -> Iterable[Provisioner]:
        """One resource of each kind."""
        return {type(resource): resource for resource in self.stack}.values()

    def _beyond_the_index(self, aws: Aws, tagged: frozenset[str], seen: Seen) -> Candidates:
        """By name, kinds of which the index lacks the stack's own: it lags, or is an engine's."""
        lacking = {
            type(resource)
            for resource, its in seen.items()
            if its is not None and resource.in_tag_index and _arn(resource, its) not in (None, *tagged)
        }
        listings = [_named(each, aws) for each in self._kinds() if type(each) in lacking]
        return _candidates([], aws.gather(*[_tried(listing) for listing in listings]))

    def _siblings(self, arns: Iterable[str], seen: Seen) -> dict[str, Provisioner | None]:
        """What is not the stack's own, by ARN; None for what is of no kind that the stack has."""
        own = {resource.arn for resource in self.stack} | {_arn(*each) for each in seen.items()}
        found = {arn: self._sibling(arn) for arn in sorted(arns) if arn not in own}
        return {arn: each for arn, each in found.items() if each is None or each not in self.stack}

    def _sibling(self, arn: str) -> Provisioner | None:
        return next(filter(None, (resource.for_arn(arn) for resource in self.stack)), None)

    def _kept(self, resource: Provisioner, observed: Observed) -> str:
        if self.keep_data and resource.holds_data:
            return "it holds data"
        return "it is protected from deletion" if resource.deletion_blocker(observed) else ""


def _arn(resource: Provisioner, observed: Observed | None) -> str | None:
    if isinstance(resource.arn, str):
        return resource.arn
    return observed.outputs.get("Arn") if observed else None


def _candidates(tagged: Any, named: Sequence[Any]) -> Candidates:
    refused = [each for each in (tagged, *named) if isinstance(each, AwsError | Failure)]
    listed = [() if isinstance(each, AwsError | Failure) else each for each in (tagged, *named)]
    return Candidates(
        tagged=frozenset(arn.removesuffix(":*") for arn in listed[0]),
        candidate_arns=frozenset(arn for arns in listed[1:] for arn in arns),
        notes=tuple(f"what else is left over was not looked for: {error}" for error in refused),
    )


def _bears(tags: Any, resource: Provisioner) -> bool:
    """By tag alone: what an untagged thing's name says is enough only for what the stack declares."""
    return isinstance(tags, Mapping) and resource.scope.owner_tags.items() <= tags.items()


def _left_over(resource: Provisioner, observed: Any) -> bool:
    return (
        isinstance(observed, Observed)
        and _bears(observed.fields.get("Tags"), resource)
        and observed.pending_deletion_until is None
        and resource.conflict(observed) is None
    )


def _named(resource: Provisioner, aws: Aws) -> Callable[[], list[str]]:
    return lambda: list(resource.candidate_arns(aws))[:NAMED_AT_MOST]


def _tags_of(resource: Provisioner, aws: Aws) -> Callable[[], Mapping[str, str]]:
    return lambda: resource.tags_of(aws)


def _seeing(resource: Provisioner, aws: Aws) -> Callable[[], Observed | None]:
    return lambda: resource.observe(aws)


def _tried(read: Callable[[], Any]) -> Callable[[], Any]:
    """The refusal itself where AWS refuses: for what is left over, nothing else must stand still."""

    def tried() -> Any:
        try:
            return read()
        except AwsError as error:
            return error
        except Failure as failure:
            if failure.problem is not Problem.AWS:
                raise
            return failure

    return tried
