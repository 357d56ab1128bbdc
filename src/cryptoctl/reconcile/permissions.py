"""The permissions that a caller needs, declared beside the calls that need them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from cryptoctl.reconcile.values import Value

Condition = Mapping[str, Mapping[str, Value]]


class Access(StrEnum):
    """What a permission is needed for."""

    DESCRIBE = "describe"
    """to see how a resource stands"""
    MANAGE = "manage"
    """to create, change or delete it"""
    READ_DATA = "read data"
    """to read what has passed through it: prices, logs"""
    OPERATE = "operate"
    """to work with it: send prices, replay dead letters"""
    ADMINISTER = "administer"
    """what no printed policy allows: to make and remove environments of other names"""


@dataclass(frozen=True, kw_only=True)
class Permission:
    """One IAM action on some resources; `*` only where the action knows no resource."""

    access: Access
    action: str
    resources: tuple[str, ...]
    condition: Condition = field(default_factory=dict)


def allow(
    access: Access, service: str, operations: str, *resources: str, condition: Condition | None = None
) -> Iterator[Permission]:
    """Several actions of a service, separated by spaces, on the same resources."""
    for operation in operations.split():
        yield Permission(
            access=access, action=f"{service}:{operation}", resources=resources, condition=condition or {}
        )


def with_resource_tags(tags: Mapping[str, str]) -> Condition:
    """Only what carries these tags."""
    return {"StringEquals": {f"aws:ResourceTag/{key}": value for key, value in tags.items()}}


def with_request_tags(tags: Mapping[str, str]) -> Condition:
    """Only in a request that gives these tags."""
    return {"StringEquals": {f"aws:RequestTag/{key}": value for key, value in tags.items()}}
