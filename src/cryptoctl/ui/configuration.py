"""The configuration's keys."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from cryptoctl.ops.configuration import ConfiguredKey
from cryptoctl.ui.screen import Screen
from cryptoctl.ui.tables import Column

COLUMNS = (
    Column("key", cut=30),
    Column("value", cut=8),
    Column("source", rank=2, cut=16),
    Column("default", rank=3, cut=16),
    Column("meaning", rank=1, cut=24),
)


def show_keys(screen: Screen, keys: Sequence[ConfiguredKey]) -> None:
    """A table of every key."""
    rows = [
        (key.key, _json_value(key.value), key.source, _json_value(key.default), key.meaning) for key in keys
    ]
    screen.table(COLUMNS, rows)


def _json_value(value: Any) -> str:
    return "" if value is None else json.dumps(value, ensure_ascii=False)
