"""What every kind of resource has in common: observe, desired, apply, remove, and data.

What only some kinds have is in traits.py.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from cryptoctl.aws import Aws
from cryptoctl.aws_errors import Remedy
from cryptoctl.aws_responses import parsing_response
from cryptoctl.reconcile.call import CallOrWait, RetryRule
from cryptoctl.reconcile.delta import Delta
from cryptoctl.reconcile.observed import Observed
from cryptoctl.reconcile.permissions import Permission
from cryptoctl.reconcile.scope import Scope
from cryptoctl.reconcile.values import Fields, Ref, Resource


@dataclass(frozen=True, kw_only=True, eq=False)
class Provisioner(Resource, ABC):
    """One resource in its desired state.

    The dataclass's fields are that state, in our units. A field that is another provisioner is a
    dependency: that one is finished first. A Ref in a field waits for that value only.
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
    """Fields that may hold a secret: their values are never shown."""
    shared: ClassVar[frozenset[str]] = frozenset()
    """Fields that others write in too and that go as a whole: read again right before they are written."""
    creation_overwrites: ClassVar[bool] = False
    """Whether AWS creates it over what is there: looked at again right before."""
    part_of: ClassVar[str | None] = None
    """The field with the resource that takes this one with it when it is removed."""
    untagged_is_ours: ClassVar[bool] = False
    """Whether one without any tag is ours by its name."""
    visible_within_s: ClassVar[float] = 15.0
    """How long after a change AWS may still show the old state."""
    holds_data: ClassVar[bool] = False
    """Whether removing it loses what cannot be made again; `down --keep-data` leaves it."""

    @property
    def short_name(self) -> str:
        """Its name without the environment's at the end, as commands take and show it."""
        return self.name.removesuffix(f"-{self.scope.environment}")

    @property
    def arn(self) -> str | Ref | None:
        """Its ARN; a Ref where AWS assigns a part of it; None where it has none of its own."""
        return None

    @abstractmethod
    def observe(self, aws: Aws) -> Observed | None:
        """Reads the resource. None where AWS answers with its one exact not-found code, to any read."""

    def observe_or_fail(self, aws: Aws) -> Observed | None:
        """What `observe` gives, to all who ask. Raises Failure at a value that AWS never sends."""
        with parsing_response(self):
            return self.observe(aws)

    @abstractmethod
    def desired(self) -> Fields:
        """The desired state, in the same names and normal form as `observe` gives."""

    @abstractmethod
    def apply(self, delta: Delta) -> Iterator[CallOrWait]:
        """The calls that create the resource (nothing observed) or change what differs."""

    @abstractmethod
    def remove(self, observed: Observed) -> Iterator[CallOrWait]:
        """The calls that delete what was observed."""

    @abstractmethod
    def permissions(self) -> Iterator[Permission]:
        """What a caller needs to read it, change it and delete it; `iam-policy` prints nothing else."""

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


Observations = Mapping[Provisioner, Observed | None]
"""What was observed of some resources; None for what is not there."""
