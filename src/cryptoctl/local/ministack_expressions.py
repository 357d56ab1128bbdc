"""ministack's evaluation of DynamoDB's expressions and PartiQL, on one item at a time.

The second part of what is known of ministack's inside (ministack_adapter.py is the first): its pure functions
over items. They hold no data; the items are the engine's own.
"""

from __future__ import annotations

import functools
import importlib
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from cryptoctl.local.http import ServiceError

Item = dict[str, Any]
Tokens = list[tuple[str, str]]
Paths = set[tuple[str | int, ...]]
"""Places in an item: an attribute's name, then names and indexes inside its value."""


@functools.cache
def _dynamodb() -> Any:
    return importlib.import_module("ministack.services.dynamodb")


def check_references(params: Mapping[str, Any], fields: tuple[str, ...]) -> None:
    """Raises ServiceError where names or values are defined and not used, or used and not defined."""
    _raise(_dynamodb()._validate_expression_attrs(params, fields))  # noqa: SLF001


def condition_holds(
    text: str, item: Mapping[str, Any], values: Mapping[str, Any], names: Mapping[str, str], field: str
) -> bool:
    """Whether a condition holds for an item. Raises ServiceError where it cannot be read."""
    evaluate = _dynamodb()._evaluate_condition  # noqa: SLF001
    return bool(_translate_errors(lambda: evaluate(text, item, values, names, field)))


def attributes_read(text: str, names: Mapping[str, str]) -> set[str]:
    """The attributes that a condition is about, of a path the first. Operators are not among them."""
    tokens: Tokens = [("", ""), *_dynamodb()._tokenize(text), ("", "")]  # noqa: SLF001
    return {
        names.get(word, word)
        for (before, _), (kind, word), (after, _) in zip(tokens, tokens[1:], tokens[2:], strict=False)
        if kind in ("IDENT", "NAME_REF") and before != "DOT" and after != "LPAREN"
    }


def apply_update(
    text: str, item: Item, values: Mapping[str, Any], names: Mapping[str, str]
) -> tuple[Item, Paths]:
    """The item after an update expression, and the places that it names. Raises ServiceError."""
    apply = _dynamodb()._apply_update_expression  # noqa: SLF001
    result: tuple[Item, Paths] = _translate_errors(lambda: apply(item, text, values, names))
    return result


def select_paths(item: Item, paths: Paths) -> Item:
    """What an item has at these places: an attribute whole, or of a map no more than the members named."""
    select = _dynamodb()._diff_attributes  # noqa: SLF001
    selected: Item = select({}, item, paths, return_old=False)
    return selected


def apply_projection(text: str, item: Item, names: Mapping[str, str]) -> Item:
    """The parts of an item that a projection asks for. Raises ServiceError where it cannot be read."""
    project = _dynamodb()._project_item  # noqa: SLF001
    selected: Item = _translate_errors(lambda: project(item, text, names))
    return selected


def key_clauses(text: str) -> list[Tokens]:
    """The clauses of a key condition, each as (kind, text) tokens without parentheses around it.

    Raises ServiceError.
    """
    dynamodb = _dynamodb()
    problem = dynamodb._condition_syntax_error(text, "KeyConditionExpression")  # noqa: SLF001
    if problem:
        raise ServiceError("ValidationException", problem)
    return list(_clauses(dynamodb._tokenize(text)))  # noqa: SLF001


def _clauses(tokens: Tokens) -> Iterator[Tokens]:
    for clause in _dynamodb()._key_condition_clauses(tokens):  # noqa: SLF001
        if clause[0][0] == "LPAREN" and clause[-1][0] == "RPAREN":
            yield from _clauses(clause[1:-1])
        else:
            yield clause


def parse_statement(text: str, parameters: list[Any]) -> dict[str, Any]:
    """A PartiQL statement: its `op`, `table`, `conditions` as (name, operator, value), and more."""
    parse = _dynamodb()._parse_partiql  # noqa: SLF001
    parsed: dict[str, Any] = _translate_errors(lambda: parse(text, parameters))
    return parsed


def run_statement(
    parsed: Mapping[str, Any], key_names: list[str], item: Item | None
) -> tuple[Item | None, list[Item]]:
    """Runs a statement on a table of at most one item: the item afterwards, and the items answered with."""
    dynamodb = _dynamodb()
    run = {
        "SELECT": dynamodb._partiql_select,  # noqa: SLF001
        "INSERT": dynamodb._partiql_insert,  # noqa: SLF001
        "UPDATE": dynamodb._partiql_update,  # noqa: SLF001
        "DELETE": dynamodb._partiql_delete,  # noqa: SLF001
    }[parsed["op"]]
    table: dict[str, Any] = {
        "items": {},
        "pk_name": key_names[0],
        "sk_name": key_names[1] if len(key_names) > 1 else None,
    }
    if item is not None:
        hash_key, range_key, _, problem = dynamodb._partiql_key_target(table, parsed)  # noqa: SLF001
        _raise(problem)
        table["items"] = {hash_key: {range_key: item}}
    response = _translate_errors(lambda: run(table, parsed))
    _raise(response)
    items = [stored_item for partition in table["items"].values() for stored_item in partition.values()]
    return (items[0] if items else None), json.loads(response[2])["Items"]


def _raise(response: tuple[int, Any, bytes] | None) -> None:
    if response is not None and response[0] >= 300:
        content = json.loads(response[2])
        message = content.get("message") or content.get("Message") or ""
        raise ServiceError(content["__type"], message)


def _translate_errors(run: Callable[[], Any]) -> Any:
    try:
        return run()
    except ValueError as error:
        raise ServiceError("ValidationException", str(error)) from error
