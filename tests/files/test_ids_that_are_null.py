"""Records all of whose ids are null, as some exchanges' interfaces give them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from files.reading import MS, read, refusal, refused, rows


def records(*ids: Any) -> str:
    return json.dumps([{"id": each, "price": "23", "qty": "0.5", "time": MS} for each in ids])


def test_the_hint_sends_them_without_one(tmp_path: Path) -> None:
    told = refusal(tmp_path, records(None, None))
    assert "Every 'id' of prices.csv is null" in told
    assert "Add --ignore id." in told
    assert rows(read(tmp_path, records(None, None), ignore=("id",))) == [(MS, None, 23, 0.5)] * 2


def test_where_one_has_an_id_the_others_lines_are_at_fault(tmp_path: Path) -> None:
    assert list(refused(read(tmp_path, records(None, "7", None)))) == [1, 3]
