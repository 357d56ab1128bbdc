"""The smallest IAM policy for deploying, operating or reading one environment."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from typing import Any

from cryptoctl import ops
from cryptoctl.provisioners.policy import VERSION
from cryptoctl.reconcile.rights import Right, Use
from cryptoctl.stack import Stack

Needs = Callable[[Stack], Iterator[Right]]


class Purpose(StrEnum):
    """Whom a policy is for. What each may run follows from USES and the use that each command states."""

    DEPLOY = "deploy"
    """who makes and removes the environment"""
    OPERATE = "operate"
    """who works with it"""
    READ = "read"
    """who only looks"""


USES: Mapping[Purpose, frozenset[Use]] = {
    Purpose.DEPLOY: frozenset({Use.LOOK, Use.CHANGE}),
    Purpose.OPERATE: frozenset({Use.LOOK, Use.READ, Use.OPERATE}),
    Purpose.READ: frozenset({Use.LOOK, Use.READ}),
}


def needed(stack: Stack, purpose: Purpose) -> list[Right]:
    """The rights that the commands of a purpose need in this environment, as declared beside the calls."""
    declared = [right for resource in stack for right in resource.rights()]
    declared += [right for needs in _operations() for right in needs(stack)]
    return [right for right in declared if right.use in USES[purpose]]


def _operations() -> Iterator[Needs]:
    """What each module of the operations says it needs: one that is there is found, and none is listed."""
    for found in pkgutil.walk_packages(ops.__path__, f"{ops.__name__}."):
        needs: Needs | None = getattr(importlib.import_module(found.name), "needs", None)
        if needs is not None:
            yield needs


def policy(stack: Stack, purpose: Purpose) -> dict[str, Any]:
    """The rights as a policy document: one statement for each set of resources and condition."""
    grouped: dict[tuple[tuple[str, ...], str], tuple[Right, set[str]]] = {}
    for right in needed(stack, purpose):
        key = right.resources, repr(right.condition)
        grouped.setdefault(key, (right, set()))[1].add(right.action)
    merged: dict[tuple[tuple[str, ...], str], tuple[Right, list[str]]] = {}
    for (_, condition), (right, actions) in grouped.items():
        # The same actions under the same condition on several resources are one statement.
        same = merged.setdefault((tuple(sorted(actions)), condition), (right, []))
        same[1].extend(each for each in right.resources if each not in same[1])
    return {
        "Version": VERSION,
        "Statement": [
            {
                "Effect": "Allow",
                "Action": list(actions),
                "Resource": resources if resources != ["*"] else "*",
                **({"Condition": right.condition} if right.condition else {}),
            }
            for (actions, _), (right, resources) in merged.items()
        ],
    }
