"""Has ministack run functions here: what a queue invokes runs where all else does."""

from __future__ import annotations

from typing import Final

from cryptoctl.local.database import Database
from cryptoctl.local.ministack_adapter import redirect_invocations

SCHEMA: Final[str] = "CREATE TABLE IF NOT EXISTS known_function (name TEXT PRIMARY KEY);"


class Redirect:
    """The functions ministack was told of. It must be told again whenever the engine starts."""

    def __init__(self, database: Database, run_url: str) -> None:
        database.define(SCHEMA)
        self._database = database
        self._url = run_url
        for (name,) in database.execute("SELECT name FROM known_function").fetchall():
            redirect_invocations(name, self._url)

    def created(self, name: str) -> None:
        """Takes up a new function."""
        self._database.execute("INSERT OR IGNORE INTO known_function VALUES (?)", name)
        redirect_invocations(name, self._url)
