"""Log events, kept in the engine's database until their group's retention ends."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

from cryptoctl.local.database import Database

SCHEMA: Final[str] = """
CREATE TABLE IF NOT EXISTS log_group (
    id INTEGER PRIMARY KEY,
    region TEXT NOT NULL,
    name TEXT NOT NULL,
    retention_days INTEGER,
    UNIQUE (region, name)
);
CREATE TABLE IF NOT EXISTS log_group_key (
    group_id INTEGER PRIMARY KEY REFERENCES log_group (id) ON DELETE CASCADE,
    arn TEXT
);
CREATE TABLE IF NOT EXISTS log_stream (
    id INTEGER PRIMARY KEY,
    group_id INTEGER NOT NULL REFERENCES log_group (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    UNIQUE (group_id, name)
);
CREATE TABLE IF NOT EXISTS log_event (
    id INTEGER PRIMARY KEY,
    stream_id INTEGER NOT NULL REFERENCES log_stream (id) ON DELETE CASCADE,
    at INTEGER NOT NULL,
    ingested_at INTEGER NOT NULL,
    message TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS log_event_order ON log_event (stream_id, at, id);
"""
DAY_MS: Final[int] = 86_400_000


class LogEvent(NamedTuple):
    """One event. `id` is unique in the engine and grows with time of arrival."""

    id: int
    stream: str
    timestamp_ms: int
    ingested_at: int
    message: str


EventListener = Callable[[str, str, str, list[LogEvent]], None]
"""Told of new events: region, group, stream, events."""


class LogStore:
    """Groups, streams and events. Groups are ministack's to describe; here they only hold events."""

    def __init__(self, database: Database) -> None:
        database.define(SCHEMA)
        self._database = database
        self._streams: dict[tuple[str, str, str], int] = {}
        self.on_events: Sequence[EventListener] = ()

    def add_group(self, region: str, name: str) -> None:
        """Notes that a group exists."""
        self._database.execute("INSERT OR IGNORE INTO log_group (region, name) VALUES (?, ?)", region, name)

    def remove_group(self, region: str, name: str) -> None:
        """Forgets a group and all its events."""
        self._database.execute("DELETE FROM log_group WHERE region = ? AND name = ?", region, name)
        self._streams.clear()

    def retain(self, region: str, name: str, days: int | None) -> None:
        """Sets how long a group keeps its events; None for ever."""
        sql = "UPDATE log_group SET retention_days = ? WHERE region = ? AND name = ?"
        self._database.execute(sql, days, region, name)

    def encrypt(self, region: str, name: str, key: str | None) -> None:
        """Notes the key that a group was put under after it was made; None for none any more."""
        sql = "INSERT OR REPLACE INTO log_group_key"
        sql += " SELECT id, ? FROM log_group WHERE region = ? AND name = ?"
        self._database.execute(sql, key, region, name)

    def keys(self, region: str) -> dict[str, str | None]:
        """The groups of a region whose key was changed, each with its key."""
        sql = "SELECT g.name, k.arn FROM log_group_key k JOIN log_group g ON g.id = k.group_id"
        return dict(self._database.execute(f"{sql} WHERE g.region = ?", region))

    def groups(self) -> list[tuple[str, str]]:
        """Every group, as (region, name)."""
        return list(self._database.execute("SELECT region, name FROM log_group"))

    def has_group(self, region: str, name: str) -> bool:
        """Whether the group exists."""
        sql = "SELECT 1 FROM log_group WHERE region = ? AND name = ?"
        return self._database.execute(sql, region, name).fetchone() is not None

    def add_stream(self, region: str, group: str, stream: str) -> bool:
        """Makes a stream; False where there is one of that name already."""
        sql = "INSERT OR IGNORE INTO log_stream (group_id, name, created_at)"
        sql += " SELECT id, ?, ? FROM log_group WHERE region = ? AND name = ?"
        return self._database.execute(sql, stream, _now(), region, group).rowcount > 0

    def remove_stream(self, region: str, group: str, stream: str) -> None:
        """Removes a stream with its events."""
        sql = "DELETE FROM log_stream WHERE name = ? AND group_id ="
        sql += " (SELECT id FROM log_group WHERE region = ? AND name = ?)"
        self._streams.clear()
        self._database.execute(sql, stream, region, group)

    def stream_id(self, region: str, group: str, stream: str) -> int | None:
        """A stream's number, or None where there is no such stream."""
        key = (region, group, stream)
        if key not in self._streams:
            sql = "SELECT s.id FROM log_stream s JOIN log_group g ON g.id = s.group_id"
            sql += " WHERE g.region = ? AND g.name = ? AND s.name = ?"
            row = self._database.execute(sql, *key).fetchone()
            if row is None:
                return None
            self._streams[key] = row[0]
        return self._streams[key]

    def write_lines(self, region: str, group: str, stream: str, moment: float, texts: Iterable[str]) -> None:
        """A function's lines. Their stream is made when needed; without its group they are lost, as on AWS
        where the function's role may not create groups."""
        if self.stream_id(region, group, stream) is None and not self.add_stream(region, group, stream):
            return
        self.append(region, group, stream, [(int(moment * 1000), text) for text in texts])

    def append(self, region: str, group: str, stream: str, lines: Iterable[tuple[int, str]]) -> None:
        """Adds events to an existing stream and tells the listener."""
        number = self.stream_id(region, group, stream)
        now = _now()
        with self._database.transaction():
            (last,) = self._database.execute("SELECT coalesce(max(id), 0) FROM log_event").fetchone()
            events = [
                LogEvent(id=identity, stream=stream, timestamp_ms=at, ingested_at=now, message=message)
                for identity, (at, message) in enumerate(lines, last + 1)
            ]
            sql = "INSERT INTO log_event (id, stream_id, at, ingested_at, message) VALUES (?, ?, ?, ?, ?)"
            self._database.execute_many(
                sql, ((event.id, number, event.timestamp_ms, now, event.message) for event in events)
            )
        for listener in self.on_events:
            listener(region, group, stream, events)

    def streams(self, region: str, group: str) -> list[dict[str, int | str]]:
        """The streams of a group, as DescribeLogStreams shows them."""
        sql = """
            SELECT s.name, s.created_at,
                (SELECT min(at) FROM log_event WHERE stream_id = s.id),
                (SELECT max(at) FROM log_event WHERE stream_id = s.id),
                (SELECT max(ingested_at) FROM log_event WHERE stream_id = s.id)
            FROM log_stream s JOIN log_group g ON g.id = s.group_id WHERE g.region = ? AND g.name = ?"""
        streams: list[dict[str, int | str]] = []
        for name, created, first, last, ingested in self._database.execute(sql, region, group):
            stream = {"logStreamName": name, "creationTime": created, "storedBytes": 0}
            if first is not None:
                stream |= {
                    "firstEventTimestamp": first,
                    "lastEventTimestamp": last,
                    "lastIngestionTime": ingested,
                }
            streams.append(stream)
        return streams

    def events(
        self,
        region: str,
        group: str,
        period: tuple[int, int],
        *,
        limit: int,
        after: tuple[int, int] = (-1, -1),
        before: tuple[int, int] | None = None,
        stream: str = "",
    ) -> list[LogEvent]:
        """Events of a period in the order of their time, of one stream or the whole group, after a (time, id)
        pair: the first of them, or with `before` the last before that pair."""
        sql = """
            SELECT e.id, s.name, e.at, e.ingested_at, e.message FROM log_event e
            JOIN log_stream s ON s.id = e.stream_id JOIN log_group g ON g.id = s.group_id
            WHERE g.region = ? AND g.name = ? AND e.at >= ? AND e.at <= ? AND (e.at, e.id) > (?, ?)"""
        values: list[object] = [region, group, *period, *after]
        if stream:
            sql += " AND s.name = ?"
            values.append(stream)
        order = "e.at, e.id"
        if before is not None:
            sql += " AND (e.at, e.id) < (?, ?)"
            values += before
            order = "e.at DESC, e.id DESC"
        rows = self._database.execute(f"{sql} ORDER BY {order} LIMIT ?", *values, limit).fetchall()
        return [LogEvent(*row) for row in (rows if before is None else reversed(rows))]

    def prune(self) -> None:
        """Drops the events whose group no longer retains them."""
        sql = """
            DELETE FROM log_event WHERE id IN (
                SELECT e.id FROM log_event e JOIN log_stream s ON s.id = e.stream_id
                JOIN log_group g ON g.id = s.group_id
                WHERE g.retention_days IS NOT NULL AND e.at < ? - g.retention_days * ?)"""
        self._database.execute(sql, _now(), DAY_MS)


def _now() -> int:
    return int(time.time() * 1000)
