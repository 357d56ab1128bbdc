"""The journal: on disk before each step, so that a replay killed at any moment can be finished.

One SQLite file for an environment in its account and region, used by one replay at a time: the lock ends with
its process, however that ends. A journal without a path only keeps track of what is received, on disk to keep
memory flat, and vanishes with its process.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cryptoctl.errors import ExitCode, Failure
from cryptoctl.ops.dead_letters.journal_file import MessageState as MessageState
from cryptoctl.ops.dead_letters.journal_file import open_database, row_digest
from cryptoctl.ops.dead_letters.messages import Message, QueueName
from cryptoctl.ops.times import DAY_MS

# SQS keeps no message longer than this, so an older one cannot be received.
REMEMBERED_MS = 14 * DAY_MS
PAGE = 100

# The webhook processor's first: prices are stored before they are enriched.
_PAGE_OF = """
SELECT * FROM messages WHERE state = ? AND (queue < ? OR queue = ? AND (sent_ms, key) > (?, ?))
ORDER BY queue DESC, sent_ms, key LIMIT ?
"""
_SEALED = "SELECT key, queue, id, body, attributes, sent_ms, receives FROM messages WHERE key = ?"


class Journal:
    """What is received, chosen, begun and done. Safe to use from several threads.

    `identity` is that of the queues (queues.identity): a journal of others is set aside, as a damaged one
    is, and `notice` says so. Raises Failure if another process has it open, or the file cannot be used.
    """

    def __init__(self, path: Path | None = None, identity: str = "") -> None:
        self._lock = threading.RLock()
        self.visibility = threading.Lock()
        """held by whoever changes the visibility of messages: what is released is not extended after that"""
        self.withheld = Counter[QueueName]()
        """how many messages each queue held when it gave out no more"""
        self._db, self.notice = open_database(path, identity)

    def close(self) -> None:
        """Releases the lock."""
        with self._lock:
            self._db.close()

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def add(self, messages: Iterable[tuple[Message, MessageState]], *, extend_ms: int) -> None:
        """Writes down received messages; their visibility timeout is extended at `extend_ms`, since 1970."""
        rows: list[tuple[object, ...]] = []
        for message, state in messages:
            content = (message.key, message.queue, message.id, message.body, json.dumps(message.attributes))
            constant = (*content, message.sent_ms, message.receives)
            rows.append((*constant, message.receipt, extend_ms, state, None, row_digest(*constant, None)))
        # SQS may deliver a message twice; only its latest receipt deletes it.
        self._execute_each(
            "INSERT INTO messages VALUES (?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT (key) DO UPDATE SET "
            "receipt = excluded.receipt, extend_ms = excluded.extend_ms",
            rows,
        )

    def has(self, key: str) -> bool:
        """Whether the message is in the journal."""
        return bool(self._execute("SELECT 1 FROM messages WHERE key = ?", key))

    def messages(self, state: MessageState) -> Iterator[Message]:
        """The messages in that state, in order, a page at a time; their state may change meanwhile."""
        yield from map(_message, self._pages(state))

    def steps(self, state: MessageState) -> Iterator[tuple[Message, dict[str, Any]]]:
        """The messages in that state, in order, each with its step."""
        for row in self._pages(state):
            yield _message(row), json.loads(row["step"])

    def count(self, *states: MessageState) -> int:
        """How many messages are in one of these states."""
        rows = self._execute("SELECT state, count(*) AS n FROM messages GROUP BY state")
        return sum(row["n"] for row in rows if row["state"] in states)

    def count_in_queue(self, queue: QueueName) -> int:
        """How many messages of a queue are in the journal."""
        return int(self._execute("SELECT count(*) AS n FROM messages WHERE queue = ?", queue)[0]["n"])

    def begin(self, key: str, step: dict[str, Any]) -> None:
        """Writes down the step that is about to be run."""
        text = json.dumps(step)
        with self._transaction():
            (row,) = self._execute(_SEALED, key)
            self._execute(
                "UPDATE messages SET state = ?, step = ?, seal = ? WHERE key = ?",
                *(MessageState.BEGUN, text, row_digest(*row, text), key),
            )

    def mark(self, key: str, state: MessageState) -> None:
        """Writes down how far a message has come."""
        self._execute("UPDATE messages SET state = ? WHERE key = ?", state, key)

    def mark_replayed(self, keys: Sequence[str], now_ms: int) -> None:
        """Drops messages that were replayed, but remembers their ids."""
        with self._transaction():
            self._execute_each("DELETE FROM messages WHERE key = ?", [(key,) for key in keys])
            self._execute_each("DELETE FROM failures WHERE key = ?", [(key,) for key in keys])
            self._execute_each(
                "INSERT OR REPLACE INTO settled VALUES (?, ?)", [(key, now_ms) for key in keys]
            )

    def resume_done(self, now_ms: int) -> None:
        """What a killed replay has left undeleted is chosen again, and known to be replayed."""
        with self._transaction():
            done = MessageState.DONE
            self._execute(
                "INSERT OR REPLACE INTO settled SELECT key, ? FROM messages WHERE state = ?", now_ms, done
            )
            self._execute("UPDATE messages SET state = ? WHERE state = ?", MessageState.CHOSEN, done)

    def drop(self, keys: Sequence[str]) -> None:
        """Drops messages that return to their queue."""
        self._execute_each("DELETE FROM messages WHERE key = ?", [(key,) for key in keys])

    def is_replayed(self, key: str) -> bool:
        """Whether the message was replayed before."""
        return bool(self._execute("SELECT 1 FROM settled WHERE key = ?", key))

    def due(self, now_ms: int) -> list[Message]:
        """Some of the messages whose visibility timeout is to be extended."""
        rows = self._execute("SELECT * FROM messages WHERE extend_ms <= ? LIMIT ?", now_ms, PAGE)
        return [_message(row) for row in rows]

    def set_extension_time(self, keys: Sequence[str], extend_ms: int) -> None:
        """Writes down when their visibility timeout is to be extended next."""
        self._execute_each(
            "UPDATE messages SET extend_ms = ? WHERE key = ?", [(extend_ms, key) for key in keys]
        )

    def mark_failed(self, key: str, reason: str, now_ms: int) -> None:
        """Writes down why a message stays in its queue; `peek` shows it."""
        with self._transaction():
            self._execute("UPDATE messages SET state = ? WHERE key = ?", MessageState.FAILED, key)
            rows = self._execute("SELECT step FROM messages WHERE key = ?", key)
            step = rows[0]["step"] if rows else None
            self._execute(
                "INSERT OR REPLACE INTO failures VALUES (?, ?, ?, ?, ?)",
                *(key, reason, now_ms, step, row_digest(key, reason, step)),
            )

    def failures(self) -> dict[str, str]:
        """Why each message stayed at its last replay, by its key."""
        return {row["key"]: row["reason"] for row in self._execute("SELECT key, reason FROM failures")}

    def failed_step(self, key: str) -> dict[str, Any] | None:
        """The step that last failed for a message; None if none did."""
        rows = self._execute("SELECT step FROM failures WHERE key = ? AND step IS NOT NULL", key)
        step: dict[str, Any] | None = json.loads(rows[0]["step"]) if rows else None
        return step

    def write_time(self, name: str, time_ms: int) -> None:
        """Keeps a time of the run itself, since 1970."""
        self._execute("INSERT OR REPLACE INTO notes VALUES (?, ?)", name, str(time_ms))

    def read_time(self, name: str) -> int:
        """That time; 0 if there is none."""
        rows = self._execute("SELECT value FROM notes WHERE name = ?", name)
        return int(rows[0]["value"]) if rows else 0

    def is_imported(self, key: str) -> bool:
        """Whether a line of a file was put back before."""
        return bool(self._execute("SELECT 1 FROM imported WHERE key = ?", key))

    def remember_imported(self, key: str, now_ms: int) -> None:
        """Writes down that a line was put back."""
        self._execute("INSERT OR REPLACE INTO imported VALUES (?, ?)", key, now_ms)

    def forget_imported(self, keys: Iterable[str]) -> None:
        """As if these lines had never been put back."""
        with self._transaction():
            self._db.executemany("DELETE FROM imported WHERE key = ?", ((key,) for key in keys))

    def prune(self, now_ms: int) -> None:
        """Drops what is remembered of messages that no queue can hold any more."""
        self._execute("DELETE FROM settled WHERE at_ms < ?", now_ms - REMEMBERED_MS)
        self._execute("DELETE FROM failures WHERE at_ms < ?", now_ms - REMEMBERED_MS)
        self._execute("DELETE FROM imported WHERE at_ms < ?", now_ms - REMEMBERED_MS)

    def _pages(self, state: MessageState) -> Iterator[sqlite3.Row]:
        position = ("~", -1, "")
        while rows := self._execute(_PAGE_OF, state, position[0], *position, PAGE):
            yield from rows
            position = (rows[-1]["queue"], rows[-1]["sent_ms"], rows[-1]["key"])

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._locked(), self._db:
            self._db.execute("BEGIN")
            yield

    def _execute_each(self, statement: str, rows: Sequence[tuple[object, ...]]) -> None:
        with self._locked():
            self._db.executemany(statement, rows)

    def _execute(self, statement: str, *values: object) -> list[sqlite3.Row]:
        with self._locked():
            return self._db.execute(statement, values).fetchall()

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with self._lock:
            try:
                yield
            except sqlite3.Error as error:
                raise Failure(
                    ExitCode.FAILED,
                    f"The journal cannot be used: {error}.",
                    "Free disk space, or set CRYPTOCTL_STATE_DIR to another directory; then run the same "
                    "command again, which goes on from there.",
                ) from error


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
