"""The expressions of one request: conditions, filters, updates, projections and key conditions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from cryptoctl.local.ministack_expressions import (
    Paths,
    Tokens,
    apply_projection,
    apply_update,
    attributes_read,
    check_references,
    condition_holds,
    key_clauses,
)
from cryptoctl.local.tables.values import Item, Value, invalid, normal

LEGACY: Final[tuple[str, ...]] = (
    "Expected",
    "ConditionalOperator",
    "AttributeUpdates",
    "AttributesToGet",
    "KeyConditions",
    "QueryFilter",
    "ScanFilter",
)
_OPERATORS: Final[dict[str, str]] = {"EQ": "=", "LT": "<", "LE": "<=", "GT": ">", "GE": ">="}


@dataclass(frozen=True, kw_only=True)
class KeyCondition:
    """One clause of a key condition: `=`, `<`, `<=`, `>`, `>=`, BETWEEN or begins_with."""

    name: str
    operator: str
    arguments: tuple[Value, ...]


class Expressions:
    """A request's expressions in the given fields, with the names and values that they use.

    Raises ServiceError at once where an expression cannot be right, whatever the items are.
    """

    def __init__(self, params: Mapping[str, Any], *fields: str) -> None:
        legacy = [name for name in LEGACY if params.get(name)]
        if legacy:
            raise invalid(
                f"The embedded engine does not take the legacy parameter {legacy[0]}; use an expression."
            )
        self._texts = {field: params[field] for field in fields if params.get(field) is not None}
        self._names: Mapping[str, str] = params.get("ExpressionAttributeNames") or {}
        values: Mapping[str, Any] = params.get("ExpressionAttributeValues") or {}
        self._values = {name: normal(value) for name, value in values.items()}
        for field, text in self._texts.items():
            if not text.strip():
                raise invalid(f"Invalid {field}: The expression can not be empty;")
        check_references({**params, "ExpressionAttributeValues": self._values}, fields)
        for field in ("ConditionExpression", "FilterExpression"):
            self.holds(field, {})

    def holds(self, field: str, item: Item) -> bool:
        """Whether a condition or filter holds for an item; True where the request has none."""
        text = self._texts.get(field)
        return text is None or condition_holds(text, item, self._values, self._names, field)

    def filtered_attributes(self) -> set[str]:
        """The attributes that the filter looks at."""
        return attributes_read(self._texts.get("FilterExpression") or "", self._names)

    def update(self, item: Item) -> tuple[Item, Paths]:
        """The item after the update expression, and the places that it names."""
        text = self._texts.get("UpdateExpression")
        if text is None:
            return item, set()
        new, changed_paths = apply_update(text, item, self._values, self._names)
        return {name: normal(value) for name, value in new.items()}, changed_paths

    def project(self, item: Item) -> Item:
        """The parts of an item that the request asks for."""
        text = self._texts.get("ProjectionExpression")
        if text is None:
            return item
        if self._whole_attributes is not None:
            return {name: item[name] for name in self._whole_attributes if name in item}
        return apply_projection(text, item, self._names)

    @cached_property
    def _whole_attributes(self) -> list[str] | None:
        """What the projection names, read once for all items; None where it asks for parts of values."""
        text = self._texts["ProjectionExpression"]
        if re.search(r"[.\[]", text):
            return None
        apply_projection(text, {}, self._names)  # raises where it cannot be right
        paths = (path.strip() for path in text.split(","))
        return [self._names.get(path, path) for path in paths if path]

    def key_conditions(self) -> list[KeyCondition]:
        """The clauses of the key condition."""
        text = self._texts.get("KeyConditionExpression")
        if text is None:
            raise invalid("KeyConditionExpression must be specified in the request.")
        return [self._key_condition(clause) for clause in key_clauses(text)]

    def _key_condition(self, clause: Tokens) -> KeyCondition:
        match [(kind, text.upper() if kind == "IDENT" else text) for kind, text in clause]:
            case [_, (operator, _), ("VALUE_REF", value)] if operator in _OPERATORS:
                return self._clause(clause[0], _OPERATORS[operator], value)
            case [_, (_, "BETWEEN"), ("VALUE_REF", low), (_, "AND"), ("VALUE_REF", high)]:
                return self._clause(clause[0], "BETWEEN", low, high)
            case [(_, "BEGINS_WITH"), ("LPAREN", _), _, ("COMMA", _), ("VALUE_REF", prefix), ("RPAREN", _)]:
                return self._clause(clause[2], "begins_with", prefix)
        raise invalid("Query key condition not supported")

    def _clause(self, name: tuple[str, str], operator: str, *values: str) -> KeyCondition:
        kind, text = name
        if kind not in ("NAME_REF", "IDENT"):
            raise invalid("Query key condition not supported")
        arguments = tuple(self._values[value] for value in values)
        return KeyCondition(name=self._names.get(text, text), operator=operator, arguments=arguments)
