"""The regions that somebody has used: work that goes over everything goes over these."""

from __future__ import annotations

from typing import Final

from cryptoctl.local.database import Database
from cryptoctl.local.http import HttpRequest, HttpResponse

SCHEMA: Final[str] = "CREATE TABLE IF NOT EXISTS used_region (name TEXT PRIMARY KEY);"


class Regions:
    """Regions, kept in the engine's database."""

    def __init__(self, database: Database) -> None:
        database.define(SCHEMA)
        self._database = database
        self._seen = {name for (name,) in database.execute("SELECT name FROM used_region").fetchall()}

    def used(self) -> list[str]:
        """Every region that a request was for."""
        return sorted(self._seen)

    def on_forwarded(self, request: HttpRequest, _response: HttpResponse) -> None:
        """Told of each request that ministack answered."""
        if request.region not in self._seen:
            self._seen.add(request.region)
            self._database.execute("INSERT OR IGNORE INTO used_region VALUES (?)", request.region)
