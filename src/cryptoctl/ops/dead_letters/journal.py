"""The journal: on disk before each step, so that a replay killed at any moment can be finished.

One SQLite file for an environment in its account and region, held by one replay at a time: the lock ends with
its process, however that ends. A journal without a path is a list of what is held, on disk only to keep
memory flat, and gone with its process.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from cryptoctl.errors import Failure, Problem
from cryptoctl.ops.dead_letters.messages import Message, QueueName

# SQS keeps no message longer than this, so nobody can receive one that is older.
REMEMBERED_MS = 14 * 24 * 3_600_000
PAGE = 100

_SCHEMA = """
CREATE TABLE IF NOT EXISTS letters (
  key TEXT PRIMARY KEY, queue TEXT NOT NULL, id TEXT NOT NULL, body TEXT NOT NULL, attributes TEXT NOT NULL,
  sent_ms INTEGER NOT NULL, receives INTEGER NOT NULL, receipt TEXT NOT NULL, extend_ms INTEGER NOT NULL,
  state TEXT NOT NULL, step TEXT
);
CREATE INDEX IF NOT EXISTS in_order ON letters (state, queue DESC, sent_ms, key);
CREATE INDEX IF NOT EXISTS by_extension ON letters (extend_ms);
CREATE TABLE IF NOT EXISTS settled (key TEXT PRIMARY KEY, at_ms INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS failures (
  key TEXT PRIMARY KEY, reason TEXT NOT NULL, at_ms INTEGER NOT NULL, step TEXT
);
CREATE TABLE IF NOT EXISTS notes (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""


class State(StrEnum):
    """How far a message has come."""

    ASIDE = "aside"
    """held so that it does not hide others; not meant"""
    CHOSEN = "chosen"
    BEGUN = "begun"
    """its step is written down, and may have been taken or not"""
    TRIMMED = "trimmed"
    """a pointer whose records the stream no longer has: to be recovered from the table"""
    DONE = "done"
    """brought back; to be deleted"""
    FAILED = "failed"
    """it stays in the queue"""


@dataclass(frozen=True, kw_only=True)
class Begun:
    """A message whose step may have been taken."""

    message: Message
    step: dict[str, Any]


class Journal:
    """What is held, chosen, begun and done. Safe to use from several threads."""

    def __init__(self, path: Path | None = None) -> None:
        self._lock = threading.RLock()
        self._db = _open(path)

    def close(self) -> None:
        """Lets the lock go."""
        with self._lock:
            self._db.close()

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def keep(self, messages: Iterable[tuple[Message, State]], *, extend_ms: int) -> None:
        """Writes down received messages; their hold is to be extended at `extend_ms`."""
        rows = [
            (
                each.key,
                each.queue,
                each.id,
                each.body,
                json.dumps(each.attributes),
                each.sent_ms,
                each.receives,
                each.receipt,
                extend_ms,
                state,
            )
            for each, state in messages
        ]
        # A message that comes twice, as SQS may do, has a newer receipt: only that one deletes it.
        with self._lock:
            self._db.executemany(
                "INSERT INTO letters VALUES (?,?,?,?,?,?,?,?,?,?,NULL) ON CONFLICT (key) DO UPDATE SET "
                "receipt = excluded.receipt, extend_ms = excluded.extend_ms",
                rows,
            )

    def has(self, key: str) -> bool:
        """Whether the message is in the journal."""
        return bool(self._rows("SELECT 1 FROM letters WHERE key = ?", key))

    def all(self, state: State) -> Iterator[Message]:
        """The messages in that state, in order, a page at a time; they may change their state meanwhile."""
        after = ("~", -1, "")
        while True:
            found = self._rows(
                f"{_SELECT} WHERE state = ? AND (queue < ? OR queue = ? AND (sent_ms, key) > (?, ?)) "
                f"{_IN_ORDER} LIMIT {PAGE}",
                state,
                after[0],
                *after,
            )
            if not found:
                return
            yield from map(_message, found)
            after = (found[-1]["queue"], found[-1]["sent_ms"], found[-1]["key"])

    def begun(self) -> list[Begun]:
        """The messages whose step may have been taken."""
        found = self._rows(f"{_SELECT} WHERE state = ? {_IN_ORDER}", State.BEGUN)
        return [Begun(message=_message(row), step=json.loads(row["step"])) for row in found]

    def count(self, *states: State) -> int:
        """How many messages are in one of these states."""
        found = {
            row["state"]: row["n"]
            for row in self._rows("SELECT state, count(*) AS n FROM letters GROUP BY state")
        }
        return sum(found.get(state, 0) for state in states)

    def held(self, queue: QueueName) -> int:
        """How many messages of a queue are held."""
        return int(self._rows("SELECT count(*) AS n FROM letters WHERE queue = ?", queue)[0]["n"])

    def begin(self, key: str, step: dict[str, Any]) -> None:
        """Writes down what is about to be done."""
        text = json.dumps(step)
        self._do("UPDATE letters SET state = ?, step = ? WHERE key = ?", State.BEGUN, text, key)

    def mark(self, key: str, state: State) -> None:
        """Writes down how far a message has come."""
        self._do("UPDATE letters SET state = ? WHERE key = ?", state, key)

    def settle(self, keys: Sequence[str], now_ms: int) -> None:
        """Forgets deleted messages but for their ids: SQS may deliver one again, which then is no failure."""
        with self._lock, self._whole():
            self._db.executemany("DELETE FROM letters WHERE key = ?", [(key,) for key in keys])
            self._db.executemany("DELETE FROM failures WHERE key = ?", [(key,) for key in keys])
            self._db.executemany("INSERT OR REPLACE INTO settled VALUES (?, ?)", [(k, now_ms) for k in keys])

    def forget(self, keys: Sequence[str]) -> None:
        """Forgets messages that go back to their queue."""
        with self._lock:
            self._db.executemany("DELETE FROM letters WHERE key = ?", [(key,) for key in keys])

    def is_settled(self, key: str) -> bool:
        """Whether the message was brought back before."""
        return bool(self._rows("SELECT 1 FROM settled WHERE key = ?", key))

    def due(self, now_ms: int) -> list[Message]:
        """Some of the messages whose hold is to be extended."""
        return [_message(row) for row in self._rows(f"{_SELECT} WHERE extend_ms <= ? LIMIT {PAGE}", now_ms)]

    def extended(self, keys: Sequence[str], extend_ms: int) -> None:
        """Writes down when their hold is to be extended next."""
        with self._lock:
            self._db.executemany(
                "UPDATE letters SET extend_ms = ? WHERE key = ?", [(extend_ms, key) for key in keys]
            )

    def failed(self, key: str, reason: str, now_ms: int) -> None:
        """Writes down why a message stays where it is; the next look shows it."""
        with self._lock, self._whole():
            self._db.execute("UPDATE letters SET state = ? WHERE key = ?", (State.FAILED, key))
            self._db.execute(
                "INSERT OR REPLACE INTO failures VALUES (?, ?, ?, (SELECT step FROM letters WHERE key = ?))",
                (key, reason, now_ms, key),
            )

    def failures(self) -> dict[str, str]:
        """Why each message stayed at its last replay, by its key."""
        return {row["key"]: row["reason"] for row in self._rows("SELECT key, reason FROM failures")}

    def tried(self, key: str) -> dict[str, Any] | None:
        """The step that was taken for a message in vain, when it was last tried."""
        found = self._rows("SELECT step FROM failures WHERE key = ?", key)
        step: dict[str, Any] | None = json.loads(found[0]["step"]) if found and found[0]["step"] else None
        return step

    def note(self, name: str, value: str) -> None:
        """Keeps a word about the run itself."""
        self._do("INSERT OR REPLACE INTO notes VALUES (?, ?)", name, value)

    def noted(self, name: str) -> str:
        """That word; empty where there is none."""
        found = self._rows("SELECT value FROM notes WHERE name = ?", name)
        return str(found[0]["value"]) if found else ""

    def prune(self, now_ms: int) -> None:
        """Drops what is remembered of messages that no queue can hold any more."""
        self._do("DELETE FROM settled WHERE at_ms < ?", now_ms - REMEMBERED_MS)
        self._do("DELETE FROM failures WHERE at_ms < ?", now_ms - REMEMBERED_MS)

    def _whole(self) -> sqlite3.Connection:
        self._db.execute("BEGIN")
        return self._db

    def _do(self, statement: str, *values: object) -> None:
        with self._lock:
            self._db.execute(statement, values)

    def _rows(self, statement: str, *values: object) -> list[sqlite3.Row]:
        with self._lock:
            return self._db.execute(statement, values).fetchall()


_SELECT = "SELECT * FROM letters"
# Prices are stored first and enriched then.
_IN_ORDER = "ORDER BY queue DESC, sent_ms, key"


def failures(path: Path) -> dict[str, str]:
    """Why each message stayed at its last replay, as far as this machine knows, by the message's key."""
    if not path.is_file():
        return {}
    try:
        with Journal(path) as journal:
            return journal.failures()
    except Failure:  # a replay runs just now
        return {}


def _open(path: Path | None) -> sqlite3.Connection:
    if path is None:
        return _prepared(sqlite3.connect("", isolation_level=None, check_same_thread=False))
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    try:
        db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=0)
        # The lock is taken with the first write and kept for the life of the connection.
        db.execute("PRAGMA locking_mode = EXCLUSIVE")
        db.execute("PRAGMA journal_mode = WAL")
        # A commit survives the end of the process at once, and that of the machine all but the last moment.
        db.execute("PRAGMA synchronous = NORMAL")
        return _prepared(db)
    except sqlite3.OperationalError as error:
        if "locked" not in str(error):
            raise Failure(Problem.FAILED, f"The journal {path} cannot be used: {error}.") from error
        raise Failure(
            Problem.REFUSED,
            "Another replay of this environment runs on this machine. Nothing was changed.",
            "Wait for it, or stop it; what it leaves, the next one finishes.",
        ) from error
    except sqlite3.DatabaseError as error:
        raise Failure(
            Problem.FAILED,
            f"The journal {path} is damaged: {error}. Nothing was changed.",
            "Move it aside; messages that were begun come back to their queue by themselves.",
        ) from error


def _prepared(db: sqlite3.Connection) -> sqlite3.Connection:
    db.row_factory = sqlite3.Row
    db.executescript(_SCHEMA)
    db.execute("BEGIN IMMEDIATE")
    db.execute("COMMIT")
    return db


def _message(row: sqlite3.Row) -> Message:
    return Message(
        queue=QueueName(row["queue"]),
        id=row["id"],
        body=row["body"],
        attributes=json.loads(row["attributes"]),
        sent_ms=row["sent_ms"],
        receives=row["receives"],
        receipt=row["receipt"],
    )
