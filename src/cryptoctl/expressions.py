"""JMESPath expressions that a person has written: a fault is told before anything is evaluated."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from cryptoctl.core.fields import exact_number

# So that evaluating one, a few calls of Python for each level, never meets their limit.
MAX_DEPTH = 128
# They turn numbers into floats or round them, so that digits are lost; a number needs none of them.
INEXACT_FUNCTIONS = frozenset({"to_number", "abs", "avg", "ceil", "floor", "sum"})

# A text, a quoted name or a literal: a backquote in the first two begins no literal.
_QUOTED = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|`((?:[^`\\]|\\.)*)`""", re.DOTALL)
# What finds nothing where the first of its parts finds nothing.
_LOOKS_INTO = {"subexpression", "index_expression", "flatten"}
_LOOKS_INTO |= {"projection", "value_projection", "filter_projection"}


def compile_expression(text: str) -> Any:
    """The expression, with `search(document)`. Raises ValueError with the reason, on one line.

    JMESPath itself finds an unknown function, a wrong number of arguments and a step of zero only when it
    comes to that part, and evaluates none of it for an empty queue.
    """
    import jmespath

    try:
        expression = jmespath.compile(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    except ValueError as error:  # JMESPath's own errors, and a number of more digits than Python reads
        raise ValueError(" ".join(str(error).split())) from None
    for node in _nodes(expression.parsed):
        _refuse_faults(node)
    return expression


def functions(expression: Any) -> set[str]:
    """The functions that it calls."""
    return {node["value"] for node in _nodes(expression.parsed) if node["type"] == "function_expression"}


def inexact_part(expression: Any) -> str | None:
    """A function or a number in it that would lose digits of a number."""
    return min(functions(expression) & INEXACT_FUNCTIONS, default=None) or _inexact_number(expression)


def needed_member(expression: Any) -> str | None:
    """The member without which it surely finds nothing; None where that cannot be told."""
    node = expression.parsed
    while node["type"] in _LOOKS_INTO:
        first, *rest = node["children"]
        node = rest[0] if node["type"] == "subexpression" and first["type"] == "current" else first
    return node["value"] if node["type"] == "field" and not functions(expression) else None


def _inexact_number(expression: Any) -> str | None:
    """A number in it that is not the same as a float, which JMESPath makes of it."""
    inexact = []

    def check_number(text: str) -> None:
        if exact_number(text) != exact_number(repr(float(text))):
            inexact.append(text)

    for match in _QUOTED.finditer(expression.expression):
        try:
            json.loads((match[1] or "").replace("\\`", "`"), parse_float=check_number)
        except ValueError:
            continue  # no literal, or a text without its quotation marks
    return inexact[0] if inexact else None


def _nodes(parsed: Any) -> Iterator[Any]:
    level, depth = [parsed], 0
    while level:
        if depth == MAX_DEPTH:
            raise ValueError("nested too deeply")
        yield from level
        # The children of a slice are its three numbers.
        level = [child for node in level for child in node["children"] if isinstance(child, dict)]
        depth += 1


def _refuse_faults(node: Any) -> None:
    from jmespath.functions import Functions

    if node["type"] == "slice" and node["children"][2] == 0:
        raise ValueError("the step of a slice cannot be 0")
    if node["type"] != "function_expression":
        return
    name, count = node["value"], len(node["children"])
    if name not in Functions.FUNCTION_TABLE:
        raise ValueError(f"there is no function {name}()")
    signature = Functions.FUNCTION_TABLE[name]["signature"]
    variadic = bool(signature) and bool(signature[-1].get("variadic"))
    if count < len(signature) or (count > len(signature) and not variadic):
        raise ValueError(f"{name}() takes {len(signature)}{' or more' * variadic} arguments, not {count}")
