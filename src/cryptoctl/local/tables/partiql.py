"""PartiQL, as far as single items go: SELECT, INSERT, UPDATE and DELETE by the whole primary key.

From "PartiQL - a SQL-compatible query language for Amazon DynamoDB" in the DynamoDB developer guide. An
UPDATE becomes an update of an item that must exist: in PartiQL it never creates one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from cryptoctl.local.http import ServiceError
from cryptoctl.local.tables.evaluate import holds, project
from cryptoctl.local.tables.grammar import Compare, FunctionCall, Literal, Logic, Path
from cryptoctl.local.tables.items import ConditionFailedError, Write, make
from cryptoctl.local.tables.store import StoredTable, TableStore
from cryptoctl.local.tables.update import Action
from cryptoctl.local.tables.values import Item, Value, invalid, normal

FindTable = Callable[[str], StoredTable]

MOST_STATEMENTS: Final[int] = 25
_TOKEN: Final = re.compile(
    r"""\s*(?:(?P<text>'(?:[^']|'')*')|(?P<name>"(?:[^"]|"")*")|(?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)"""
    r"""|(?P<word>[A-Za-z_]\w*)|(?P<sign><>|<=|>=|[=<>?(),.*{}:\[\]]))"""
)
_CONSTANTS: Final[dict[str, Value]] = {
    "TRUE": {"BOOL": True},
    "FALSE": {"BOOL": False},
    "NULL": {"NULL": True},
}


class _Statement:
    """A statement, word by word, with its parameters."""

    def __init__(self, text: str, parameters: list[Any]) -> None:
        self._words: list[tuple[str, str]] = []
        position = 0
        while text[position:].strip():
            found = _TOKEN.match(text, position)
            if found is None or found.lastgroup is None:
                raise invalid("Statement wasn't well formed, can't be processed: unexpected character")
            self._words.append((found.lastgroup, found[found.lastgroup]))
            position = found.end()
        self._at = 0
        self._parameters = [normal(each) for each in parameters]

    def accept(self, word: str) -> bool:
        """Takes a word if it is the one that comes."""
        kind, text = self._peek()
        if kind in ("word", "sign") and text.upper() == word:
            self._at += 1
            return True
        return False

    def expect(self, word: str) -> None:
        """Takes a word, which must come."""
        if not self.accept(word):
            raise invalid(f"Statement wasn't well formed, can't be processed: Expected {word}")

    def name(self) -> str:
        """A table's or attribute's name."""
        kind, text = self._next()
        if kind not in ("name", "word"):
            raise invalid("Statement wasn't well formed, can't be processed: Expected identifier")
        return text[1:-1].replace('""', '"') if kind == "name" else text

    def path(self) -> Path:
        """A document path."""
        steps: list[str | int] = [self.name()]
        while True:
            if self.accept("."):
                steps.append(self.name())
            elif self.accept("["):
                steps.append(int(self._next()[1]))
                self.expect("]")
            else:
                return Path(tuple(steps))

    def value(self) -> Value:
        """A parameter or a literal."""
        kind, text = self._next()
        if text == "?":
            if not self._parameters:
                raise invalid("Number of parameters in request and statement don't match.")
            return self._parameters.pop(0)
        if kind == "text":
            return {"S": text[1:-1].replace("''", "'")}
        if kind == "number":
            return normal({"N": text})
        if text == "{":
            return self._map()
        if kind == "word" and text.upper() in _CONSTANTS:
            return dict(_CONSTANTS[text.upper()])
        raise invalid("Statement wasn't well formed, can't be processed: Expected a value")

    def _map(self) -> Value:
        content: Item = {}
        while not self.accept("}"):
            kind, text = self._next()
            if kind != "text":
                raise invalid(
                    "Statement wasn't well formed, can't be processed: Expected a quoted attribute name"
                )
            self.expect(":")
            content[text[1:-1]] = self.value()
            self.accept(",")
        return {"M": content}

    def comparison(self) -> str:
        """A comparison's sign."""
        kind, text = self._next()
        if kind != "sign" or text not in ("=", "<>", "<", "<=", ">", ">="):
            raise invalid("Statement wasn't well formed, can't be processed: Expected a comparison")
        return text

    def _peek(self) -> tuple[str, str]:
        return self._words[self._at] if self._at < len(self._words) else ("end", "")

    def _next(self) -> tuple[str, str]:
        word = self._peek()
        self._at += 1
        return word


def execute(store: TableStore, find_table: FindTable, asked: Mapping[str, Any]) -> dict[str, Any]:
    """ExecuteStatement."""
    statement = _Statement(str(asked.get("Statement", "")), list(asked.get("Parameters") or []))
    for word, run in _RUN.items():
        if statement.accept(word):
            items = run(store, find_table, statement)
            return {"Items": items}
    raise invalid(
        "Statement wasn't well formed, can't be processed: Expected SELECT, INSERT, UPDATE or DELETE"
    )


