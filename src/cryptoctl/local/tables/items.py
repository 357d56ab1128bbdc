"""PutItem, GetItem, UpdateItem and DeleteItem, and batches of them, in which each stands alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from cryptoctl.local.http import ServiceError
from cryptoctl.local.ministack_expressions import Paths, select_paths
from cryptoctl.local.tables.expressions import Expressions
from cryptoctl.local.tables.store import StoredTable, TableStore
from cryptoctl.local.tables.values import Item, invalid, key_is_updated, normal

FindTable = Callable[[Any], StoredTable]
"""The table that a request names; what this raises for one that is not kept here is its caller's."""

MAX_READ: Final[int] = 100
MAX_WRITTEN: Final[int] = 25
_RETURNS: Final[dict[str, tuple[str, ...]]] = {
    "Put": ("NONE", "ALL_OLD"),
    "Delete": ("NONE", "ALL_OLD"),
    "Update": ("NONE", "ALL_OLD", "ALL_NEW", "UPDATED_OLD", "UPDATED_NEW"),
}


@dataclass(frozen=True, kw_only=True)
class Write:
    """One write, ready to be made: where, on what condition, and to what."""

    table: StoredTable
    key_bytes: tuple[bytes, bytes]
    expressions: Expressions
    show_failed: bool
    put: Item | None = None
    updates: Item | None = None
    """The key of an item to update, or None."""

    def result(self, old: Item | None) -> tuple[Item | None, Paths]:
        """What the item becomes, and which places an update names."""
        if self.updates is None:
            return self.put, set()
        new, changed_paths = self.expressions.update(dict(old or self.updates))
        attributes = {path[0] for path in changed_paths}
        for name in self.updates:
            if name in attributes:
                raise key_is_updated(name)
        return new, changed_paths


def item_of(member: Any) -> Item:
    """A request's item or key, in normal form."""
    if not isinstance(member, Mapping):
        raise invalid("An item or key is missing.")
    return {str(name): normal(value) for name, value in member.items()}


def prepare(table: StoredTable, kind: str, params: Mapping[str, Any]) -> Write:
    """Reads a Put, Update or Delete; raises ServiceError where it cannot be right."""
    expressions = Expressions(params, "ConditionExpression", "UpdateExpression")
    put = item_of(params.get("Item")) if kind == "Put" else None
    key = {} if kind == "Put" else item_of(params.get("Key"))
    return Write(
        table=table,
        key_bytes=table.key_bytes(put) if put is not None else table.exact_key_bytes(key),
        expressions=expressions,
        show_failed=params.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD",
        put=put,
        updates=key if kind == "Update" else None,
    )


def make(store: TableStore, write: Write) -> tuple[Item | None, Item | None, Paths]:
    """Makes a write: what the item was, what it is now, and which places an update names."""
    old = store.get(write.table, write.key_bytes)
    if not write.expressions.holds("ConditionExpression", old or {}):
        extra: dict[str, Any] = {"Item": old} if write.show_failed and old is not None else {}
        raise ServiceError("ConditionalCheckFailedException", "The conditional request failed", **extra)
    new, changed_paths = write.result(old)
    store.put(write.table, write.key_bytes, old, new)
    return old, new, changed_paths


def write_item(kind: str, store: TableStore, find: FindTable, params: Mapping[str, Any]) -> dict[str, Any]:
    """PutItem, UpdateItem or DeleteItem, by its `kind`: Put, Update or Delete."""
    table = find(params.get("TableName"))
    return_values = params.get("ReturnValues") or "NONE"
    if return_values not in _RETURNS[kind]:
        raise invalid(
            f"Return values set to invalid value: ReturnValues can only be {' or '.join(_RETURNS[kind])}"
        )
    old, new, changed_paths = make(store, prepare(table, kind, params))
    if return_values == "NONE":
        return {}
    source = (old if return_values.endswith("OLD") else new) or {}
    attributes = source if return_values.startswith("ALL") else select_paths(source, changed_paths)
    return {"Attributes": attributes} if attributes else {}


def get_item(store: TableStore, find: FindTable, params: Mapping[str, Any]) -> dict[str, Any]:
    """GetItem."""
    table = find(params.get("TableName"))
    expressions = Expressions(params, "ProjectionExpression")
    item = store.get(table, table.exact_key_bytes(item_of(params.get("Key"))))
    return {} if item is None else {"Item": expressions.project(item)}


def batch_get(store: TableStore, find: FindTable, params: Mapping[str, Any]) -> dict[str, Any]:
    """BatchGetItem."""
    requests: Mapping[str, Any] = params.get("RequestItems") or {}
    _check_count(sum(len(request["Keys"]) for request in requests.values()), MAX_READ)
    responses: dict[str, list[Any]] = {}
    for name, request in requests.items():
        table = find(name)
        expressions = Expressions(request, "ProjectionExpression")
        keys = [table.exact_key_bytes(item_of(key)) for key in request["Keys"]]
        _check_unique(keys)
        items = [store.get(table, key_bytes) for key_bytes in keys]
        responses[name] = [expressions.project(item) for item in items if item is not None]
    return {"Responses": responses, "UnprocessedKeys": {}}


def batch_write(store: TableStore, find: FindTable, params: Mapping[str, Any]) -> dict[str, Any]:
    """BatchWriteItem."""
    writes: list[Write] = []
    for name, requests in (params.get("RequestItems") or {}).items():
        table = find(name)
        for request in requests:
            if request.keys() not in ({"PutRequest"}, {"DeleteRequest"}):
                raise invalid("A write request has either a PutRequest or a DeleteRequest.")
            ((kind, content),) = request.items()
            writes.append(prepare(table, kind.removesuffix("Request"), content))
    _check_count(len(writes), MAX_WRITTEN)
    _check_unique([(write.table.id, *write.key_bytes) for write in writes])
    with store.database.transaction():
        for write in writes:
            make(store, write)
    return {"UnprocessedItems": {}}


def _check_unique(keys: list[Any]) -> None:
    if len(set(keys)) != len(keys):
        raise invalid("Provided list of item keys contains duplicates")


def _check_count(count: int, maximum: int) -> None:
    if count < 1:
        raise invalid("1 validation error detected: Value at 'requestItems' must have at least 1 member")
    if count > maximum:
        raise invalid(f"Too many items requested for the call: at most {maximum}")
