"""The difference between the desired state and what is there, over the declared fields only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from cryptoctl.reconcile.observed import Observed
from cryptoctl.reconcile.values import Fields, Secret, Value


@dataclass(frozen=True, kw_only=True)
class Change:
    """One declared field that differs. `key` names the entry where the field is a mapping."""

    field: str
    key: str | None = None
    old: Value
    new: Value

    @property
    def path(self) -> str:
        """The field as it is shown: `Tags.Application`."""
        return self.field if self.key is None else f"{self.field}.{self.key}"


@dataclass(frozen=True, kw_only=True)
class Delta:
    """The desired state (Refs resolved as far as known), what was observed, and where they differ."""

    desired: Fields
    observed: Observed | None
    changes: tuple[Change, ...]

    @property
    def creating(self) -> bool:
        """Whether there is nothing yet."""
        return self.observed is None

    def old(self, name: str) -> Value:
        """What a field was observed to be; None where it is absent, or nothing is there."""
        return self.observed.fields.get(name) if self.observed else None

    def touches(self, *names: str) -> bool:
        """Whether one of these fields differs, in something that exists."""
        return any(change.field in names for change in self.changes)

    def keys(self, name: str) -> Iterator[Change]:
        """The differing entries of a field that is a mapping."""
        return (change for change in self.changes if change.field == name and change.key is not None)


def difference(desired: Fields, observed: Observed | None, exclusive: frozenset[str]) -> Delta:
    """Compares the declared fields; in a mapping the declared keys, in an exclusive one all keys.

    Absent is written None on both sides. A secret differs only where there is none.
    """
    if observed is None:
        return Delta(desired=desired, observed=None, changes=())
    changes: list[Change] = []
    for name, new in desired.items():
        changes += _compare(name, observed.fields.get(name), new, exclusive=name in exclusive)
    return Delta(desired=desired, observed=observed, changes=tuple(changes))


def _compare(name: str, old: Value, new: Value, *, exclusive: bool) -> Iterator[Change]:
    if not isinstance(new, Mapping):
        if _differs(old, new):
            yield Change(field=name, old=old, new=new)
        return
    old_values: Mapping[str, Value] = old if isinstance(old, Mapping) else {}
    extra = [key for key in old_values if key not in new] if exclusive else []
    for key in [*new, *extra]:
        if _differs(old_values.get(key), new.get(key)):
            yield Change(field=name, key=key, old=old_values.get(key), new=new.get(key))


def _differs(old: Value, new: Value) -> bool:
    return old is None if isinstance(new, Secret) else bool(old != new)
