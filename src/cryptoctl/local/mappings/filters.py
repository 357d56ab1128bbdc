"""Filter criteria of event source mappings, by the rules of Amazon EventBridge's event patterns."""

from __future__ import annotations

import json
import operator
from collections.abc import Callable, Mapping
from typing import Any, Final

from cryptoctl.local.filter_rules import IGNORING_CASE, FilterError, check_pattern, is_any_of

_COMPARISONS: Final[dict[str, Callable[[float, float], bool]]] = {
    "=": operator.eq,
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
_ABSENT: Final = object()


def parse_filters(criteria: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """The patterns of a FilterCriteria; raises FilterError where one cannot be read."""
    return [_parse(event_filter.get("Pattern", "")) for event_filter in (criteria or {}).get("Filters") or []]


def _parse(text: str) -> dict[str, Any]:
    try:
        pattern = json.loads(text)
        if not isinstance(pattern, dict):
            raise FilterError("Filter is not an object")
        check_pattern(pattern)
    except (ValueError, RecursionError) as error:
        raise FilterError(f"Invalid filter pattern definition. {error}") from error
    return pattern


def record_matches(record: Mapping[str, Any], patterns: list[dict[str, Any]]) -> bool:
    """Whether a record is wanted by any of the patterns; with none, every record is."""
    return not patterns or any(_object_matches(pattern, record) for pattern in patterns)


def _object_matches(pattern: Mapping[str, Any], value: Any) -> bool:
    return all(_member_matches(name, rules, value) for name, rules in pattern.items())


def _member_matches(name: str, rules: Any, parent: Any) -> bool:
    if is_any_of(name, rules):
        return any(_object_matches(option, parent) for option in rules)
    value = parent.get(name, _ABSENT) if isinstance(parent, Mapping) else _ABSENT
    if isinstance(rules, dict):
        return _object_matches(rules, {} if value is _ABSENT else value)
    values = value if isinstance(value, list) else [value]
    return any(_value_matches(rule, candidate) for rule in rules for candidate in values)


def _value_matches(rule: Any, value: Any) -> bool:
    if isinstance(rule, dict):
        ((kind, argument),) = rule.items()
        check = _RULES.get(kind)
        return check is not None and check(argument, value)
    if isinstance(rule, bool) or rule is None or isinstance(value, bool):
        return rule is value
    return bool(rule == value)


def _anything_but(argument: Any, value: Any) -> bool:
    if value is _ABSENT:
        return False
    if isinstance(argument, dict):
        ((kind, texts),) = argument.items()
        return not any(_RULES[kind](text, value) for text in (texts if isinstance(texts, list) else [texts]))
    return value not in (argument if isinstance(argument, list) else [argument])


def _numeric(argument: list[Any], value: Any) -> bool:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return False
    pairs = zip(argument[::2], argument[1::2], strict=True)
    return all(_COMPARISONS[sign](number, float(limit)) for sign, limit in pairs)


def _text(check: Callable[[str, str], bool]) -> Callable[[Any, Any], bool]:
    def matches(argument: Any, value: Any) -> bool:
        if not isinstance(value, str):
            return False
        if isinstance(argument, dict):
            return check(value.lower(), argument[IGNORING_CASE].lower())
        return check(value, argument)

    return matches


_RULES: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "exists": lambda argument, value: (value is not _ABSENT) is argument,
    "prefix": _text(str.startswith),
    "suffix": _text(str.endswith),
    IGNORING_CASE: _text(lambda value, argument: value.lower() == argument.lower()),
    "anything-but": _anything_but,
    "numeric": _numeric,
}
