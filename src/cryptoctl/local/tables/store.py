"""Items and stream records in the engine's database: a write and its stream record are one transaction.

An item lies under its table, its hash key and its range key as bytes in DynamoDB's order, so a query walks
an index however large the partition is.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from cryptoctl.local.database import Database
from cryptoctl.local.tables.values import ITEM_BYTES, Item, invalid, item_size, sortable

SCHEMA: Final[str] = """
CREATE TABLE IF NOT EXISTS ddb_table (
    id INTEGER PRIMARY KEY,
    region TEXT NOT NULL,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    UNIQUE (region, name)
);
CREATE TABLE IF NOT EXISTS ddb_item (
    table_id INTEGER NOT NULL REFERENCES ddb_table (id) ON DELETE CASCADE,
    hash BLOB NOT NULL,
    range BLOB NOT NULL,
    size INTEGER NOT NULL,
    item TEXT NOT NULL,
    PRIMARY KEY (table_id, hash, range)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS ddb_total (
    table_id INTEGER PRIMARY KEY REFERENCES ddb_table (id) ON DELETE CASCADE,
    items INTEGER NOT NULL,
    bytes INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS ddb_stream (
    arn TEXT PRIMARY KEY, region TEXT NOT NULL, table_name TEXT NOT NULL, description TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS ddb_record (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    stream TEXT NOT NULL,
    at REAL NOT NULL,
    record TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS ddb_record_order ON ddb_record (stream, sequence);
"""
# Of tables whose totals are not kept yet.
_COUNT: Final[str] = """
INSERT INTO ddb_total
SELECT id, count(size), coalesce(sum(size), 0) FROM ddb_table LEFT JOIN ddb_item ON table_id = id
WHERE id NOT IN (SELECT table_id FROM ddb_total) GROUP BY id
"""
FIRST_SEQUENCE: Final[int] = 100_000_000_000_000_000_000
"""Added to a record's number, so that sequence numbers have the length of AWS's."""
KEY_BYTES: Final[dict[str, int]] = {"HASH": 2048, "RANGE": 1024}


@dataclass(frozen=True)
class StoredTable:
    """A table as it was described when it was created or last changed, in the order of its columns."""

    id: int
    region: str
    name: str
    description: dict[str, Any]

    @property
    def keys(self) -> dict[str, tuple[str, str]]:
        """The key attributes: HASH and perhaps RANGE, each with its name and type."""
        kinds = {
            definition["AttributeName"]: definition["AttributeType"]
            for definition in self.description["AttributeDefinitions"]
        }
        schema = self.description["KeySchema"]
        return {key["KeyType"]: (key["AttributeName"], kinds[key["AttributeName"]]) for key in schema}

    @property
    def stream_arn(self) -> str | None:
        """The stream that takes the table's changes, or None."""
        enabled = (self.description.get("StreamSpecification") or {}).get("StreamEnabled")
        return self.description.get("LatestStreamArn") if enabled else None

    def key_of(self, item: Item) -> Item:
        """The key attributes of an item."""
        return {name: item[name] for name, _ in self.keys.values()}

    def key_bytes(self, key: Item) -> tuple[bytes, bytes]:
        """An item's hash and range key as bytes, in DynamoDB's order.

        Raises ServiceError for a key that does not fit the table.
        """
        parts: dict[str, bytes] = {"RANGE": b""}
        for role, (name, kind) in self.keys.items():
            value = key.get(name)
            if value is None:
                raise invalid(
                    f"One or more parameter values were invalid: Missing the key {name} in the item"
                )
            if kind not in value:
                (actual,) = value
                raise invalid(
                    "One or more parameter values were invalid: "
                    f"Type mismatch for key {name} expected: {kind} actual: {actual}"
                )
            parts[role] = sortable(value)
            check_length(role, name, kind, parts[role])
        return parts["HASH"], parts["RANGE"]

    def exact_key_bytes(self, key: Item) -> tuple[bytes, bytes]:
        """The same; the key must be the key attributes and nothing else."""
        if set(key) != {name for name, _ in self.keys.values()}:
            raise invalid("The provided key element does not match the schema")
        return self.key_bytes(key)


def check_length(role: str, name: str, kind: str, encoded: bytes) -> None:
    """Raises ServiceError for a key's value that is empty or too long, in an item or in a condition."""
    if kind != "N" and not encoded:
        raise invalid(
            "One or more parameter values are not valid. The AttributeValue for a key attribute "
            f"cannot contain an empty {'string' if kind == 'S' else 'binary'} value. Key: {name}"
        )
    if len(encoded) > KEY_BYTES[role]:
        problem = (
            "Size of hashkey has exceeded the maximum size limit of2048 bytes"
            if role == "HASH"
            else "Aggregated size of all range keys has exceeded the size limit of 1024 bytes"
        )
        raise invalid(f"One or more parameter values were invalid: {problem}")


class TableStore:
    """Tables without secondary indexes, their items, and the records of their streams."""

    def __init__(self, database: Database) -> None:
        database.define(SCHEMA)
        database.execute("DELETE FROM ddb_total")  # an earlier engine, which keeps none, may have written
        database.execute(_COUNT)
        self.database = database
        self._tables: dict[tuple[str, str], StoredTable] = {}
        for number, region, name, text in database.execute("SELECT * FROM ddb_table"):
            self._tables[region, name] = StoredTable(number, region, name, json.loads(text))
        self.on_records: Callable[[str], None] = lambda _stream: None

    def table(self, region: str, name: str) -> StoredTable | None:
        """A table that is kept here."""
        return self._tables.get((region, name))

    def tables(self) -> list[StoredTable]:
        """Every table that is kept here."""
        return list(self._tables.values())

    def describe(self, region: str, name: str, description: dict[str, Any]) -> None:
        """Takes up a table, or its new description, and its stream."""
        text = json.dumps(description)
        with self.database.transaction():
            rows = self.database.execute(
                "INSERT INTO ddb_table (region, name, description) VALUES (?, ?, ?)"
                " ON CONFLICT (region, name) DO UPDATE SET description = excluded.description RETURNING id",
                *(region, name, text),
            )
            ((number,),) = rows.fetchall()
            self.database.execute(_COUNT)
            table = StoredTable(number, region, name, description)
            if table.stream_arn:
                sql = "INSERT OR IGNORE INTO ddb_stream VALUES (?, ?, ?, ?)"
                self.database.execute(sql, table.stream_arn, region, name, text)
        self._tables[region, name] = table

    def drop(self, region: str, name: str) -> None:
        """Forgets a table and its items. Its streams can still be read, for as long as records live."""
        self.database.execute("DELETE FROM ddb_table WHERE region = ? AND name = ?", region, name)
        self._tables.pop((region, name), None)

    def get(self, table: StoredTable, key_bytes: tuple[bytes, bytes]) -> Item | None:
        """The item with a key."""
        sql = "SELECT item FROM ddb_item WHERE table_id = ? AND hash = ? AND range = ?"
        row = self.database.execute(sql, table.id, *key_bytes).fetchone()
        return None if row is None else json.loads(row[0])

    def put(
        self, table: StoredTable, key_bytes: tuple[bytes, bytes], old: Item | None, new: Item | None
    ) -> None:
        """Replaces, creates or (with None) removes the item with a key, and tells the stream."""
        if old == new:
            return
        with self.database.transaction():
            size = 0
            if new is None:
                sql = "DELETE FROM ddb_item WHERE table_id = ? AND hash = ? AND range = ?"
                self.database.execute(sql, table.id, *key_bytes)
            else:
                size = item_size(new)
                if size > ITEM_BYTES:
                    raise invalid("Item size has exceeded the maximum allowed size")
                text = json.dumps(new, separators=(",", ":"))
                self.database.execute(
                    "INSERT OR REPLACE INTO ddb_item VALUES (?, ?, ?, ?, ?)", table.id, *key_bytes, size, text
                )
            self.database.execute(
                "UPDATE ddb_total SET items = items + ?, bytes = bytes + ? WHERE table_id = ?",
                (new is not None) - (old is not None),
                size - (0 if old is None else item_size(old)),
                table.id,
            )
            if table.stream_arn:
                self._record(table, table.stream_arn, old, new)

    def _record(self, table: StoredTable, stream: str, old: Item | None, new: Item | None) -> None:
        view = table.description["StreamSpecification"]["StreamViewType"]
        now = time.time()
        change: dict[str, Any] = {
            "ApproximateCreationDateTime": int(now),
            "Keys": table.key_of(new or old or {}),
            "SizeBytes": 0,
            "StreamViewType": view,
        }
        if new is not None and view in ("NEW_IMAGE", "NEW_AND_OLD_IMAGES"):
            change["NewImage"] = new
        if old is not None and view in ("OLD_IMAGE", "NEW_AND_OLD_IMAGES"):
            change["OldImage"] = old
        change["SizeBytes"] = sum(
            item_size(change[member]) for member in ("Keys", "NewImage", "OldImage") if member in change
        )
        name = "INSERT" if old is None else "REMOVE" if new is None else "MODIFY"
        text = json.dumps({"eventName": name, "dynamodb": change}, separators=(",", ":"))
        sql = "INSERT INTO ddb_record (stream, at, record) VALUES (?, ?, ?)"
        self.database.execute(sql, stream, now, text)
        self.on_records(stream)

    def walk(
        self,
        table: StoredTable,
        hash_key: bytes,
        *,
        low: tuple[str, bytes] | None,
        high: tuple[str, bytes] | None,
        forward: bool,
    ) -> Iterator[tuple[int, Item]]:
        """The items of a partition in the order of their range keys, each with its size in bytes.

        `low` and `high` are bounds: an operator (`>`, `>=`, `<`, `<=`) and a range key.
        """
        sql = "SELECT size, item FROM ddb_item WHERE table_id = ? AND hash = ?"
        values: list[object] = [table.id, hash_key]
        for bound in (low, high):
            if bound is not None:
                sql += f" AND range {bound[0]} ?"
                values.append(bound[1])
        sql += f" ORDER BY range {'ASC' if forward else 'DESC'}"
        for size, text in self.database.execute(sql, *values):
            yield size, json.loads(text)

    def scan(self, table: StoredTable, after: tuple[bytes, bytes] | None) -> Iterator[tuple[int, Item]]:
        """All items of a table, each with its size, after a key."""
        sql = "SELECT size, item FROM ddb_item WHERE table_id = ?"
        values: list[object] = [table.id]
        if after is not None:
            sql += " AND (hash, range) > (?, ?)"
            values += after
        for size, text in self.database.execute(f"{sql} ORDER BY hash, range", *values):
            yield size, json.loads(text)

    def totals(self, table: StoredTable) -> tuple[int, int]:
        """How many items a table has, and how many bytes."""
        sql = "SELECT items, bytes FROM ddb_total WHERE table_id = ?"
        items, size_bytes = self.database.execute(sql, table.id).fetchone()
        return items, size_bytes
