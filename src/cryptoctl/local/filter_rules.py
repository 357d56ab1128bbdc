"""The rules of event patterns and filter policies, read before one is kept: later it would fail at each use.

What is refused, and how it is said, is Event Ruler's; of a subscription's policy only those forms are taken
that SNS documents.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from cryptoctl.local.http import ServiceError

MAX_KEYS: Final[int] = 5
IGNORING_CASE: Final[str] = "equals-ignore-case"
AFFIXES: Final = frozenset({"prefix", "suffix"})
_LOWER: Final = (">", ">=")
_UPPER: Final = ("<", "<=")


class FilterError(ValueError):
    """A pattern that AWS refuses."""


@dataclass(frozen=True, kw_only=True)
class FilterForms:
    """Which rules about a text there are. `nested`: a prefix or suffix may ignore case, and one
    `anything-but` may name several texts."""

    texts: frozenset[str]
    nested: bool


RULER: Final = FilterForms(texts=AFFIXES | {IGNORING_CASE}, nested=True)
SNS_POLICY: Final = FilterForms(texts=RULER.texts | {"wildcard", "cidr"}, nested=False)


def check_pattern(pattern: Mapping[str, Any], forms: FilterForms = RULER) -> None:
    """Raises FilterError where a pattern, or one inside it, cannot be right."""
    if not pattern:
        raise FilterError("Empty patterns are not allowed")
    for name, rules in pattern.items():
        if isinstance(rules, dict):
            check_pattern(rules, forms)
        elif not isinstance(rules, list):
            raise FilterError(f'"{name}" must be an object or an array')
        elif not rules:
            raise FilterError("Empty arrays are not allowed")
        elif is_any_of(name, rules):
            for option in rules:
                check_pattern(option, forms)
        else:
            for rule in rules:
                _check_rule(rule, forms)


def is_any_of(name: str, rules: Any) -> bool:
    """Whether a member of a pattern is a choice between patterns."""
    return name == "$or" and isinstance(rules, list) and all(isinstance(rule, dict) for rule in rules)


def check_policy(text: str, scope: str) -> None:
    """Raises ServiceError for a subscription's filter policy that SNS would refuse. `{}` takes it away."""
    try:
        policy = json.loads(text or "{}")
    except (ValueError, RecursionError) as error:
        raise _invalid_policy("failed to parse JSON.") from error
    if not isinstance(policy, dict):
        raise _invalid_policy("Filter is not an object")
    if len(policy) > MAX_KEYS:
        raise _invalid_policy(f"Filter policy can not have more than {MAX_KEYS} keys")
    if scope != "MessageBody" and any(isinstance(rule, dict) for rule in policy.values()):
        problem = "Filter policy scope MessageAttributes does not support nested filter policy"
        raise ServiceError("InvalidParameter", f"Invalid parameter: {problem}")
    if policy:
        try:
            check_pattern(policy, SNS_POLICY)
        except FilterError as error:
            raise _invalid_policy(str(error)) from error


def _invalid_policy(problem: str) -> ServiceError:
    return ServiceError("InvalidParameter", f"Invalid parameter: FilterPolicy: {problem}")


def _check_rule(rule: Any, forms: FilterForms) -> None:
    if isinstance(rule, list):
        raise FilterError("Match value must be String, number, true, false, or null")
    if isinstance(rule, dict):
        if len(rule) != 1:
            raise FilterError("Only one key allowed in match expression")
        ((kind, argument),) = rule.items()
        if kind in forms.texts:
            _text(kind, argument, forms)
        elif kind == "exists":
            _exists(argument)
        elif kind == "numeric":
            _numeric(argument)
        elif kind == "anything-but":
            _anything_but(argument, forms)
        else:
            raise FilterError(f"Unrecognized match type {kind}")


def _text(kind: str, argument: Any, forms: FilterForms) -> None:
    if isinstance(argument, dict) and kind in AFFIXES and forms.nested:
        if len(argument) != 1 or IGNORING_CASE not in argument:
            raise FilterError(f"Unsupported {kind} match pattern: {', '.join(argument)}")
        kind, argument = IGNORING_CASE, argument[IGNORING_CASE]
    if not isinstance(argument, str):
        raise FilterError(f"{kind} match pattern must be a string")


def _exists(argument: Any) -> None:
    if not isinstance(argument, bool):
        raise FilterError("exists match pattern must be either true or false.")


def _anything_but(argument: Any, forms: FilterForms) -> None:
    if isinstance(argument, dict):
        if len(argument) != 1 or not set(argument) <= forms.texts:
            raise FilterError(f"Unsupported anything-but pattern: {', '.join(argument)}")
        ((kind, content),) = argument.items()
        texts = content if isinstance(content, list) and content and forms.nested else [content]
        if not all(isinstance(text, str) for text in texts):
            raise FilterError(f"Inside anything-but, {kind} match pattern must be a string")
        if kind in AFFIXES and "" in texts:
            raise FilterError("Null prefix/suffix not allowed")
        return
    values = argument if isinstance(argument, list) else [argument]
    if not values or not all(_is_number(value) or isinstance(value, str) for value in values):
        raise FilterError("Inside anything but list, start|null|boolean is not supported.")


def _numeric(argument: Any) -> None:
    if not isinstance(argument, list) or not argument:
        raise FilterError("Invalid member in numeric match")
    first_sign = argument[0]
    if first_sign not in ("=", *_LOWER, *_UPPER):
        raise FilterError(f"Unrecognized numeric range operator: {first_sign}")
    for sign, limit in zip(argument[::2], [*argument[1::2], None], strict=False):
        if not _is_number(limit):
            raise FilterError(f"Value of {sign} must be numeric")
    if len(argument) == 2:
        return
    if first_sign not in _LOWER or len(argument) > 4:
        raise FilterError("Too many elements in numeric expression")
    if argument[2] not in _UPPER:
        raise FilterError(f"Bad numeric range operator: {argument[2]}")
    if argument[3] <= argument[1]:
        raise FilterError("Bottom must be less than top")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
