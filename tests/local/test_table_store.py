"""An item and its stream record are written together, or neither."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
    place = table.exact_key_bytes({"symbol": {"S": "BTC"}})
    if old is not None:
        store.put(table, place, None, old)
    database.define("CREATE TRIGGER full BEFORE INSERT ON ddb_record BEGIN SELECT RAISE(ABORT, 'full'); END;")
    with pytest.raises(sqlite3.IntegrityError, match="full"):
        store.put(table, place, old, new)
    assert store.get(table, place) == old
    database.define("DROP TRIGGER full;")
    store.put(table, place, old, new)
    assert store.get(table, place) == new


@settings(max_examples=25)
@given(written=st.lists(st.tuples(st.sampled_from("ABC"), st.none() | st.integers(0, 10**6))))
def test_items_and_bytes_are_those_that_are_there_and_are_not_counted_again(
    written: list[tuple[str, int | None]],
) -> None:
    with TemporaryDirectory() as directory, closing(Database(Path(directory) / "store")) as database:
        store = TableStore(database)
        store.describe(REGION, "prices", DESCRIPTION)
        table = store.table(REGION, "prices")
        assert isinstance(table, StoredTable)
        for symbol, price in written:
            place = table.exact_key_bytes({"symbol": {"S": symbol}})
            new = None if price is None else {"symbol": {"S": symbol}, "price": {"N": str(price)}}
            store.put(table, place, store.get(table, place), new)
        sizes = [size for size, _ in store.scan(table, None)]
        assert store.totals(table) == (len(sizes), sum(sizes))

        # As an engine that does not keep them has left it, before one that does or after it.
        for statement in ("DELETE FROM ddb_total;", "UPDATE ddb_total SET items = -1, bytes = -1;"):
            database.define(statement)
            assert TableStore(database).totals(table) == (len(sizes), sum(sizes))
        database.define("DROP TABLE ddb_item;")
        assert store.totals(table) == (len(sizes), sum(sizes))


def test_a_record_that_lives_no_longer_is_told_apart_from_the_first_that_does(
    database: Database, store: TableStore
) -> None:
    table, streams = store.table(REGION, "prices"), StreamsApi(store)
    assert isinstance(table, StoredTable)
    place = table.exact_key_bytes({"symbol": {"S": "BTC"}})

    def start() -> str:
        described = streams.describe(REGION, {"StreamArn": ARN}) or {}
        number = described["StreamDescription"]["Shards"][0]["SequenceNumberRange"]["StartingSequenceNumber"]
        assert isinstance(number, str)
        return number

    def records(number: str) -> list[str]:
        where = {"ShardIteratorType": "AT_SEQUENCE_NUMBER", "SequenceNumber": number}
        iterator = streams.iterator(REGION, {"StreamArn": ARN, "ShardId": SHARD, **where}) or {}
        page = streams.records(REGION, iterator) or {}
        return [record["eventName"] for record in page["Records"]]

    assert records(start()) == []
    store.put(table, place, None, OLD)
    store.put(table, place, OLD, NEW)
    store.put(table, place, NEW, None)
    assert records(start()) == ["INSERT", "MODIFY", "REMOVE"]
    database.execute("UPDATE ddb_record SET at = 0 WHERE sequence < 3")
    second = str(int(start()) + 1)
    streams.prune()
    assert records(start()) == ["REMOVE"]
    # Numbers of which there is none: before all records, and beyond them.
    assert (records("0" * 21), records("9" * 40)) == (["REMOVE"], [])
    with pytest.raises(ServiceError) as raised:
        records(second)
    assert raised.value.code == "TrimmedDataAccessException"
    database.execute("UPDATE ddb_record SET at = 0")
    streams.prune()
    with pytest.raises(ServiceError):
        records(second)
