"""Records none of which has an id, as some exchanges' interfaces and frames of pandas give them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from files.reading import MS, read, refusal, refused, rows


def records(*ids: Any) -> str:
    return json.dumps([{"id": each, "price": "23", "qty": "0.5", "time": MS} for each in ids])


@pytest.mark.parametrize("content", [records(None, None), f"id,price,qty,time\n,23,.5,{MS}\n ,23,.5,{MS}\n"])
def test_the_hint_sends_them_without_one(tmp_path: Path, content: str) -> None:
    told = refusal(tmp_path, content)
    assert "Every 'id' of prices.csv is empty, null or no plain value." in told
    assert "Add --ignore id." in told
    assert rows(read(tmp_path, content, ignore=("id",))) == [(MS, None, 23, 0.5)] * 2


def test_what_was_mapped_by_mistake_is_taken_out(tmp_path: Path) -> None:
    told = refusal(tmp_path, records(None, None), mapping={"id": "tid"}, ignore=("id",))
    assert "Every 'tid' of prices.csv is empty, null or no plain value." in told
    assert "Take id=tid out of --map." in told


def test_where_one_has_an_id_or_leaves_it_out_the_others_lines_are_at_fault(tmp_path: Path) -> None:
    assert list(refused(read(tmp_path, records(None, "7", None)))) == [1, 3]
    absent = json.dumps([{"price": "23", "qty": "0.5", "time": MS}, *json.loads(records("", None))])
    assert list(refused(read(tmp_path, absent))) == [2, 3]
    content = f"id,price,timestamp\n,1,{MS}\n7,1,{MS}\n"
    assert refused(read(tmp_path, content)) == {2: "id: is empty"}
