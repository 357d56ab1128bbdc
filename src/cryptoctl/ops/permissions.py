"""The smallest IAM policy for deploying, operating or reading one environment."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from typing import Any

from cryptoctl import ops
from cryptoctl.provisioners.policy import VERSION
from cryptoctl.reconcile.permissions import Access, Permission
from cryptoctl.stack import Stack

Declaring = Callable[[Stack], Iterator[Permission]]


class Purpose(StrEnum):
    """Whom a policy is for. What each may run follows from ACCESS and the use that each command states."""

    DEPLOY = "deploy"
    """who makes and removes the environment"""
    OPERATE = "operate"
    """who works with it"""
    READ = "read"
    """who only looks"""


ACCESS: Mapping[Purpose, frozenset[Access]] = {
    Purpose.DEPLOY: frozenset({Access.DESCRIBE, Access.MANAGE}),
    Purpose.OPERATE: frozenset({Access.DESCRIBE, Access.READ_DATA, Access.OPERATE}),
    Purpose.READ: frozenset({Access.DESCRIBE, Access.READ_DATA}),
}


def needed(stack: Stack, purpose: Purpose) -> list[Permission]:
    """The rights that the commands of a purpose need in this environment, as declared beside the calls."""
    declared = [permission for resource in stack for permission in resource.permissions()]
    declared += [permission for declare in _operations() for permission in declare(stack)]
    return [permission for permission in declared if permission.access in ACCESS[purpose]]


def _operations() -> Iterator[Declaring]:
    """What each module of the operations says it declare: one that is there is found, and none is listed."""
    for found in pkgutil.walk_packages(ops.__path__, f"{ops.__name__}."):
        declare: Declaring | None = getattr(importlib.import_module(found.name), "permissions", None)
        if declare is not None:
            yield declare


def policy(stack: Stack, purpose: Purpose) -> dict[str, Any]:
    """The rights as a policy document: one statement for each set of resources and condition."""
    grouped: dict[tuple[tuple[str, ...], str], tuple[Permission, set[str]]] = {}
    for permission in needed(stack, purpose):
        key = permission.resources, repr(permission.condition)
        grouped.setdefault(key, (permission, set()))[1].add(permission.action)
    merged: dict[tuple[tuple[str, ...], str], tuple[Permission, list[str]]] = {}
    for (_, condition), (permission, actions) in grouped.items():
        # The same actions under the same condition on several resources are one statement.
        same = merged.setdefault((tuple(sorted(actions)), condition), (permission, []))
        same[1].extend(each for each in permission.resources if each not in same[1])
    return {
        "Version": VERSION,
        "Statement": [
            {
                "Effect": "Allow",
                "Action": list(actions),
                "Resource": resources if resources != ["*"] else "*",
                **({"Condition": permission.condition} if permission.condition else {}),
            }
            for (actions, _), (permission, resources) in merged.items()
        ],
    }
