"""Records none of which has an id, as some exchanges' interfaces and frames of pandas give them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from cryptoctl.errors import Failure
from cryptoctl.files.reader import PriceFiles, open_files
from cryptoctl.files.sample import Sample
from files.reading import MS, options, read, refusal, refused, rows


def records(*ids: Any) -> str:
    return json.dumps([{"id": trade_id, "price": "23", "qty": "0.5", "time": MS} for trade_id in ids])


@pytest.mark.parametrize("content", [records(None, None), f"id,price,qty,time\n,23,.5,{MS}\n ,23,.5,{MS}\n"])
def test_the_hint_sends_them_without_one(tmp_path: Path, content: str) -> None:
    message = refusal(tmp_path, content)
    assert "Every 'id' of prices.csv is empty, null or no plain value." in message
    assert "Add --ignore id." in message
    assert rows(read(tmp_path, content, ignore=("id",))) == [(MS, None, 23, 0.5)] * 2


def test_what_was_mapped_by_mistake_is_taken_out(tmp_path: Path) -> None:
    message = refusal(tmp_path, records(None, None), mapping={"id": "tid"}, ignore=("id",))
    assert "Every 'tid' of prices.csv is empty, null or no plain value." in message
    assert "Take id=tid out of --map." in message


def test_where_one_has_an_id_or_leaves_it_out_the_others_lines_are_at_fault(tmp_path: Path) -> None:
    assert list(refused(read(tmp_path, records(None, "7", None)))) == [1, 3]
    absent = json.dumps([{"price": "23", "qty": "0.5", "time": MS}, *json.loads(records("", None))])
    assert list(refused(read(tmp_path, absent))) == [2, 3]
    content = f"id,price,timestamp\n,1,{MS}\n7,1,{MS}\n"
    assert refused(read(tmp_path, content)) == {2: "id: is empty"}


def opened_together(directory: Path, *contents: str, ignore: Sequence[str]) -> PriceFiles:
    paths = [directory / f"{number}.json" for number in range(len(contents))]
    for path, content in zip(paths, contents, strict=True):
        path.write_text(content, encoding="utf-8")
    return open_files(paths, options(ignore=ignore))


@pytest.mark.parametrize("useless", [records(None, None), records("", ""), records("0", "0")])
def test_beside_files_whose_ids_are_needed_those_of_another_are_not_dropped(
    tmp_path: Path, useless: str
) -> None:
    useless = useless.replace("23", "24", 1)
    with pytest.raises(Failure) as raised:
        opened_together(tmp_path, records("1", "2"), useless, ignore=("id",))
    assert "--ignore would drop the ids of" in raised.value.message
    assert "0.json, which differ, with those of" in raised.value.message


@pytest.mark.parametrize("other", [records("3", "4"), records("3")])
def test_ids_of_all_files_may_be_dropped(tmp_path: Path, other: str) -> None:
    assert len(opened_together(tmp_path, records("1", "2"), other, ignore=("id",)).files) == 2


def test_a_file_by_itself_is_not_read_once_more_for_ids_that_are_ignored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Sample, "differs", None)
    opened_together(tmp_path, records("0", "0"), ignore=("id",))


def test_an_id_that_cannot_be_computed_is_its_lines_fault(tmp_path: Path) -> None:
    content = json.dumps([{"n": trade_id, "price": "23", "timestamp": MS} for trade_id in (7, "a")])
    assert list(refused(read(tmp_path, content, mapping={"id": "join('-', [n])"}))) == [1]


@pytest.mark.parametrize("end", ["-taker", "-maker", ""])
def test_ids_that_ccxt_makes_of_a_trades_members_make_no_two_trades_one(tmp_path: Path, end: str) -> None:
    content = records(*[f"{MS}-sell-0.5-23{end}"] * 2)
    faults = refused(read(tmp_path, content))
    assert list(faults) == [1, 2]
    assert "two that are alike in these would be one: leave such ids out, with --ignore" in faults[1]
    assert rows(read(tmp_path, content, ignore=("id",))) == [(MS, None, 23, 0.5)] * 2
    other = records(f"{MS}-7", "1-sell-0.5-23")
    assert [row[1] for row in rows(read(tmp_path, other))] == [f"{MS}-7", "1-sell-0.5-23"]
