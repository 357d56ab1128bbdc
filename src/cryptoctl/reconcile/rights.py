"""The rights that a caller needs, declared beside the calls that need them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from cryptoctl.reconcile.values import Value

Condition = Mapping[str, Mapping[str, Value]]


class Use(StrEnum):
    """What a right is needed for."""

    LOOK = "look"
    """to see how a resource stands"""
    CHANGE = "change"
    """to make, mend or remove it"""
    READ = "read"
    """to read what has passed through it: prices, logs"""
    OPERATE = "operate"
    """to work with it: send prices, mend dead letters"""


@dataclass(frozen=True, kw_only=True)
class Right:
    """One IAM action on some resources; `*` only where the action knows no resource."""

    use: Use
    action: str
    resources: tuple[str, ...]
    condition: Condition = field(default_factory=dict)


def rights(
    use: Use, service: str, operations: str, *resources: str, condition: Condition | None = None
) -> Iterator[Right]:
    """Several actions of a service, separated by spaces, on the same resources."""
    for operation in operations.split():
        yield Right(use=use, action=f"{service}:{operation}", resources=resources, condition=condition or {})


def carrying(tags: Mapping[str, str]) -> Condition:
    """Only what carries these tags."""
    return {"StringEquals": {f"aws:ResourceTag/{key}": value for key, value in tags.items()}}


def asking_for(tags: Mapping[str, str]) -> Condition:
    """Only in a request that gives these tags."""
    return {"StringEquals": {f"aws:RequestTag/{key}": value for key, value in tags.items()}}
