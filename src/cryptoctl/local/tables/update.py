"""Update expressions: SET, REMOVE, ADD and DELETE, applied to a copy of an item."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from cryptoctl.local.tables.evaluate import find
from cryptoctl.local.tables.grammar import FunctionCall, Literal, Names, Path, Tokens, operand, path
from cryptoctl.local.tables.values import EXACT, SETS, Item, Value, invalid, number, number_text

_CLAUSES: Final = ("SET", "REMOVE", "ADD", "DELETE")


@dataclass(frozen=True)
class Sum:
    """`a + b` or `a - b` on the right of a SET."""

    sign: str
    left: Any
    right: Any


@dataclass(frozen=True)
class Action:
    """One change: a clause, the path it changes, and its operand."""

    clause: str
    path: Path
    operand: Any = None


def parse_update(text: str, names: Names) -> list[Action]:
    """The changes of an update expression."""
    tokens = Tokens(text, "UpdateExpression", names)
    actions: list[Action] = []
    seen: set[str] = set()
    while tokens.peek():
        clause = tokens.next().upper()
        if clause not in _CLAUSES:
            raise tokens.wrong(clause)
        if clause in seen:
            raise invalid(
                f'Invalid UpdateExpression: The "{clause}" section can only be used once '
                "in an update expression;"
            )
        seen.add(clause)
        actions.append(_PARSERS[clause](tokens))
        while tokens.accept(","):
            actions.append(_PARSERS[clause](tokens))
    _check_overlap(actions)
    return actions


def _set(tokens: Tokens) -> Action:
    target = path(tokens)
    tokens.expect("=")
    value = operand(tokens)
    if tokens.peek() in ("+", "-"):
        value = Sum(tokens.next(), value, operand(tokens))
    return Action("SET", target, value)


def _remove(tokens: Tokens) -> Action:
    return Action("REMOVE", path(tokens))


def _with_value(clause: str) -> Callable[[Tokens], Action]:
    def parse(tokens: Tokens) -> Action:
        target = path(tokens)
        return Action(clause, target, Literal(tokens.names.value(tokens.next())))

    return parse


_PARSERS: Final[dict[str, Callable[[Tokens], Action]]] = {
    "SET": _set,
    "REMOVE": _remove,
    "ADD": _with_value("ADD"),
    "DELETE": _with_value("DELETE"),
}


def _check_overlap(actions: list[Action]) -> None:
    steps = [action.path.steps for action in actions]
    for index, first in enumerate(steps):
        for second in steps[index + 1 :]:
            shorter = min(len(first), len(second))
            if first[:shorter] == second[:shorter]:
                raise invalid(
                    "Invalid UpdateExpression: Two document paths overlap with each other; "
                    "must remove or rewrite one of these paths;"
                )


def apply(actions: list[Action], item: Item) -> Item:
    """The item as the changes leave it. Every right-hand side sees the item as it was."""
    changed = copy.deepcopy(item)
    removals = [action for action in actions if action.clause == "REMOVE"]
    for action in actions:
        if action.clause == "SET":
            _assign(changed, action.path, _value(action.operand, item))
        elif action.clause == "ADD":
            _add(changed, action.path, action.operand.value)
        elif action.clause == "DELETE":
            _delete(changed, action.path, action.operand.value)
    # From the end of a list to its beginning, so that no index moves before its turn.
    for action in sorted(
        removals, key=lambda each: [str(step).zfill(9) for step in each.path.steps], reverse=True
    ):
        _unset(changed, action.path)
    return changed


def _value(source: Any, item: Item) -> Value:
    if isinstance(source, Literal):
        return copy.deepcopy(source.value)
    if isinstance(source, Path):
        found = find(item, source)
        if found is None:
            raise invalid("The provided expression refers to an attribute that does not exist in the item")
        return copy.deepcopy(found)
    if isinstance(source, Sum):
        left, right = _number(source.left, item), _number(source.right, item)
        total = EXACT.add(left, right) if source.sign == "+" else EXACT.subtract(left, right)
        return {"N": number_text(number(total))}
    assert isinstance(source, FunctionCall)
    if source.name == "if_not_exists":
        found = find(item, source.operands[0])
        return copy.deepcopy(found) if found is not None else _value(source.operands[1], item)
    if source.name == "list_append":
        first, second = (_value(each, item) for each in source.operands)
        if "L" not in first or "L" not in second:
            raise _wrong_type()
        return {"L": first["L"] + second["L"]}
    raise invalid(
        "Invalid UpdateExpression: The function is not allowed in an update expression; "
        f"function: {source.name}"
    )


def _number(source: Any, item: Item) -> Any:
    value = _value(source, item)
    if "N" not in value:
        raise _wrong_type()
    return number(value["N"])


def _wrong_type() -> Exception:
    return invalid("An operand in the update expression has an incorrect data type")


def _parent(item: Item, target: Path) -> tuple[Value, str | int]:
    parent = find(item, Path(target.steps[:-1])) if len(target.steps) > 1 else {"M": item}
    last = target.steps[-1]
    if parent is None or ("M" if isinstance(last, str) else "L") not in parent:
        raise invalid("The document path provided in the update expression is invalid for update")
    return parent, last


def _assign(item: Item, target: Path, value: Value) -> None:
    parent, last = _parent(item, target)
    if isinstance(last, str):
        parent["M"][last] = value
    elif last < len(parent["L"]):
        parent["L"][last] = value
    else:
        parent["L"].append(value)


def _unset(item: Item, target: Path) -> None:
    parent, last = _parent(item, target)
    if isinstance(last, str):
        parent["M"].pop(last, None)
    elif last < len(parent["L"]):
        del parent["L"][last]


def _add(item: Item, target: Path, value: Value) -> None:
    ((kind, content),) = value.items()
    present = find(item, target)
    if kind == "N":
        if present is not None and "N" not in present:
            raise _wrong_type()
        total = EXACT.add(number(present["N"] if present else "0"), number(content))
        _assign(item, target, {"N": number_text(number(total))})
    elif kind in SETS and (present is None or kind in present):
        before = present[kind] if present else []
        _assign(item, target, {kind: [*before, *(each for each in content if each not in before)]})
    else:
        raise _wrong_type()


def _delete(item: Item, target: Path, value: Value) -> None:
    ((kind, content),) = value.items()
    present = find(item, target)
    if kind not in SETS or (present is not None and kind not in present):
        raise _wrong_type()
    if present is None:
        return
    left = [each for each in present[kind] if each not in content]
    if left:
        _assign(item, target, {kind: left})
    else:
        _unset(item, target)
