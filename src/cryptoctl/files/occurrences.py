"""Which of several equal trades without ids a price is, counted over a whole file in flat memory."""

from __future__ import annotations

import sqlite3
from hashlib import blake2b

from cryptoctl.core.prices import Price
from cryptoctl.files.compression import no_room

MAX_IN_MEMORY = 100_000  # different prices


class Occurrences:
    """Counts prices that are alike; beyond some number of different ones, in a temporary database.

    To be closed by whoever made it.
    """

    def __init__(self, max_in_memory: int = MAX_IN_MEMORY) -> None:
        self._max_in_memory = max_in_memory
        self._counts: dict[bytes, int] = {}
        self._database: sqlite3.Connection | None = None

    def close(self) -> None:
        """Forgets everything."""
        self._counts.clear()
        if self._database is not None:
            self._database.close()

    def number(self, price: Price) -> int:
        """1 for the first price of its like, 2 for the second. Raises Failure where they find no room."""
        likeness = f"{price.symbol}\n{price.exchange}\n{price.price}\n{price.volume}"
        # The time comes first: a file in the order of time then writes where it wrote last.
        key = price.timestamp_ms.to_bytes(8) + blake2b(likeness.encode(), digest_size=16).digest()
        try:
            return self._number(key)
        except sqlite3.Error as error:
            raise no_room("Prices without ids cannot be counted in a temporary file", error) from error

    def _number(self, key: bytes) -> int:
        if self._database is not None:
            return self._count_in_database(self._database, key)
        self._counts[key] = number = self._counts.get(key, 0) + 1
        if len(self._counts) > self._max_in_memory:
            self._database = self._move_to_database()
        return number

    def _move_to_database(self) -> sqlite3.Connection:
        database = sqlite3.connect("", isolation_level=None)  # a file without a name, which goes with it
        database.execute("PRAGMA journal_mode = OFF")
        database.execute("CREATE TABLE seen (key BLOB PRIMARY KEY, number INTEGER) WITHOUT ROWID")
        database.execute("BEGIN")
        database.executemany("INSERT INTO seen VALUES (?, ?)", self._counts.items())
        self._counts.clear()
        return database

    @staticmethod
    def _count_in_database(database: sqlite3.Connection, key: bytes) -> int:
        cursor = database.execute(
            "INSERT INTO seen VALUES (?, 1) ON CONFLICT DO UPDATE SET number = number + 1 RETURNING number",
            (key,),
        )
        return int(cursor.fetchone()[0])
