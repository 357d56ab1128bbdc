"""JMESPath over documents whose numbers are Decimals: they are numbers to it, and keep all their digits."""

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import jmespath
from jmespath.functions import Functions, signature
from jmespath.visitor import Options, TreeInterpreter

from cryptoctl.core.numbers import JsonNumber

_NUMBER = "number"


class ExactFunctions(Functions):  # type: ignore[misc]  # jmespath has no types
    """The functions that take numbers take Decimals too, which jmespath 1 does not know."""

    def _get_allowed_pytypes(self, types: Sequence[str]) -> Any:
        allowed_types, allowed_subtypes = super()._get_allowed_pytypes(types)
        return _with_decimal(allowed_types), [_with_decimal(subtypes) for subtypes in allowed_subtypes]

    def _convert_to_jmespath_type(self, name: str) -> Any:
        return _NUMBER if name == Decimal.__name__ else super()._convert_to_jmespath_type(name)

    @signature({"types": []})  # type: ignore[untyped-decorator]
    def _func_to_string(self, value: Any) -> str:
        return value if isinstance(value, str) else _compact(value)

    @signature({"types": []})  # type: ignore[untyped-decorator]
    def _func_type(self, value: Any) -> Any:
        return _NUMBER if isinstance(value, Decimal) else super()._func_type(value)


def _with_decimal(names: Sequence[str]) -> Sequence[str]:
    return [*names, Decimal.__name__] if float.__name__ in names else names


def _compact(value: Any) -> str:
    """JSON in ASCII and without spaces, as JMESPath's own, with each number as it was written."""
    if isinstance(value, JsonNumber | Decimal):
        return str(value)
    if isinstance(value, Mapping):
        return (
            "{" + ",".join(f"{json.dumps(name)}:{_compact(member)}" for name, member in value.items()) + "}"
        )
    if isinstance(value, list):
        return "[" + ",".join(map(_compact, value)) + "]"
    return json.dumps(value)


class ExactExpression:
    """A compiled expression; its own numbers are Decimals too, so that 0.1 equals 0.1."""

    __slots__ = ("_interpreter", "_parsed")

    def __init__(self, text: str) -> None:
        self._parsed = _exact(jmespath.compile(text).parsed)
        self._interpreter = TreeInterpreter(Options(custom_functions=ExactFunctions()))

    def search(self, value: Any) -> Any:
        """What it finds in the value; None where it finds nothing."""
        return self._interpreter.visit(self._parsed, value)


def _exact(node: Any) -> Any:
    """The tree with its literal numbers as Decimals."""
    if not isinstance(node, Mapping):
        return node  # a part of a slice
    if node["type"] == "literal":
        value = json.loads(json.dumps(node["value"]), parse_float=Decimal, parse_int=Decimal)
        return {**node, "value": value}
    return {**node, "children": [_exact(child) for child in node["children"]]}
