"""What every kind of resource has in common: look, wish, and turn the difference into calls."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from cryptoctl.aws_errors import Remedy
from cryptoctl.reconcile.call import Action, RetryRule
from cryptoctl.reconcile.permissions import Permission
from cryptoctl.reconcile.scope import Scope
from cryptoctl.reconcile.values import Fields, Json, Ref, Value

if TYPE_CHECKING:
    from cryptoctl.aws import Aws
    from cryptoctl.reconcile.delta import Delta


@dataclass(frozen=True, kw_only=True)
class Observed:
    """What AWS says of a resource: its fields in AWS's own names, and the values that AWS assigned.

    `pending_deletion_until` is the date on which AWS will have removed it, where that is under way.
    `deleting` is set on what will be gone in a moment: then `remove` only waits for it.
    """

    fields: Fields
    outputs: Mapping[str, str] = field(default_factory=dict)
    pending_deletion_until: datetime | None = None
    deleting: bool = False


@dataclass(frozen=True, kw_only=True)
class Obstacle:
    """What would make a plan fail and is known beforehand: a sentence, and one on what to do next."""

    what: str
    hint: str

    def __str__(self) -> str:
        return f"{self.what} {self.hint}"


@dataclass(frozen=True, kw_only=True, eq=False)
class Provisioner(ABC):
    """One resource as it should be.

    The dataclass's fields are the wish, in our units. A field that is another provisioner is a dependency:
    that one is finished first. A Ref in a field waits for that value only.
    """

    scope: Scope
    name: str

    kind: ClassVar[str]
    """What a person calls it: "queue"."""
    retry_rules: ClassVar[tuple[RetryRule, ...]] = ()
    """Errors that pass by themselves."""
    remedies: ClassVar[tuple[Remedy, ...]] = ()
    """Errors that do not, and what a person does next; those of every service are in aws_errors.py."""
    immutable: ClassVar[frozenset[str]] = frozenset()
    """Fields that AWS cannot change in place: a difference means replacement."""
    exclusive: ClassVar[frozenset[str]] = frozenset()
    """Fields whose mapping is ours alone: a key that we do not declare is a difference too."""
    sensitive: ClassVar[frozenset[str]] = frozenset()
    """Fields in which somebody may have put a secret: what is found there is shown to nobody."""
    part_of: ClassVar[str | None] = None
    """The field with the resource that takes this one with it when it is removed."""
    in_tag_index: ClassVar[bool] = True
    """Whether AWS's tag index lists the kind."""
    visible_within_s: ClassVar[float] = 15.0
    """How long after a change AWS may still show the old state."""
    holds_data: ClassVar[bool] = False
    """Whether removing it loses what cannot be made again; `down --keep-data` leaves it."""

    @property
    def arn(self) -> str | Ref | None:
        """Its ARN; a Ref where AWS assigns a part of it; None where it has none of its own."""
        return None

    @abstractmethod
    def observe(self, aws: Aws) -> Observed | None:
        """Reads the resource; None when AWS answers with its one exact not-found code."""

    @abstractmethod
    def desired(self) -> Fields:
        """The wish, in the same names and normal form as `observe` gives."""

    @abstractmethod
    def apply(self, delta: Delta) -> Iterator[Action]:
        """The calls that make the resource (nothing observed) or mend the differences."""

    @abstractmethod
    def remove(self, observed: Observed) -> Iterator[Action]:
        """The calls that remove what was observed."""

    def owned(self, observed: Observed) -> bool:
        """Whether it is ours: it carries our tags, or it cannot carry any and belongs to its parent."""
        tags = observed.fields.get("Tags")
        return tags is None or self.scope.owner_tags.items() <= tags.items()

    def conflict(self, observed: Observed) -> str | None:
        """Why it belongs to the same environment in another place, in a few words; None where it does not."""
        return None

    def consent_reason(self, delta: Delta) -> str | None:
        """Why a person should be asked before this change, in a few words; None where nobody need be."""
        return None

    def follow_up(self, delta: Delta) -> str | None:
        """What a person should do after this change, in a sentence; None where nothing is left to do."""
        return None

    def deletion_blocker(self, observed: Observed) -> Obstacle | None:
        """Why it must not be removed; None where nothing speaks against it."""
        return None

    def for_arn(self, arn: str) -> Provisioner | None:
        """What of this kind has that ARN, as far as looking at it and removing it goes.

        None where the ARN is of another kind; itself where it looks after that one already.
        """
        if not isinstance(self.arn, str):
            return None
        name = arn.removeprefix(self.arn.removesuffix(self.name))
        # A part of a thing, a table's backup say, is not a thing of that kind.
        another = name == arn or ("/" in name and "/" not in self.name)
        return None if another else replace(self, name=name)

    def candidate_arns(self, aws: Aws) -> Iterator[str]:
        """The ARNs of this kind that have the environment in their name, the likeliest first."""
        yield from ()

    def tags_of(self, aws: Aws) -> Mapping[str, str]:
        """Its tags, with one request."""
        return {}

    def permissions(self) -> Iterator[Permission]:
        """What a caller must be allowed to, to look at it and to change it."""
        yield from ()

    @classmethod
    def preflight(cls, aws: Aws, deltas: Sequence[Delta]) -> Iterator[Obstacle]:
        """What would make these changes fail and can be known before."""
        yield from ()

    def dependencies(self) -> tuple[Provisioner, ...]:
        """The resources that must be finished first, in the order of the fields."""
        return tuple(dict.fromkeys(p for p in self._mentioned() if isinstance(p, Provisioner)))

    def sources(self) -> tuple[Provisioner, ...]:
        """The resources from which a value is taken by Ref."""
        return tuple(dict.fromkeys(ref.of for ref in self._mentioned() if isinstance(ref, Ref)))

    def parent(self) -> Provisioner | None:
        """The resource that it is a part of, and goes with."""
        return getattr(self, self.part_of) if self.part_of else None

    def _mentioned(self) -> Iterator[Provisioner | Ref]:
        for item in fields(self):
            yield from _mentions(getattr(self, item.name))

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


def _mentions(value: Value) -> Iterator[Provisioner | Ref]:
    if isinstance(value, Provisioner | Ref):
        yield value
    elif isinstance(value, Json):
        yield from _mentions(value.document)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _mentions(item)
    elif isinstance(value, tuple | list):
        for item in value:
            yield from _mentions(item)
    elif is_dataclass(value):
        for item in fields(value):
            yield from _mentions(getattr(value, item.name))
