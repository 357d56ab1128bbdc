"""A first line with a column more or less than the others: what the hint says makes it fit."""

from __future__ import annotations

from pathlib import Path

import pytest

from files.reading import EXPECTED, MS, read, refusal, rows

HEADER = "timestamp,id,price,volume"
LINES = (f"{MS},7,1666.80,26.062", f"{MS + 1},8,1666.79,0.152")


@pytest.mark.parametrize(
    ("header", "lines", "message", "header_then"),
    [
        (HEADER, [f"{line}," for line in LINES], "ends in ',': end line 1 so too.", f"{HEADER},"),
        (
            HEADER,
            [f"{n},{line}" for n, line in enumerate(LINES, 1)],
            "begin it with 'row,'.",
            f"row,{HEADER}",
        ),
        (f"{HEADER},", LINES, "It ends in ',', and those do not: take that out.", HEADER),
    ],
)
def test_the_hint_makes_it_fit(
    tmp_path: Path, header: str, lines: list[str], message: str, header_then: str
) -> None:
    assert message in refusal(tmp_path, "\n".join([header, *lines]))
    assert rows(read(tmp_path, "\n".join([header_then, *lines, ""]))) == EXPECTED


def test_two_columns_of_one_name_are_not_told_apart_by_a_hint(tmp_path: Path) -> None:
    content = f"timestamp,price,size,size\n{MS},1,2,3\n"
    message = refusal(tmp_path, content)
    assert "has more than one column 'size'" in message
    assert "Give each column a name of its own in the first line." in message
    assert rows(read(tmp_path, content, ignore=("size",))) == [(MS, None, 1, 0)]
