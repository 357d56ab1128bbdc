"""JSON in any usual form is read with all its digits, and what is broken or leaves a choice is refused."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cryptoctl.files.json_scanner import JsonScanner, ScanError
from files.reading import MS, ONE, TWO, read, refusal, refused, rows


@pytest.mark.parametrize(
    "content",
    [
        f"{ONE}\n{TWO}\n",
        f"\n{ONE}\r\n\r\n{TWO}",
        f"{ONE}{TWO}",
        f"[{ONE},{TWO}]",
        f"[\n  {ONE},\n  {TWO}\n]\n",
        f"[{ONE},\n{TWO}]",
        f'{{"prices": [{ONE}, {TWO}], "next": null}}',
        f'{{"code": 0, "data": {{"list": [{ONE}, {TWO}], "empty": []}}}}',
        f"{ONE}\n{TWO}\n".replace(", ", ",\n "),
        ONE.replace(", ", ",\n ") + "\n" + TWO,
    ],
)
def test_json_in_any_usual_form(tmp_path: Path, content: str) -> None:
    assert rows(read(tmp_path, content)) == [(MS, None, Decimal("1.1"), 0), (MS + 1, "7", 2, 0)]


def test_json_of_one_record(tmp_path: Path) -> None:
    for content in (
        ONE,
        ONE.replace(", ", ",\n"),
        f"[{ONE}]",
        f'{{"data": [{ONE}]}}',
        f'{{"data":\n[{ONE}]}}',
    ):
        assert rows(read(tmp_path, content)) == [(MS, None, Decimal("1.1"), 0)]


def test_numbers_keep_the_digits_that_a_float_would_lose(tmp_path: Path) -> None:
    content = f'[{{"price": 0.1000000000000000055511, "timestamp": {MS}, "volume": 1e-8}}]'
    assert rows(read(tmp_path, content)) == [(MS, None, Decimal("0.1000000000000000055511"), Decimal("1e-8"))]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (f"[{ONE},{TWO[:20]}", "the text ends"),
        (f"[{ONE} {TWO}]", "`,` is expected"),
        (f"[{ONE}] x", "the end of the file is expected"),
        (f'{{"a": [{ONE}], "b": [{TWO}]}}', "--records a, --records b"),
        (f'{{"a": [{ONE}], "b" [{TWO}]}}', "`:` is expected"),
        (f"[{ONE}][{TWO}]", "another list begins in line 1, after the end of the first. Join them into one"),
        (f"[\n{ONE}\n]\n[\n{TWO}\n]\n", "another list begins in line 4"),
        (f"[{ONE}]\n[{TWO}]\n", "its first, 1, is a list of records: put all into one list"),
        (f"{ONE},\n{TWO},\n", "in line 1, a comma stands where no list is open. Take such commas out"),
        (f"{ONE},\n{TWO}\n", "in line 1, a comma stands where no list is open"),
        (f"[{MS},1],\n[{MS},2],\n", "in line 1, a comma stands where no list is open"),
        (ONE.replace(", ", ",\n") + ",\n" + TWO, "in line 2, a comma stands where no list is open"),
    ],
)
def test_json_that_is_broken_or_leaves_a_choice_is_refused(
    tmp_path: Path, content: str, message: str
) -> None:
    assert message in refusal(tmp_path, content)


def test_a_list_can_be_chosen(tmp_path: Path) -> None:
    content = f'{{"a": [{ONE}], "b": {{"c": [{TWO}]}}}}'
    assert rows(read(tmp_path, content, records="b.c")) == [(MS + 1, "7", 2, 0)]
    assert "no list of records at 'b'" in refusal(tmp_path, content, records="b")


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ("5", "must be a JSON object"),
        ("[1]", "must be a JSON object"),
        ('{"price": 1, "price": 2}', "occurs twice"),
        ('{"price": NaN}', "NaN"),
        (f'{{"price": null, "timestamp": {MS}}}', "price: is null"),
        (f'{{"price": [1], "timestamp": {MS}}}', "price: must be a number"),
        (f'{{"price": 1, "timestamp": {MS}, "id": null}}', "id: is null: leave it out where there is none"),
        (f'{{"price": 1, "timestamp": {MS}, "id": 1.2e9}}', "scientific notation"),
        ('{"price": 1}', "timestamp: is missing"),
    ],
)
def test_a_fault_in_a_record_is_its_own(tmp_path: Path, record: str, reason: str) -> None:
    lines = read(tmp_path, f"[{ONE}, {record}, {TWO}]")
    assert list(refused(lines)) == [2]
    assert reason in refused(lines)[2]
    assert len(lines) == 3


def test_a_broken_json_line_is_refused_alone(tmp_path: Path) -> None:
    lines = read(tmp_path, f"{ONE}\n{TWO[:25]}\n{TWO}\n", "a.jsonl")
    assert list(refused(lines)) == [2]
    assert len(lines) == 3
    lines = read(tmp_path, f'{{"a":{{}},\n{ONE}\n{TWO}\n', "a.jsonl")
    assert list(refused(lines)) == [1]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=20,
)


@given(st.lists(json_values, max_size=6), st.integers(1, 7), st.sampled_from([None, 1]))
def test_the_elements_of_a_list_are_found_in_pieces_of_any_length(
    values: list[Any], length: int, indent: int | None
) -> None:
    import json

    text = json.dumps(values, indent=indent, ensure_ascii=False)
    pieces = [text[start : start + length] for start in range(0, len(text), length)]
    elements = [json.loads(element) for _, element in JsonScanner(iter(pieces)).elements()]
    assert elements == values


@given(st.text('[]{}",:1a\\ \n', max_size=20), st.integers(1, 5))
def test_any_text_is_scanned_to_its_end_or_fails_with_a_line(text: str, length: int) -> None:
    pieces = [text[start : start + length] for start in range(0, len(text), length)]
    scanner = JsonScanner(iter(pieces))
    try:
        while scanner.peek():
            scanner.value()
    except ScanError as error:
        assert "line" in str(error)


@pytest.mark.parametrize("end", ["]", ""])
def test_a_message_of_another_kind_among_lists_is_its_line_s_fault(tmp_path: Path, end: str) -> None:
    """As a feed writes them down: its heartbeats are objects."""
    lines = ['{"event":"heartbeat"}', f"[{MS},42000.1]", f"[{MS + 1},42000.2]"]
    text = "[" + ",".join(lines) + "]" if end else "\n".join(lines)
    records = read(tmp_path, text, columns=("timestamp", "price"))
    assert [row[0] for row in rows(records[1:])] == [MS, MS + 1]
    assert refused(records) == {1: "must be a JSON list, as the other records are"}
    assert "--columns cannot apply" in refusal(
        tmp_path, '{"price":1}\n{"price":2}\n[1,2]\n', columns=("timestamp", "price")
    )


@pytest.mark.parametrize("content", ["[]", " [ ]\n", '{"code": "0", "data": []}'])
def test_an_empty_list_has_nothing_to_ask_about(tmp_path: Path, content: str) -> None:
    assert refusal(tmp_path, content) == "prices.csv holds an empty list. Is it the right file?"
