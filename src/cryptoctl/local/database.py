"""The engine's own data: one SQLite file, written before an answer is given.

What is committed there survives a `kill -9`: the pages are the kernel's by then. Only a crash of the whole
machine can lose the last moments, never the file.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path


class Database:
    """One connection, used from the engine's one thread."""

    def __init__(self, file: Path) -> None:
        # Transactions are begun by hand: sqlite3's own way commits at moments it chooses.
        self._connection = sqlite3.connect(file, isolation_level=None)
        self._depth = 0
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "temp_store=MEMORY"):
            self._connection.execute(f"PRAGMA {pragma}")

    def check(self) -> None:
        """Raises sqlite3.DatabaseError where the file is damaged."""
        (result,) = self._connection.execute("PRAGMA quick_check(1)").fetchone()
        if result != "ok":
            raise sqlite3.DatabaseError(result)

    def define(self, schema: str) -> None:
        """Creates a part's tables where they do not exist yet."""
        self._connection.executescript(schema)

    def execute(self, sql: str, *values: object) -> sqlite3.Cursor:
        """One statement; on its own it is its own transaction."""
        return self._connection.execute(sql, values)

    def execute_many(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        """One statement for each row, within a transaction."""
        self._connection.executemany(sql, rows)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """All of the block or nothing of it. An inner block is part of the outer one."""
        if self._depth == 0:
            self._connection.execute("BEGIN IMMEDIATE")
        self._depth += 1
        try:
            yield
        except BaseException:
            self._depth -= 1
            if self._depth == 0:
                self._connection.execute("ROLLBACK")
            raise
        self._depth -= 1
        if self._depth == 0:
            self._connection.execute("COMMIT")

    def close(self) -> None:
        """Folds the write-ahead log into the file and closes it."""
        # Without room for that, the next one who opens the file reads the log as well.
        with contextlib.suppress(sqlite3.OperationalError):
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._connection.close()
