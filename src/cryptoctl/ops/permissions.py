"""The smallest IAM policy for deploying, operating or reading one environment."""

from __future__ import annotations

import importlib
import json
import pkgutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from itertools import chain
from typing import Any, TypeAlias

from cryptoctl import ops
from cryptoctl.provisioners.policy import VERSION
from cryptoctl.reconcile.permissions import Access, Permission
from cryptoctl.reconcile.provisioner import Provisioner
from cryptoctl.reconcile.traits import Untagged
from cryptoctl.stack import Stack

PermissionsOf = Callable[[Stack], Iterator[Permission]]
Statement: TypeAlias = dict[str, Any]
# IAM's limit for a managed policy; white space does not count.
MANAGED_POLICY_CHARACTERS = 6144


class Purpose(StrEnum):
    """The role that a policy is for. Its commands follow from ACCESS and each one's `access`."""

    DEPLOY = "deploy"
    """creates and deletes the environment"""
    OPERATE = "operate"
    """sends prices and works on the dead-letter queues"""
    READ = "read"
    """reads only"""


ACCESS: Mapping[Purpose, frozenset[Access]] = {
    Purpose.DEPLOY: frozenset({Access.DESCRIBE, Access.MANAGE}),
    Purpose.OPERATE: frozenset({Access.DESCRIBE, Access.READ_DATA, Access.OPERATE}),
    Purpose.READ: frozenset({Access.DESCRIBE, Access.READ_DATA}),
}


def needed_permissions(stack: Stack, purpose: Purpose) -> list[Permission]:
    """The rights that the commands of a purpose need in this environment, as declared beside the calls."""
    declared = [permission for resource in stack for permission in resource.permissions()]
    declared += [
        permission for resource in stack.unconfigured for permission in _discovery_permissions(resource)
    ]
    declared += [permission for declare in _permission_functions() for permission in declare(stack)]
    return [permission for permission in declared if permission.access in ACCESS[purpose]]


def _discovery_permissions(resource: Provisioner) -> Iterator[Permission]:
    """What finds one that an earlier configuration has left; removing it takes more, for once.

    Its tags are read where its name is known: rights on any name would take the room of what is done.
    """
    for permission in resource.permissions():
        named = permission.resources in (("*",), (resource.arn,))
        if (isinstance(resource, Untagged) or named) and permission.access is Access.DESCRIBE:
            yield permission


def _permission_functions() -> Iterator[PermissionsOf]:
    """The `permissions` function of each module in ops/ that has one."""
    for module in pkgutil.walk_packages(ops.__path__, f"{ops.__name__}."):
        declare: PermissionsOf | None = getattr(importlib.import_module(module.name), "permissions", None)
        if declare is not None:
            yield declare


def policy(stack: Stack, purpose: Purpose) -> dict[str, Any]:
    """The permissions as one policy document, exact, however long: `policy_documents` gives what fits."""
    return _document(_statements(needed_permissions(stack, purpose)))


def policy_documents(stack: Stack, purpose: Purpose) -> list[dict[str, Any]]:
    """The permissions as policy documents that each fit into a managed policy; one where that is possible.

    For that, what is needed on some resources of a kind is granted on all of the environment's, if need be;
    and statements of different services are written as one, which grants nothing more.
    """
    exact = _statements(needed_permissions(stack, purpose))
    for statements in (exact, _widen(exact), _join_services(_widen(exact))):
        if characters(_document(statements)) <= MANAGED_POLICY_CHARACTERS:
            return [_document(statements)]
    filled: list[list[Statement]] = [[]]
    for statement in chain.from_iterable(map(_split, exact)):
        if filled[-1] and characters(_document([*filled[-1], statement])) > MANAGED_POLICY_CHARACTERS:
            filled.append([])
        filled[-1].append(statement)
    return [_document(statements) for statements in filled]


def _split(statement: Statement) -> Iterator[Statement]:
    """The statement, in halves of its resources as long as it alone is too long for a policy."""
    resources = sorted(_resources(statement))
    if len(resources) < 2 or characters(_document([statement])) <= MANAGED_POLICY_CHARACTERS:
        yield statement
        return
    middle = len(resources) // 2
    for part in (resources[:middle], resources[middle:]):
        yield from _split({**statement, "Resource": part})


def characters(document: Mapping[str, Any]) -> int:
    """The length of a policy as IAM counts it: without white space."""
    return len(json.dumps(document, separators=(",", ":")))


def _document(statements: Sequence[Statement]) -> dict[str, Any]:
    return {"Version": VERSION, "Statement": list(statements)}


def _statements(permissions: Iterable[Permission]) -> list[Statement]:
    """One statement for each set of resources and condition: no action stands twice for one resource."""
    resources: dict[tuple[str, str], tuple[Permission, dict[str, None]]] = {}
    for permission in permissions:
        _, of_action = resources.setdefault((permission.action, repr(permission.condition)), (permission, {}))
        of_action.update(dict.fromkeys(permission.resources))
    actions: dict[tuple[tuple[str, ...], str], tuple[Permission, list[str]]] = {}
    for (action, condition), (first, arns) in resources.items():
        actions.setdefault((tuple(sorted(arns)), condition), (first, []))[1].append(action)
    return [
        {
            "Effect": "Allow",
            "Action": sorted(names),
            "Resource": list(resource_arns) if len(resource_arns) > 1 else resource_arns[0],
            **({"Condition": permission.condition} if permission.condition else {}),
        }
        for (resource_arns, _), (permission, names) in actions.items()
    ]


def _widen(statements: Sequence[Statement]) -> list[Statement]:
    """A statement whose resources another one has as well, under the same condition, becomes part of that."""
    widened: list[Statement] = []
    for statement in sorted(statements, key=lambda statement: -len(_resources(statement))):
        host = next((other for other in widened if _is_within(statement, other)), None)
        if host is None:
            widened.append(dict(statement))
        else:
            host["Action"] = sorted({*host["Action"], *statement["Action"]})
    return widened


def _join_services(statements: Sequence[Statement]) -> list[Statement]:
    """Statements of different services, under the same condition if any, as one.

    An action counts on its own service's resources alone; `*` is every service's.
    """
    joined: list[Statement] = []
    for statement in statements:
        host = next((other for other in joined if _can_be_joined(statement, other)), None)
        if host is None:
            joined.append(dict(statement))
        else:
            host["Action"] = sorted({*host["Action"], *statement["Action"]})
            host["Resource"] = sorted(_resources(host) | _resources(statement))
    return joined


def _can_be_joined(first: Statement, second: Statement) -> bool:
    everything = "*" in _resources(first) | _resources(second)
    alike = first.get("Condition") == second.get("Condition")
    return alike and not everything and not _services(first) & _services(second)


def _services(statement: Statement) -> set[str]:
    return {action.partition(":")[0] for action in statement["Action"]}


def _is_within(statement: Statement, host: Statement) -> bool:
    return _resources(statement) <= _resources(host) and statement.get("Condition") == host.get("Condition")


def _resources(statement: Statement) -> frozenset[str]:
    resource = statement["Resource"]
    return frozenset([resource] if isinstance(resource, str) else resource)
