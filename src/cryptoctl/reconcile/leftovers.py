"""What bears an environment's tags and is not, or is no longer, part of its stack."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cryptoctl.aws import AwsError
from cryptoctl.reconcile.provisioner import Observed, Provisioner

if TYPE_CHECKING:
    from cryptoctl.aws import Aws


@dataclass(frozen=True, kw_only=True)
class Found:
    """What is left over: what can be removed, and what is only to be told, in a sentence each."""

    removable: Mapping[Provisioner, Observed]
    notes: tuple[str, ...] = ()


NOTHING = Found(removable={})


@dataclass(frozen=True, kw_only=True)
class Candidates:
    """The ARNs of what may be left over: listed under the environment's tags, or only named like it."""

    tagged: frozenset[str]
    named: frozenset[str]
    notes: tuple[str, ...] = ()
    """What could not be looked for."""


@dataclass(frozen=True, kw_only=True)
class Leftovers:
    """Finds what is left over of an environment: in the tag index, and by name where that does not reach.

    `stack` is everything that the environment should have. With `keep_data`, what holds data is no leftover.
    """

    stack: Sequence[Provisioner]
    keep_data: bool = False

    def candidates(self, aws: Aws) -> Candidates:
        """What may bear the environment's tags, the stack's own among it."""
        kinds = list({type(resource): resource for resource in self.stack}.values())
        owner_tags = self.stack[0].scope.owner_tags
        listings = [lambda: aws.tagged(owner_tags), *(_unindexed(each, aws) for each in kinds)]
        tagged, *named = aws.together([_as_permitted(listing) for listing in listings])
        denied = [each for each in (tagged, *named) if isinstance(each, AwsError)]
        return Candidates(
            tagged=_arns(tagged),
            named=_arns(*named),
            notes=tuple(f"what else is left over was not looked for: {error}" for error in denied),
        )

    def find(self, aws: Aws, candidates: Candidates, seen: Mapping[Provisioner, Observed | None]) -> Found:
        """Looks at each candidate that is not the stack's; `seen` is what was observed of the stack."""
        others = sorted((candidates.tagged | candidates.named) - self._in_use(seen))
        siblings = {arn: self._sibling(arn) for arn in others}
        looked_at = {
            arn: each for arn, each in siblings.items() if each is not None and each not in self.stack
        }
        observed = dict(
            zip(
                looked_at,
                aws.together([_as_permitted(_observing(each, aws)) for each in looked_at.values()]),
                strict=True,
            )
        )
        ours = {looked_at[arn]: its for arn, its in observed.items() if _left_over(looked_at[arn], its)}
        kept = {each: why for each, its in ours.items() if (why := self._kept(each, its))}
        unknown = [arn for arn, sibling in siblings.items() if sibling is None]
        # One that is only named like ours is most likely somebody else's, who need not show it to us.
        hidden = [
            arn for arn, its in observed.items() if isinstance(its, AwsError) and arn in candidates.tagged
        ]
        return Found(
            removable={each: its for each, its in ours.items() if each not in kept},
            notes=(
                *candidates.notes,
                *(
                    f"{arn} bears this environment's tags, and is nothing that cryptoctl makes"
                    for arn in unknown
                ),
                *(f"{arn} bears this environment's tags: {observed[arn]}" for arn in hidden),
                *(
                    f"{each} is no part of this environment any more, and is left: {kept[each]}"
                    for each in kept
                ),
            ),
        )

    def _kept(self, resource: Provisioner, observed: Observed) -> str:
        if self.keep_data and resource.holds_data:
            return "it holds data"
        return "it is protected from deletion" if resource.guard(observed) else ""

    def _in_use(self, seen: Mapping[Provisioner, Observed | None]) -> set[str]:
        named = {resource.arn for resource in self.stack if isinstance(resource.arn, str)}
        return named | {its.outputs["Arn"] for its in seen.values() if its and "Arn" in its.outputs}

    def _sibling(self, arn: str) -> Provisioner | None:
        return next(filter(None, (resource.sibling(arn) for resource in self.stack)), None)


def _arns(*listings: Any) -> frozenset[str]:
    found = (each for each in listings if not isinstance(each, AwsError))
    return frozenset(arn.removesuffix(":*") for arns in found for arn in arns)


def _left_over(resource: Provisioner, observed: Observed | AwsError | None) -> bool:
    if not isinstance(observed, Observed):
        return False
    # By tag alone: what an untagged thing's name says is enough only for what the stack declares.
    tags = observed.fields.get("Tags", {})
    ours = resource.scope.owner_tags.items() <= tags.items()
    return ours and observed.leaving is None and resource.elsewhere(observed) is None


def _unindexed(resource: Provisioner, aws: Aws) -> Callable[[], list[str]]:
    return lambda: list(resource.unindexed(aws))


def _observing(resource: Provisioner, aws: Aws) -> Callable[[], Observed | None]:
    return lambda: resource.observe(aws)


def _as_permitted(read: Callable[[], Any]) -> Callable[[], Any]:
    """The refusal itself where a right is lacking: for what is left over, nothing else must stand still."""

    def tried() -> Any:
        try:
            return read()
        except AwsError as error:
            if error.denied:
                return error
            raise

    return tried
