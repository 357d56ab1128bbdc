"""What would have left this machine: messages to people and places outside, kept instead of sent."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from cryptoctl.local.errors import EngineError

SCHEMA: Final[str] = """
CREATE TABLE IF NOT EXISTS outbox (
    id INTEGER PRIMARY KEY,
    at REAL NOT NULL,
    region TEXT NOT NULL,
    protocol TEXT NOT NULL,
    recipient TEXT NOT NULL,
    topic TEXT NOT NULL,
    subject TEXT NOT NULL,
    text TEXT NOT NULL
);
"""


@dataclass(frozen=True)
class OutboxMessage:
    """A message that AWS would have sent. `text` is what its recipient would have read."""

    at: datetime
    region: str
    protocol: str
    recipient: str
    topic: str
    subject: str
    text: str


def read_outbox(file: Path, last: int) -> list[OutboxMessage]:
    """The newest messages of an engine's database, oldest first. The engine need not run."""
    if not file.exists():
        return []
    sql = "SELECT at, region, protocol, recipient, topic, subject, text FROM outbox ORDER BY id DESC LIMIT ?"
    try:
        with closing(sqlite3.connect(file, timeout=5.0)) as database:
            rows = database.execute(sql, (last,)).fetchall()
    except sqlite3.DatabaseError as error:
        if "no such table" in str(error):
            return []
        raise EngineError(
            f"Reading the outbox of the embedded engine in {file.parent}: {error}.",
            hint="Start the engine: it keeps a damaged file aside and says so.",
        ) from error
    return [OutboxMessage(datetime.fromtimestamp(at, UTC), *fields) for at, *fields in reversed(rows)]
