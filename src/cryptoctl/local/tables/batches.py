"""Operations over several items, where each stands alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from cryptoctl.local.tables.expressions import Expressions
from cryptoctl.local.tables.items import FindTable, Write, item_of, make, prepare
from cryptoctl.local.tables.store import TableStore
from cryptoctl.local.tables.values import invalid

MAX_READ: Final[int] = 100
MAX_WRITTEN: Final[int] = 25


def batch_get(store: TableStore, find: FindTable, params: Mapping[str, Any]) -> dict[str, Any]:
    """BatchGetItem."""
    requests: Mapping[str, Any] = params.get("RequestItems") or {}
    _check_count(sum(len(each["Keys"]) for each in requests.values()), MAX_READ)
    responses: dict[str, list[Any]] = {}
    for name, request in requests.items():
        table = find(name)
        expressions = Expressions(request, "ProjectionExpression")
        places = [table.exact_place(item_of(key)) for key in request["Keys"]]
        _check_unique(places)
        items = [store.get(table, place) for place in places]
        responses[name] = [expressions.project(item) for item in items if item is not None]
    return {"Responses": responses, "UnprocessedKeys": {}}


def batch_write(store: TableStore, find: FindTable, params: Mapping[str, Any]) -> dict[str, Any]:
    """BatchWriteItem."""
    writes: list[Write] = []
    for name, requests in (params.get("RequestItems") or {}).items():
        table = find(name)
        for request in requests:
            ((kind, content),) = request.items()
            writes.append(prepare(table, kind.removesuffix("Request"), content))
    _check_count(len(writes), MAX_WRITTEN)
    _check_unique([(write.table.id, *write.place) for write in writes])
    with store.database.transaction():
        for write in writes:
            make(store, write)
    return {"UnprocessedItems": {}}


def _check_unique(places: list[Any]) -> None:
    if len(set(places)) != len(places):
        raise invalid("Provided list of item keys contains duplicates")


def _check_count(count: int, maximum: int) -> None:
    if count < 1:
        raise invalid("1 validation error detected: Value at 'requestItems' must have at least 1 member")
    if count > maximum:
        raise invalid(f"Too many items requested for the call: at most {maximum}")
