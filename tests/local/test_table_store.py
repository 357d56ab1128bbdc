"""An item and its stream record are written together, or neither."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from cryptoctl.local.database import Database
from cryptoctl.local.http import ServiceError
from cryptoctl.local.tables.store import StoredTable, TableStore
from cryptoctl.local.tables.streams import SHARD, StreamsApi
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
def database(tmp_path: Path) -> Iterator[Database]:
    with closing(Database(tmp_path / "store")) as database:
        yield database


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


def test_a_record_that_lives_no_longer_is_told_apart_from_the_first_that_does(
    database: Database, store: TableStore
) -> None:
    table, streams = store.table(REGION, "prices"), StreamsApi(store)
    assert isinstance(table, StoredTable)
    place = table.exact_place({"symbol": {"S": "BTC"}})

    def start() -> str:
        described = streams.describe(REGION, {"StreamArn": ARN}) or {}
        number = described["StreamDescription"]["Shards"][0]["SequenceNumberRange"]["StartingSequenceNumber"]
        assert isinstance(number, str)
        return number

    def records(number: str) -> list[str]:
        where = {"ShardIteratorType": "AT_SEQUENCE_NUMBER", "SequenceNumber": number}
        iterator = streams.iterator(REGION, {"StreamArn": ARN, "ShardId": SHARD, **where}) or {}
        found = streams.records(REGION, iterator) or {}
        return [each["eventName"] for each in found["Records"]]

    assert records(start()) == []
    store.put(table, place, None, OLD)
    store.put(table, place, OLD, NEW)
    store.put(table, place, NEW, None)
    assert records(start()) == ["INSERT", "MODIFY", "REMOVE"]
    database.execute("UPDATE ddb_record SET at = 0 WHERE sequence < 3")
    second = str(int(start()) + 1)
    streams.prune()
    assert records(start()) == ["REMOVE"]
    with pytest.raises(ServiceError) as caught:
        records(second)
    assert caught.value.code == "TrimmedDataAccessException"
    database.execute("UPDATE ddb_record SET at = 0")
    streams.prune()
    with pytest.raises(ServiceError):
        records(second)
