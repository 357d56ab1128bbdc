"""DynamoDB's operations on items, for tables without secondary indexes; all else stays with ministack.

ministack keeps the tables' descriptions. It is never given their items, so its time does not grow with them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from cryptoctl.local.http import (
    Forward,
    HttpRequest,
    HttpResponse,
    ServiceError,
    check_enums,
    json_response,
)
from cryptoctl.local.tables import items, partiql, reads
from cryptoctl.local.tables.items import FindTable
from cryptoctl.local.tables.store import StoredTable, TableStore
from cryptoctl.local.tables.values import invalid

_OPERATIONS: Final[dict[str, Callable[[TableStore, FindTable, Mapping[str, Any]], dict[str, Any]]]] = {
    "PutItem": partial(items.write_item, "Put"),
    "UpdateItem": partial(items.write_item, "Update"),
    "DeleteItem": partial(items.write_item, "Delete"),
    "GetItem": items.get_item,
    "Query": reads.query,
    "Scan": reads.scan,
    "BatchGetItem": items.batch_get,
    "BatchWriteItem": items.batch_write,
    "ExecuteStatement": partiql.execute,
    "BatchExecuteStatement": partiql.batch_execute,
}
_NOT_OFFERED: Final = (
    "CreateBackup",
    "ExportTableToPointInTime",
    "RestoreTableToPointInTime",
    "ExecuteTransaction",
    "TransactGetItems",
    "TransactWriteItems",
)
_ENUMS: Final[dict[str, tuple[str, ...]]] = {
    "ReturnConsumedCapacity": ("INDEXES", "TOTAL", "NONE"),
    "ReturnItemCollectionMetrics": ("SIZE", "NONE"),
    "ReturnValuesOnConditionCheckFailure": ("ALL_OLD", "NONE"),
    "Select": ("ALL_ATTRIBUTES", "ALL_PROJECTED_ATTRIBUTES", "SPECIFIC_ATTRIBUTES", "COUNT"),
}
_DESCRIBE: Final = ("CreateTable", "UpdateTable", "DescribeTable", "DeleteTable")


class _NotHereError(ServiceError):
    """A request names a table that is not kept here: ministack may have it."""

    def __init__(self, name: Any) -> None:
        super().__init__(
            "ResourceNotFoundException", f"Requested resource not found: Table: {name} not found"
        )


class TablesApi:
    """A service: items are answered here, descriptions by ministack."""

    def __init__(self, forward: Forward, store: TableStore) -> None:
        self._forward = forward
        self._store = store

    async def handle(self, request: HttpRequest) -> HttpResponse | None:
        """The answer, or None where the tables concerned are ministack's."""
        if not request.target.startswith("DynamoDB."):
            return None
        operation = request.target.removeprefix("DynamoDB.")
        if operation in _DESCRIBE:
            return await self._describe(operation, request)
        if operation in _OPERATIONS:
            return self._answer(operation, request)
        if operation in _NOT_OFFERED:
            raise invalid(f"The embedded engine does not offer {operation}.")
        return None

    def _find(self, request: HttpRequest, name: Any) -> StoredTable | None:
        return self._store.table(request.region, str(name).rpartition("/")[2])

    def _answer(self, operation: str, request: HttpRequest) -> HttpResponse | None:
        tables: dict[str, StoredTable] = {}

        def find(name: Any) -> StoredTable:
            table = self._find(request, name)
            if table is None:
                raise _NotHereError(name)
            return tables.setdefault(str(name), table)

        try:
            check_enums(request.json, _ENUMS)
            content = _OPERATIONS[operation](self._store, find, request.json)
        except _NotHereError:
            if any(self._find(request, name) for name in request.json.get("RequestItems") or {}):
                raise
            return None
        return _with_capacity(request, content, list(tables)) if tables else None

    async def _describe(self, operation: str, request: HttpRequest) -> HttpResponse:
        stream = request.json.get("StreamSpecification") or {}
        if stream.get("StreamEnabled") and not stream.get("StreamViewType"):
            raise invalid("One or more parameter values were invalid: StreamViewType is not specified")
        if operation == "UpdateTable" and (table := self._find(request, request.json.get("TableName"))):
            _check_update(table, request.json)
        response = await self._forward(request)
        if response.status >= 300:
            return response
        content = json.loads(response.body)
        description = content.get("TableDescription") or content.get("Table") or {}
        name = description.get("TableName", "")
        if operation == "DeleteTable":
            self._store.drop(request.region, name)
        elif not description.get("GlobalSecondaryIndexes") and not description.get("LocalSecondaryIndexes"):
            # Whenever it is described, so that a table that was lost with the store is taken up again.
            self._store.describe(request.region, name, description)
        table = self._store.table(request.region, name)
        if table is None:
            return response
        description["ItemCount"], description["TableSizeBytes"] = self._store.totals(table)
        return json_response(content)


def _check_update(table: StoredTable, params: Mapping[str, Any]) -> None:
    if params.get("GlobalSecondaryIndexUpdates"):
        raise invalid("The embedded engine does not add a secondary index to an existing table.")
    stream = params.get("StreamSpecification")
    if stream and bool(stream.get("StreamEnabled")) == bool(table.stream_arn):
        problem = "already has an enabled stream" if table.stream_arn else "has no stream to disable"
        raise invalid(f"Table {problem}: TableName: {table.name}")


def _with_capacity(request: HttpRequest, content: dict[str, Any], tables: list[str]) -> HttpResponse:
    """The answer, with the capacity it used where that was asked for: one unit of each table."""
    detail = request.json.get("ReturnConsumedCapacity")
    if detail in ("TOTAL", "INDEXES"):
        units = {"CapacityUnits": 1.0}
        shares = {"Table": units} if detail == "INDEXES" else {}
        capacities = [{"TableName": table, **units, **shares} for table in tables]
        several = request.target.startswith("DynamoDB.Batch")
        content["ConsumedCapacity"] = capacities if several else capacities[0]
    return json_response(content)
