"""The environments of an account and region, found by their tags."""

from __future__ import annotations

from collections.abc import Iterator

from cryptoctl.aws import Aws
from cryptoctl.reconcile.permissions import Access, Permission, allow
from cryptoctl.reconcile.scope import ENVIRONMENT, MANAGED_BY
from cryptoctl.stack import Stack


def permissions(_: Stack) -> Iterator[Permission]:
    """The tag index is asked for the whole region."""
    yield from allow(Access.DESCRIBE, "tag", "GetResources", "*")


def environments(aws: Aws) -> dict[str, int]:
    """Each environment's name with how many of its resources the tag index lists, in order of name."""
    counts: dict[str, int] = {}
    for arn, tags in aws.tagged({MANAGED_BY: "cryptoctl"}).items():
        if ENVIRONMENT in tags and not _leaving(arn):
            counts[tags[ENVIRONMENT]] = counts.get(tags[ENVIRONMENT], 0) + 1
    return dict(sorted(counts.items()))


def _leaving(arn: str) -> bool:
    # What `down` leaves is a key that is pending deletion; a key alone is no environment.
    return arn.split(":")[2] == "kms"
