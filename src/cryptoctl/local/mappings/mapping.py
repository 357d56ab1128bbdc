"""A stream mapping as it was asked for, and where it stands; kept in the engine's database."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field, fields
from typing import Any, Final

from cryptoctl.local.database import Database
from cryptoctl.local.http import ACCOUNT

SCHEMA: Final[str] = """
CREATE TABLE IF NOT EXISTS stream_mapping (
    uuid TEXT PRIMARY KEY,
    region TEXT NOT NULL,
    settings TEXT NOT NULL,
    tags TEXT NOT NULL,
    state TEXT NOT NULL,
    changed_at REAL NOT NULL,
    position TEXT,
    last_result TEXT NOT NULL
);
"""
SETTLES_S: Final[float] = 0.2
"""How long a mapping is Creating or Updating. On AWS it is seconds, and clients must be seen to wait."""


@dataclass(kw_only=True)
class EventSourceMapping:
    """One stream mapping. `settings` are Lambda's own fields; `position` says how far the stream is done."""

    uuid: str
    region: str
    settings: dict[str, Any]
    tags: dict[str, str] = field(default_factory=dict)
    state: str = "Creating"
    changed_at: float = field(default_factory=time.time)
    position: dict[str, str] | None = None
    last_result: str = "No records processed"

    @property
    def settled(self) -> bool:
        """Whether it may be changed again."""
        return self.state in ("Enabled", "Disabled") or time.time() - self.changed_at >= SETTLES_S

    @property
    def enabled(self) -> bool:
        """Whether it is to deliver records."""
        return bool(self.settings["Enabled"])

    @property
    def shown_state(self) -> str:
        """The state as Lambda reports it now."""
        if not self.settled:
            return self.state
        return "Enabled" if self.enabled else "Disabled"

    @property
    def arn(self) -> str:
        """The mapping's own ARN, which its tags hang on."""
        return f"arn:aws:lambda:{self.region}:{ACCOUNT}:event-source-mapping:{self.uuid}"

    @property
    def function_name(self) -> str:
        """The function's name, without its qualifier."""
        return str(self.settings["FunctionArn"]).split(":")[6]


_COLUMNS: Final = tuple(column.name for column in fields(EventSourceMapping))
_JSON_COLUMNS: Final = ("settings", "tags", "position")


class MappingStore:
    """All stream mappings."""

    def __init__(self, database: Database) -> None:
        database.define(SCHEMA)
        self._database = database
        self._mappings: dict[str, EventSourceMapping] = {}
        for row in database.execute(f"SELECT {', '.join(_COLUMNS)} FROM stream_mapping"):  # noqa: S608
            columns = dict(zip(_COLUMNS, row, strict=True))
            columns |= {name: json.loads(columns[name] or "null") for name in _JSON_COLUMNS}
            self._mappings[columns["uuid"]] = EventSourceMapping(**columns)

    def all(self) -> list[EventSourceMapping]:
        """Every mapping, oldest first."""
        return list(self._mappings.values())

    def tags(self, region: str) -> dict[str, dict[str, str]]:
        """The tags of a region's mappings, by ARN."""
        return {mapping.arn: mapping.tags for mapping in self._mappings.values() if mapping.region == region}

    def get(self, uuid: str) -> EventSourceMapping | None:
        """One mapping."""
        return self._mappings.get(uuid)

    def save(self, mapping: EventSourceMapping) -> None:
        """Writes a mapping, new or changed."""
        self._mappings[mapping.uuid] = mapping
        columns = {**vars(mapping), **{name: json.dumps(getattr(mapping, name)) for name in _JSON_COLUMNS}}
        sql = "INSERT OR REPLACE INTO stream_mapping VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
        self._database.execute(sql, *columns.values())

    def remove(self, uuid: str) -> None:
        """Forgets a mapping."""
        self._mappings.pop(uuid, None)
        self._database.execute("DELETE FROM stream_mapping WHERE uuid = ?", uuid)

    def advance(
        self, mapping: EventSourceMapping, position: dict[str, str], result: str | None = None
    ) -> None:
        """Notes how far the stream is done, and how the last batch went."""
        mapping.position = position
        mapping.last_result = result or mapping.last_result
        sql = "UPDATE stream_mapping SET position = ?, last_result = ? WHERE uuid = ?"
        self._database.execute(sql, json.dumps(position), mapping.last_result, mapping.uuid)
