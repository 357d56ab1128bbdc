"""An item and its stream record are written together, or neither."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from cryptoctl.local.database import Database
from cryptoctl.local.tables.store import StoredTable, TableStore
from cryptoctl.local.tables.values import Item

REGION, ARN = "r", "arn:aws:dynamodb:r:0:table/prices/stream/1"
DESCRIPTION = {
    "TableName": "prices",
    "TableId": "an-id",
    "KeySchema": [{"AttributeName": "symbol", "KeyType": "HASH"}],
    "AttributeDefinitions": [{"AttributeName": "symbol", "AttributeType": "S"}],
    "LatestStreamArn": ARN,
    "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
}
OLD: Item = {"symbol": {"S": "BTC"}, "price": {"N": "1"}}
NEW: Item = {"symbol": {"S": "BTC"}, "price": {"N": "2"}}


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database(tmp_path / "store")


@pytest.fixture
def store(database: Database) -> TableStore:
    store = TableStore(database)
    store.describe(REGION, "prices", DESCRIPTION)
    return store


@pytest.mark.parametrize(
    ("old", "new"), [(None, NEW), (OLD, NEW), (OLD, None)], ids=["put", "change", "delete"]
)
def test_an_item_is_not_written_without_its_stream_record(
    database: Database, store: TableStore, old: Item | None, new: Item | None
) -> None:
    table = store.table(REGION, "prices")
    assert isinstance(table, StoredTable)
    place = table.exact_place({"symbol": {"S": "BTC"}})
    if old is not None:
        store.put(table, place, None, old)
    database.define("CREATE TRIGGER full BEFORE INSERT ON ddb_record BEGIN SELECT RAISE(ABORT, 'full'); END;")
    with pytest.raises(sqlite3.IntegrityError, match="full"):
        store.put(table, place, old, new)
    assert store.get(table, place) == old
    database.define("DROP TRIGGER full;")
    store.put(table, place, old, new)
    assert store.get(table, place) == new
