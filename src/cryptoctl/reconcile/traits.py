"""What only some kinds of resources have, each a provisioner with something more."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from typing import ClassVar

from cryptoctl.aws import Aws
from cryptoctl.reconcile.delta import Delta
from cryptoctl.reconcile.observed import Observed, Obstacle
from cryptoctl.reconcile.provisioner import Provisioner

REPLACE = "replace somebody else's "


class ConsentRequired(Provisioner):
    """Some of its changes in place are made only after asking."""

    fields_of_others: ClassVar[Mapping[str, str]] = {}
    """What others may have made of it and lose once it is the environment's: a word for each field."""

    def consent_reasons(self, delta: Delta) -> Iterator[str]:
        """What a person is asked about before this change, in a few words each."""
        if self.takes_over(delta):
            lost = (
                self.fields_of_others.get(change.field)
                for change in delta.changes
                if change.old not in (None, ())
            )
            yield from (f"{REPLACE}{word}" for word in dict.fromkeys(filter(None, lost)))

    def takes_over(self, delta: Delta) -> bool:
        """Whether what others have made and set becomes the environment's with this change."""
        return any(change.key in self.scope.owner_tags for change in delta.keys("Tags"))


class DeletionProtected(Provisioner):
    """It can be protected from deletion."""

    @abstractmethod
    def deletion_blocker(self, observed: Observed) -> Obstacle | None:
        """Why it must not be deleted; None where it may be."""


class ConflictChecked(Provisioner):
    """What is found under its name may serve the same environment somewhere else."""

    @abstractmethod
    def conflict(self, observed: Observed) -> str | None:
        """Where it is in use, in a few words; None where it is this environment's."""


class FollowUp(Provisioner):
    """After some of its changes there is something left for a person to do."""

    @abstractmethod
    def follow_up(self, delta: Delta) -> str | None:
        """What to do after this change, in a sentence; None where nothing is left to do."""


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


class AssignedArn(Provisioner):
    """Its ARN ends in an id that AWS assigns, so a name cannot be read from it."""

    @abstractmethod
    def for_arn(self, arn: str) -> Provisioner | None:
        """The resource of this kind that has that ARN; None where the ARN is of another kind.

        Itself where it looks after that one already.
        """


class Untagged(Provisioner):
    """A part of another resource that carries no tags, and that only some configurations have.

    Where this one has none, what was left by an earlier one goes, and what somebody else made stays.
    """

    @abstractmethod
    def made_by_another(self, aws: Aws, observed: Observed) -> str | None:
        """A sentence where cryptoctl did not make it, with what to do; None where it did."""
