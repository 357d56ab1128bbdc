"""What only some kinds of resources have, each a provisioner with something more."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from typing import ClassVar

from cryptoctl.aws import Aws
from cryptoctl.reconcile.delta import Delta
from cryptoctl.reconcile.observed import Observed, Obstacle
from cryptoctl.reconcile.provisioner import Provisioner


class DeletionProtected(Provisioner):
    """It can be protected from deletion."""

    @abstractmethod
    def deletion_blocker(self, observed: Observed) -> Obstacle | None:
        """Why it must not be deleted; None where it may be."""


class Preflight(Provisioner):
    """Something that would make its changes fail can be known before."""

    @classmethod
    @abstractmethod
    def preflight(cls, aws: Aws, changes: Mapping[Provisioner, Delta]) -> Iterator[Obstacle]:
        """What would make these changes of resources of this kind fail."""


class Listed(Provisioner):
    """Its kind can be listed by name, for orphans that AWS's tag index does not show."""

    in_tag_index: ClassVar[bool] = True
    """Whether AWS's tag index lists the kind; listed by name only where the index lacks some."""
    named_by_settings: ClassVar[bool] = False
    """Whether the settings say of which names there are some: earlier ones may have had others, which the
    index may not list yet."""

    @abstractmethod
    def candidate_arns(self, aws: Aws) -> Iterator[str]:
        """The ARNs of this kind with the environment in their name, the likeliest first."""

    @abstractmethod
    def tags_of(self, aws: Aws) -> Mapping[str, str] | None:
        """Its tags, with one request; None where it is gone."""


class Untagged(Provisioner):
    """A part of another resource that carries no tags, and that only some configurations have.

    Where this one has none, what was left by an earlier one goes, and what somebody else made stays.
    """

    @abstractmethod
    def made_by_another(self, aws: Aws, observed: Observed) -> str | None:
        """A sentence where cryptoctl did not make it, with what to do; None where it did."""
