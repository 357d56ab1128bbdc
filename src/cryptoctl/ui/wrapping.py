"""Sentences broken between words, for a terminal that is narrower than they are."""

from __future__ import annotations

import re

from rich.text import Text

# A command in backticks is one word: whoever copies it from two lines would run its first half.
WORD = re.compile(r"(?:`[^`]*`|\S)+")
HANGING = 2


def wrapped(text: Text, width: int, indent: int | None = None) -> Text:
    """The text with line breaks: every line has at most `width` cells, unless it is one word that has more.

    What does not fit on a line goes on below, `indent` cells from the left; None: two more than it began.
    """
    return Text("\n").join(row for line in text.split("\n") for row in _rows(line, width, indent))


def _rows(line: Text, width: int, indent: int | None) -> list[Text]:
    if line.cell_len <= width:
        return [line]
    first_indent = len(line.plain) - len(line.plain.lstrip()) + HANGING if indent is None else indent
    margin = Text(" " * min(first_indent, width // 2))
    rows: list[Text] = []
    start, end = 0, 0
    for word in WORD.finditer(line.plain):
        room = width - (margin.cell_len if rows else 0)
        if end and line[start : word.end()].cell_len > room:
            rows.append(line[start:end])
            start = word.start()
        end = word.end()
    rows.append(line[start:])
    return [rows[0], *(margin + row for row in rows[1:])]
