"""What AWS says of a resource."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from cryptoctl.errors import Failure
from cryptoctl.reconcile.values import Fields


@dataclass(frozen=True, kw_only=True)
class Observed:
    """A resource's fields in AWS's own names, and the values that AWS assigned.

    `pending_deletion_until` is the date on which AWS will have removed it, where that is under way.
    `deleting` is set on what will be gone in a moment: then `remove` only waits for it.
    `new` is set on what was created so recently that not all of AWS may take it for what it is.
    `notes` are what a person should know of it although no declared field differs, a sentence each.
    `data` says what would be lost with it and cannot be made again, in a few words.
    `unreadable` is set where fields could not be read that only creating and changing it needs.
    """

    fields: Fields
    outputs: Mapping[str, str] = field(default_factory=dict)
    pending_deletion_until: datetime | None = None
    deleting: bool = False
    new: bool = field(default=False, compare=False)
    notes: tuple[str, ...] = ()
    data: str = field(default="", compare=False)
    unreadable: Failure | None = field(default=None, compare=False)


@dataclass(frozen=True, kw_only=True)
class Obstacle:
    """What would make a plan fail and is known beforehand: a sentence, and one on what to do next."""

    what: str
    hint: str

    def __str__(self) -> str:
        return f"{self.what} {self.hint}"
