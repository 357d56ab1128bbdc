"""Operations over several items: batches, where each stands alone, and transactions, where none does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from cryptoctl.local.http import ServiceError
from cryptoctl.local.tables.evaluate import project
from cryptoctl.local.tables.grammar import Names
from cryptoctl.local.tables.items import (
    ConditionFailedError,
    Write,
    get_item,
    item_of,
    make,
    prepare,
    projection,
)
from cryptoctl.local.tables.store import StoredTable, TableStore
from cryptoctl.local.tables.values import invalid

FindTable = Callable[[str], StoredTable]

MOST_READ: Final[int] = 100
MOST_WRITTEN: Final[int] = 25
MOST_IN_TRANSACTION: Final[int] = 100
_KINDS: Final[tuple[str, ...]] = ("Put", "Update", "Delete", "ConditionCheck")


def batch_get(store: TableStore, find: FindTable, asked: Mapping[str, Any]) -> dict[str, Any]:
    """BatchGetItem."""
    requests: Mapping[str, Any] = asked.get("RequestItems") or {}
    _check_count("requestItems", sum(len(each["Keys"]) for each in requests.values()), MOST_READ)
    responses: dict[str, list[Any]] = {}
    for name, wanted in requests.items():
        table = find(name)
        names = Names(wanted.get("ExpressionAttributeNames"), None)
        paths = projection(wanted, names)
        names.check_all_used()
        places = [table.exact_place(item_of(key)) for key in wanted["Keys"]]
        _check_unique(places)
        found = [store.get(table, place) for place in places]
        responses[name] = [project(item, paths) for item in found if item is not None]
    return {"Responses": responses, "UnprocessedKeys": {}}


def batch_write(store: TableStore, find: FindTable, asked: Mapping[str, Any]) -> dict[str, Any]:
    """BatchWriteItem."""
    writes: list[Write] = []
    for name, requests in (asked.get("RequestItems") or {}).items():
        table = find(name)
        for request in requests:
            ((kind, content),) = request.items()
            writes.append(prepare(table, kind.removesuffix("Request"), content))
    _check_count("requestItems", len(writes), MOST_WRITTEN)
    _check_unique([(write.table.id, *write.place) for write in writes])
    with store.database.transaction():
        for write in writes:
            make(store, write)
    return {"UnprocessedItems": {}}


def transact_write(store: TableStore, find: FindTable, asked: Mapping[str, Any]) -> dict[str, Any]:
    """TransactWriteItems: all of the writes, or none and the reason of each."""
    writes: list[Write] = []
    for each in asked.get("TransactItems") or []:
        ((kind, content),) = each.items()
        if kind not in _KINDS:
            raise invalid(f"TransactItems can only contain one of {', '.join(_KINDS)}")
        writes.append(prepare(find(content["TableName"]), kind, content))
    _check_count("transactItems", len(writes), MOST_IN_TRANSACTION)
    places = [(write.table.id, *write.place) for write in writes]
    if len(set(places)) != len(places):
        raise invalid("Transaction request cannot include multiple operations on one item")
    reasons = [_reason(store, write) for write in writes]
    if any(reason["Code"] != "None" for reason in reasons):
        codes = ", ".join(reason["Code"] for reason in reasons)
        message = f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]"
        raise ServiceError("TransactionCanceledException", message, CancellationReasons=reasons)
    with store.database.transaction():
        for write in writes:
            make(store, write)
    return {}


def _reason(store: TableStore, write: Write) -> dict[str, Any]:
    try:
        write.check(store.get(write.table, write.place))
    except ConditionFailedError as failed:
        reason: dict[str, Any] = {"Code": "ConditionalCheckFailed", "Message": failed.message}
        return {**reason, "Item": failed.item} if failed.item else reason
    return {"Code": "None"}


def transact_get(store: TableStore, find: FindTable, asked: Mapping[str, Any]) -> dict[str, Any]:
    """TransactGetItems."""
    wanted = [each["Get"] for each in asked.get("TransactItems") or []]
    _check_count("transactItems", len(wanted), MOST_IN_TRANSACTION)
    return {"Responses": [get_item(store, find(each["TableName"]), each) for each in wanted]}


def _check_unique(places: list[Any]) -> None:
    if len(set(places)) != len(places):
        raise invalid("Provided list of item keys contains duplicates")


def _check_count(member: str, count: int, most: int) -> None:
    if count < 1:
        raise invalid(f"1 validation error detected: Value at '{member}' must have at least 1 member")
    if count > most:
        raise invalid(f"Too many items requested for the call: at most {most}")
