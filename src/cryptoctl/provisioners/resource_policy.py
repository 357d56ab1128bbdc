"""Policies of queues, topics, tables and keys, in which others write too: whom they let in and shut out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from fnmatch import fnmatchcase
from ipaddress import ip_network
from typing import Any

from cryptoctl.provisioners.policy import statements_of
from cryptoctl.reconcile import Value

# A condition on one of these says whose request it must be, or where it comes from. A statement for everybody
# without any is what scanners call public.
BINDING = frozenset(
    f"aws:{key}"
    for key in (
        *("principalaccount", "principalarn", "principalorgid", "principalorgpaths", "userid", "username"),
        *("sourceaccount", "sourcearn", "sourceorgid", "sourceorgpaths", "sourceowner"),
        *("sourceip", "sourcevpc", "sourcevpce", "vpcsourceip"),
    )
)

WIDEST_BITS = {4: 8, 6: 32}
"""By the version of IP, the shortest prefix of an address range that one owner may have."""
MIN_BEFORE_A_WILDCARD_LENGTH = 3
"""How many characters say whose a value is: o-* is everybody's, and 1* a tenth of all accounts."""


def policy_notes(resource: object, policy: str | None, *, own_sid: str) -> Iterator[str]:
    """A sentence on each statement that denies something, whatever our roles allow, or lets everybody in.

    `own_sid` is the id of the statement that is ours.
    """
    for statement in statements_of(policy):
        if statement.get("Sid") == own_sid:
            continue
        actions = ", ".join(statement.get("Action", ("what is not named",)))
        name = f"statement {statement.get('Sid', 'without an id')}"
        if statement["Effect"] == "Deny":
            yield (
                f"the policy of {resource} denies {actions} ({name}): "
                "check whether that concerns the functions, which would then fail"
            )
        elif is_public(statement):
            yield (
                f"the policy of {resource} lets everybody, in any account, do {actions} ({name}): take the "
                "statement out, or bind it to those who are meant, to an account say (aws:PrincipalAccount)"
            )


def allows_service(policy: str, service: str, action: str, context: Mapping[str, str] | None = None) -> bool:
    """Whether a policy lets a service do that. `context` has what is known of its requests, by condition key.

    A condition on anything else is taken to hold where it allows, and not to hold where it denies.
    """
    statements = [
        statement
        for statement in statements_of(policy)
        if any(fnmatchcase(action.lower(), pattern.lower()) for pattern in statement.get("Action", "*"))
        and {"*", service} & set(principals(statement.get("Principal", "*")))
    ]
    known = context or {}
    allowing = [statement for statement in statements if statement["Effect"] == "Allow"]
    # One for all but some, or of all but some actions, may be meant for others.
    denying = [
        statement
        for statement in statements
        if statement["Effect"] == "Deny" and {"Principal", "Action"} <= statement.keys()
    ]
    allowed = any(_holds(statement, known, otherwise=True) for statement in allowing)
    return allowed and not any(_holds(statement, known, otherwise=False) for statement in denying)


def _holds(statement: Mapping[str, Any], context: Mapping[str, str], *, otherwise: bool) -> bool:
    """Whether all conditions hold; `otherwise` is the answer on each that nothing is known of."""
    return all(
        _condition_holds(operator.removesuffix("IfExists"), context.get(key.lower()), values, otherwise)
        for operator, tests in statement.get("Condition", {}).items()
        for key, values in tests.items()
    )


def _condition_holds(operator: str, value: str | None, values: Sequence[object], otherwise: bool) -> bool:
    texts = list(map(str, values))
    # What a variable stands for is not known.
    if value is None or not operator.startswith(("String", "Arn")) or any("${" in text for text in texts):
        return otherwise
    if "IgnoreCase" in operator:
        value, texts = value.lower(), [text.lower() for text in texts]
    literal = operator.startswith("String") and "Like" not in operator
    equal = value in texts if literal else any(fnmatchcase(value, text) for text in texts)
    return equal is ("Not" not in operator)


def is_public(statement: Mapping[str, Any]) -> bool:
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
    # What every organization's, endpoint's or role's id begins with says nothing.
    identifier = re.sub("^(o-|ou-|r-|vpce?-|A[A-Z]{3})", "", value)
    before, *behind = re.split(r"[*?]", identifier)
    return len(before) >= (MIN_BEFORE_A_WILDCARD_LENGTH if behind else 1)


def principals(principal: Value) -> Iterator[str]:
    if isinstance(principal, str):
        yield principal
    else:
        for identifiers in principal.values():
            yield from identifiers
