"""Conditions and projections, applied to items."""

from __future__ import annotations

from typing import Any, Final

from cryptoctl.local.tables.grammar import Compare, FunctionCall, Literal, Logic, Path
from cryptoctl.local.tables.values import SETS, Item, Value, compare, equal, invalid, size

_ORDERS: Final[dict[str, tuple[int, ...]]] = {"<": (-1,), "<=": (-1, 0), ">": (1,), ">=": (1, 0)}


def find(item: Item, path: Path) -> Value | None:
    """The value a path leads to, or None."""
    here: Value | None = {"M": item}
    for step in path.steps:
        if here is None:
            return None
        if isinstance(step, str):
            here = here["M"].get(step) if "M" in here else None
        else:
            here = here["L"][step] if "L" in here and step < len(here["L"]) else None
    return here


def holds(tree: Any, item: Item) -> bool:
    """Whether a condition holds for an item; an item that does not exist is an empty one."""
    if isinstance(tree, Logic):
        if tree.sign == "NOT":
            return not holds(tree.parts[0], item)
        check = all if tree.sign == "AND" else any
        return check(holds(part, item) for part in tree.parts)
    if isinstance(tree, FunctionCall):
        return _call_holds(tree, item)
    return _comparison_holds(tree, item)


def resolve(operand: Any, item: Item) -> Value | None:
    """The value of an operand of a condition, or None where it leads nowhere."""
    if isinstance(operand, Literal):
        return operand.value
    if isinstance(operand, Path):
        return find(item, operand)
    assert isinstance(operand, FunctionCall)
    if operand.name != "size":
        raise invalid(
            f"The function is not allowed to be used this way in an expression; function: {operand.name}"
        )
    value = resolve(operand.operands[0], item)
    return None if value is None else _length(value)


def _length(value: Value) -> Value | None:
    ((kind, content),) = value.items()
    if kind in ("S", "B"):
        return {"N": str(size(value))}
    if kind in ("L", "M") or kind in SETS:
        return {"N": str(len(content))}
    return None


def _comparison_holds(tree: Compare, item: Item) -> bool:
    values = [resolve(operand, item) for operand in tree.operands]
    left = values[0]
    if tree.sign == "<>":
        return left is None or values[1] is None or not equal(left, values[1])
    if left is None:
        return False
    if tree.sign in ("=", "IN"):
        return any(value is not None and equal(left, value) for value in values[1:])
    if any(value is None for value in values):
        return False
    if tree.sign == "BETWEEN":
        low, high = compare(left, values[1] or {}), compare(left, values[2] or {})
        return low in (0, 1) and high in (0, -1)
    return compare(left, values[1] or {}) in _ORDERS[tree.sign]


def _call_holds(tree: FunctionCall, item: Item) -> bool:
    value = resolve(tree.operands[0], item)
    if tree.name == "attribute_exists":
        return value is not None
    if tree.name == "attribute_not_exists":
        return value is None
    argument = resolve(tree.operands[1], item)
    if value is None or argument is None:
        return False
    if tree.name == "attribute_type":
        return argument.get("S") in value
    if tree.name == "begins_with":
        return any(
            kind in value and kind in argument and value[kind].startswith(argument[kind])
            for kind in ("S", "B")
        )
    if tree.name == "contains":
        return _contains(value, argument)
    raise invalid(f"The function is not allowed in a condition; function: {tree.name}")


def _contains(value: Value, argument: Value) -> bool:
    ((kind, content),) = value.items()
    ((wanted_kind, wanted),) = argument.items()
    if kind == "S":
        return wanted_kind == "S" and wanted in content
    if kind in SETS:
        return kind[0] == wanted_kind and wanted in content
    return kind == "L" and any(equal(each, argument) for each in content)


def project(item: Item, paths: list[Path] | None) -> Item:
    """The parts of an item that the paths name; all of it without paths."""
    if paths is None:
        return item
    found: Item = {}
    for path in paths:
        value = find(item, path)
        if value is not None:
            _place({"M": found}, path.steps, value, {"M": item})
    return found


def _place(into: Value, steps: tuple[str | int, ...], value: Value, source: Value) -> None:
    """Puts a value where its path says, making the maps and lists on the way; list elements close up."""
    step, rest = steps[0], steps[1:]
    if isinstance(step, str):
        below = source["M"][step]
        if not rest:
            into["M"][step] = value
            return
        inner = into["M"].setdefault(step, {"M": {}} if "M" in below else {"L": []})
    else:
        below = source["L"][step]
        if not rest:
            into["L"].append(value)
            return
        inner = {"M": {}} if "M" in below else {"L": []}
        into["L"].append(inner)
    _place(inner, rest, value, below)
