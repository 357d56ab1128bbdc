"""PartiQL statements that name one item by its whole key: ExecuteStatement and BatchExecuteStatement."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from cryptoctl.local.http import ServiceError
from cryptoctl.local.ministack_expressions import parse_statement, run_statement
from cryptoctl.local.tables.items import FindTable, item_of
from cryptoctl.local.tables.store import StoredTable, TableStore
from cryptoctl.local.tables.values import Item, invalid, key_is_updated

MAX_STATEMENTS: Final[int] = 25
_CODES: Final[dict[str, str]] = {
    "ConditionalCheckFailedException": "ConditionalCheckFailed",
    "ResourceNotFoundException": "ResourceNotFound",
    "DuplicateItemException": "DuplicateItem",
    "ValidationException": "ValidationError",
}


def execute(store: TableStore, find_table: FindTable, params: Mapping[str, Any]) -> dict[str, Any]:
    """ExecuteStatement."""
    parsed = parse_statement(str(params.get("Statement", "")), list(params.get("Parameters") or []))
    if parsed["op"] not in ("SELECT", "INSERT", "UPDATE", "DELETE"):
        raise invalid(f"The embedded engine runs no {parsed['op']} statements.")
    table = find_table(parsed["table"])
    key_names = [name for name, _ in table.keys.values()]
    key_bytes = _key_bytes(table, parsed, key_names)
    old = store.get(table, key_bytes)
    _check(parsed, key_names, old)
    try:
        new, items = run_statement(parsed, key_names, old)
    except ServiceError as error:
        failed = error.code == "ConditionalCheckFailedException" and old is not None
        if failed and params.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD":
            error.extra["Item"] = old
        raise
    if parsed["op"] != "SELECT":
        store.put(table, key_bytes, old, None if new is None else item_of(new))
    return {"Items": items}


def _check(parsed: Mapping[str, Any], key_names: list[str], old: Item | None) -> None:
    if parsed["op"] == "INSERT" and old is not None:
        raise ServiceError("DuplicateItemException", "Duplicate primary key exists in table")
    if parsed["op"] == "UPDATE":
        set_paths = [path for path, _ in parsed["assignments"]]
        for path in (*set_paths, *parsed["removes"]):
            if path[0] in key_names:
                raise key_is_updated(path[0])


def _key_bytes(table: StoredTable, parsed: Mapping[str, Any], key_names: list[str]) -> tuple[bytes, bytes]:
    if parsed["op"] == "INSERT":
        item = parsed["item"]
        return table.key_bytes(item_of(item["M"] if set(item) == {"M"} else item))
    equal = {name: value for name, sign, value in parsed["conditions"] if sign == "=" and name in key_names}
    if set(equal) != set(key_names) and parsed["op"] == "SELECT":
        raise invalid("The embedded engine selects one item, by equality on all key attributes.")
    if set(equal) != set(key_names):
        raise invalid("Where clause does not contain a mandatory equality on all key attributes")
    return table.exact_key_bytes(item_of(equal))


def batch_execute(store: TableStore, find_table: FindTable, params: Mapping[str, Any]) -> dict[str, Any]:
    """BatchExecuteStatement: each statement for itself, its error in its place in the answer."""
    statements = params.get("Statements") or []
    if not 1 <= len(statements) <= MAX_STATEMENTS:
        raise invalid(f"A batch has 1 to {MAX_STATEMENTS} statements.")
    reads = [
        str(statement.get("Statement")).lstrip().upper().startswith("SELECT") for statement in statements
    ]
    if any(reads) and not all(reads):
        raise invalid("A batch has either reads or writes.")
    answers: list[dict[str, Any]] = []
    with store.database.transaction():
        for statement in statements:
            try:
                items: list[Item] = execute(store, find_table, statement)["Items"]
                answers.append({"Item": items[0]} if items else {})
            except ServiceError as error:
                code = _CODES.get(error.code, "InternalServerError")
                answers.append({"Error": {"Code": code, "Message": error.message, **error.extra}})
    return {"Responses": answers}
