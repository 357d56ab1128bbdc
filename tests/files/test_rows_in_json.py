"""A JSON list of rows, the first of which has the names, as spreadsheets' interfaces give it."""

from __future__ import annotations

from pathlib import Path

import pytest

from cryptoctl.files.outgoing import BadLine
from files.reading import EXPECTED, MS, read, refusal, rows

NAMES = '["timestamp", "id", "price", "volume"]'
ROWS = f'[{MS}, "7", "1666.80", 26.062], ["{MS + 1}", 8, 1666.79, "0.152"]'


@pytest.mark.parametrize(
    "content", [f"[{NAMES}, {ROWS}]", f'{{"range": "A1:D3", "values": [{NAMES},\n{ROWS}]}}']
)
def test_the_first_row_names_the_columns_of_the_others(tmp_path: Path, content: str) -> None:
    lines = read(tmp_path, content)
    assert rows(lines) == EXPECTED
    assert [line.line for line in lines] == [2, 3]


def test_a_row_of_another_width_is_refused_by_its_number(tmp_path: Path) -> None:
    lines = read(tmp_path, f'[{NAMES}, {ROWS}, [{MS}, "9", 1]]')
    assert rows(lines[:2]) == EXPECTED
    assert isinstance(lines[2], BadLine)
    assert lines[2].line == 4


def test_names_that_leave_a_field_open_are_asked_about(tmp_path: Path) -> None:
    assert "'qty' looks like a quantity and is used for nothing" in refusal(
        tmp_path, f'[["timestamp", "id", "price", "qty"], {ROWS}]'
    )


def test_rows_one_after_the_other_may_be_of_several_files_and_their_first_names_nothing(
    tmp_path: Path,
) -> None:
    assert "its shape alone does not tell" in refusal(
        tmp_path, f"{NAMES}\n" + ROWS.replace("], [", "]\n[") + "\n"
    )


@pytest.mark.parametrize("first", [f'{{"timestamp": {MS}, "price": 2}}', '[["a"], "b"]'])
def test_a_first_record_that_is_no_row_is_not_passed_over_for_the_row_of_names(
    tmp_path: Path, first: str
) -> None:
    assert "its shape alone does not tell" in refusal(tmp_path, f"[{first}, {NAMES}, {ROWS}]")