def batch_execute(store: TableStore, find_table: FindTable, asked: Mapping[str, Any]) -> dict[str, Any]:
    """BatchExecuteStatement: each statement for itself, its error in its place in the answer."""
    statements = asked.get("Statements") or []
    if not 1 <= len(statements) <= MOST_STATEMENTS:
        raise invalid(f"A batch has 1 to {MOST_STATEMENTS} statements.")
    answers: list[dict[str, Any]] = []
    with store.database.transaction():
        for each in statements:
            answer: dict[str, Any] = {}
            try:
                items = execute(store, find_table, each)["Items"]
                answer = {"Item": items[0]} if items else {}
            except ServiceError as error:
                answer["Error"] = {
                    "Code": _CODES.get(error.code, "InternalServerError"),
                    "Message": error.message,
                }
            answers.append(answer)
    return {"Responses": answers}


_CODES: Final[dict[str, str]] = {
    "ConditionalCheckFailedException": "ConditionalCheckFailed",
    "ResourceNotFoundException": "ResourceNotFound",
    "DuplicateItemException": "DuplicateItem",
    "ValidationException": "ValidationError",
}


def _select(store: TableStore, find_table: FindTable, statement: _Statement) -> list[Item]:
    paths: list[Path] | None = None
    if not statement.accept("*"):
        paths = [statement.path()]
        while statement.accept(","):
            paths.append(statement.path())
    statement.expect("FROM")
    table = find_table(statement.name())
    place, tree = _where(table, statement)
    item = store.get(table, place)
    return [project(item, paths)] if item is not None and holds(tree, item) else []


def _insert(store: TableStore, find_table: FindTable, statement: _Statement) -> list[Item]:
    statement.expect("INTO")
    table = find_table(statement.name())
    statement.expect("VALUE")
    item = statement.value().get("M") or {}
    place = table.place(item)
    if store.get(table, place) is not None:
        raise ServiceError("DuplicateItemException", "Duplicate primary key exists in table")
    make(store, Write(table=table, place=place, condition=None, show_failed=False, put=item))
    return []


def _update(store: TableStore, find_table: FindTable, statement: _Statement) -> list[Item]:
    table = find_table(statement.name())
    changes: list[Action] = []
    while True:
        if statement.accept("SET"):
            changes.append(_assignment(statement))
            while statement.accept(","):
                changes.append(_assignment(statement))
        elif statement.accept("REMOVE"):
            changes.append(Action("REMOVE", statement.path()))
        else:
            break
    place, tree = _where(table, statement)
    _, new = _make_existing(store, table, place, tree, tuple(changes))
    return [new] if statement.accept("RETURNING") and new is not None else []


def _assignment(statement: _Statement) -> Action:
    target = statement.path()
    statement.expect("=")
    return Action("SET", target, Literal(statement.value()))


def _delete(store: TableStore, find_table: FindTable, statement: _Statement) -> list[Item]:
    statement.expect("FROM")
    table = find_table(statement.name())
    place, tree = _where(table, statement)
    if store.get(table, place) is not None:
        _make_existing(store, table, place, tree, None)
    return []


def _make_existing(
    store: TableStore,
    table: StoredTable,
    place: tuple[bytes, bytes],
    tree: Any,
    changes: tuple[Action, ...] | None,
) -> tuple[Item | None, Item | None]:
    old = store.get(table, place)
    if old is None or not holds(tree, old):
        raise ConditionFailedError(old, False)
    return make(store, Write(table=table, place=place, condition=None, show_failed=False, changes=changes))


def _where(table: StoredTable, statement: _Statement) -> tuple[tuple[bytes, bytes], Any]:
    """The place that the WHERE names, and all of its conditions."""
    statement.expect("WHERE")
    conditions = [_one_condition(statement)]
    while statement.accept("AND"):
        conditions.append(_one_condition(statement))
    key: Item = {}
    names = {name for name, _ in table.keys.values()}
    for each in conditions:
        if (
            isinstance(each, Compare)
            and each.sign == "="
            and len(each.operands[0].steps) == 1
            and each.operands[0].steps[0] in names
        ):
            key[each.operands[0].steps[0]] = each.operands[1].value
    if set(key) != names:
        raise invalid("Where clause does not contain a mandatory equality on all key attributes")
    return table.exact_place(key), Logic("AND", tuple(conditions))


def _one_condition(statement: _Statement) -> Compare | FunctionCall:
    target = statement.path()
    if statement.accept("IS"):
        there = statement.accept("NOT")
        statement.expect("MISSING")
        return FunctionCall("attribute_exists" if there else "attribute_not_exists", (target,))
    sign = statement.comparison()
    return Compare(sign, (target, Literal(statement.value())))


_RUN: Final[dict[str, Callable[[TableStore, FindTable, _Statement], list[Item]]]] = {
    "SELECT": _select,
    "INSERT": _insert,
    "UPDATE": _update,
    "DELETE": _delete,
}
