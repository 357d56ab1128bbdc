"""Policies of queues, topics, tables and keys, in which others write too: whom they let in and shut out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from fnmatch import fnmatchcase
from ipaddress import ip_network
from typing import Any

from cryptoctl.provisioners.policy import normal
from cryptoctl.reconcile import Value

# A condition on one of these says whose request it must be, or where it comes from. A statement for everybody
# without any is what scanners call public.
BINDING = frozenset(
    f"aws:{each}"
    for each in (
        *("principalaccount", "principalarn", "principalorgid", "principalorgpaths", "userid", "username"),
        *("sourceaccount", "sourcearn", "sourceorgid", "sourceorgpaths", "sourceowner"),
        *("sourceip", "sourcevpc", "sourcevpce", "vpcsourceip"),
    )
)

WIDEST_BITS = {4: 8, 6: 32}
"""By the version of IP, the shortest prefix of an address range that one owner may have."""
SHORTEST_NAME = 3
"""What is before the wildcards of a value says whose it is only if it is this long: o-* is everybody."""


def remarks(what: object, policy: str | None, *, but: str) -> Iterator[str]:
    """A sentence on each statement that denies something, whatever our roles allow, or lets everybody in.

    `but` is the id of the statement that is ours.
    """
    for statement in _statements(policy):
        if statement.get("Sid") == but:
            continue
        actions = ", ".join(statement.get("Action", ("what is not named",)))
        name = f"statement {statement.get('Sid', 'without an id')}"
        if statement["Effect"] == "Deny":
            yield (
                f"the policy of {what} denies {actions} ({name}): "
                "look whether that meets the functions, which fail then"
            )
        elif for_everybody(statement):
            yield (
                f"the policy of {what} lets everybody, in any account, do {actions} ({name}): take the "
                "statement out, or bind it to those who are meant, to an account say (aws:PrincipalAccount)"
            )


def lets(policy: str, service: str, action: str) -> bool:
    """Whether a policy lets a service do that. Conditions are taken to hold; what denies is not weighed."""
    return any(
        statement["Effect"] == "Allow"
        and any(fnmatchcase(action.lower(), each.lower()) for each in statement.get("Action", "*"))
        and {"*", service} & set(principals(statement.get("Principal", "*")))
        for statement in _statements(policy)
    )


def _statements(policy: str | None) -> tuple[Mapping[str, Any], ...]:
    return normal(policy)["Statement"] if policy else ()


def for_everybody(statement: Mapping[str, Any]) -> bool:
    """Whether it is for every account, and bound by no condition."""
    # A statement for all but some has no principal.
    return "*" in principals(statement.get("Principal", "*")) and not any(
        key.lower() in BINDING and _binds(operator) and all(map(_names_some, map(str, values)))
        for operator, tests in statement.get("Condition", {}).items()
        for key, values in tests.items()
    )


def _binds(operator: str) -> bool:
    """Whether a request without the key is refused, and one with another value."""
    lenient = operator.startswith("ForAllValues:") or operator.endswith("IfExists")
    return not lenient and "Not" not in operator and operator != "Null"


def _names_some(value: str) -> bool:
    """Whether the value of a binding condition is not everybody's: an account, a resource, some addresses."""
    with suppress(ValueError):
        network = ip_network(value, strict=False)
        return network.prefixlen >= WIDEST_BITS[network.version]
    if value.startswith("arn:"):
        # An account, or where a service's names have none, as a bucket's, the name.
        account, _, name = (value.split(":", 4) + [""] * 4)[4].partition(":")
        value = account or name
    return len(re.split(r"[*?]", value)[0]) >= SHORTEST_NAME


def principals(principal: Value) -> Iterator[str]:
    if isinstance(principal, str):
        yield principal
    else:
        for several in principal.values():
            yield from several
