"""Policy documents: written as statements, compared by meaning."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from cryptoctl.reconcile import Value, frozen

VERSION = "2012-10-17"
ORDERED_BY = ("Sid", "Effect", "Action", "NotAction", "Principal", "NotPrincipal")


class AnyCase(str):
    """A word of which IAM does not tell the case: an action, the key of a condition."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and self.lower() == other.lower()

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(self.lower())


@dataclass(frozen=True, kw_only=True)
class Statement:
    """One permission: these actions on these resources (ARNs or Refs to them)."""

    actions: tuple[str, ...]
    resources: tuple[Value, ...] = ()
    principal: Mapping[str, str] = field(default_factory=dict)
    condition: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)
    sid: str = ""
    effect: str = "Allow"


def document(statements: Sequence[Statement]) -> dict[str, Value]:
    """The statements as a policy document in normal form."""
    return {"Version": VERSION, "Statement": _in_order(map(normal_form, statements))}


def normal_form(statement: Statement) -> dict[str, Value]:
    """One statement in normal form."""
    members = {
        "Sid": statement.sid,
        "Effect": statement.effect,
        "Action": statement.actions,
        "Principal": statement.principal,
        "Resource": statement.resources,
        "Condition": statement.condition,
    }
    return _normal_statement({name: value for name, value in members.items() if value})


def normal(text: str | Mapping[str, Any]) -> dict[str, Value]:
    """A document as AWS gives it (JSON, perhaps URL-encoded) in normal form.

    Single values become tuples, in which each stands once; those, actions, resources and statements are
    sorted, for AWS keeps none of their orders. Nothing of the meaning changes.
    """
    content = (
        json.loads(unquote(text) if text.lstrip().startswith("%") else text)
        if isinstance(text, str)
        else text
    )
    statements = content.get("Statement", ())
    if isinstance(statements, Mapping):
        statements = (statements,)
    return {
        "Version": content.get("Version", "2008-10-17"),
        "Statement": _in_order(map(_normal_statement, statements)),
    }


def statements_of(policy: str | None) -> tuple[dict[str, Value], ...]:
    """The statements of a policy's text in normal form; none where there is no policy."""
    return normal(policy)["Statement"] if policy else ()


def _in_order(statements: Iterable[dict[str, Value]]) -> tuple[dict[str, Value], ...]:
    """Sorted, first by what of them is the same before and after Refs are resolved."""

    def key(statement: dict[str, Value]) -> str:
        first = [statement.get(name) for name in ORDERED_BY]
        return json.dumps([*first, statement], sort_keys=True, default=str).lower()

    return tuple(sorted(statements, key=key))


def _normal_statement(statement: Mapping[str, Any]) -> dict[str, Value]:
    result: dict[str, Value] = {}
    for key, value in statement.items():
        if key in ("Action", "NotAction"):
            result[key] = _sorted(map(AnyCase, _as_tuple(value)))
        elif key in ("Resource", "NotResource"):
            result[key] = _sorted(_as_tuple(value))
        elif key in ("Principal", "NotPrincipal"):
            # The bare star is another way to write that.
            principals = value if isinstance(value, Mapping) else {"AWS": value}
            result[key] = {kind: _sorted(_as_tuple(ids)) for kind, ids in principals.items()}
        elif key == "Condition":
            result[key] = {operator: _normal_tests(tests) for operator, tests in value.items()}
        elif key != "Sid" or value:
            result[key] = value
    return result


def _normal_tests(tests: Mapping[str, Any]) -> dict[str, Value]:
    result: dict[str, Value] = {AnyCase(name): _as_tuple(values) for name, values in tests.items()}
    # One key in two spellings: each of them counts, and only one could stay.
    return result if len(result) == len(tests) else {name: _as_tuple(tests[name]) for name in tests}


def _as_tuple(value: Value) -> tuple[Value, ...]:
    values = value if isinstance(value, list | tuple) else (value,)
    # A condition's true and "true" are the same.
    words = [str(word).lower() if isinstance(word, bool) else word for word in values]
    return _sorted(words) if all(isinstance(word, str) for word in words) else frozen(words)


def _sorted(values: Iterable[Value]) -> tuple[Value, ...]:
    """Each once, in the order of their texts: Refs may be among them."""
    return tuple(sorted(dict.fromkeys(values), key=lambda value: str(value).lower()))
