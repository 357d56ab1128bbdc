"""Text from elsewhere in Markdown: whatever it is, a reader of Markdown finds text and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from cryptoctl.ui.markdown_text import code, plain_text
from cryptoctl.ui.text import printable

READER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
AROUND_TEXT = ("<!-- -->", "<span>", "</span>")
FROM_ELSEWHERE = st.text(alphabet="a_*~`|<>[]()!#&;\\lt\n\x1b @$", max_size=12)


def read(line: str) -> list[tuple[str, str]]:
    """What the last cell of a row holds, each with its kind, texts joined."""
    tokens = READER.parse(f"| a | b |\n|---|---|\n| x | {line} |\n")
    *_, cell = [token for token in tokens if token.type == "inline"]
    kinds = [
        (token.type.removesuffix("_special"), token.content)
        for token in cell.children or ()
        if token.content not in AROUND_TEXT
    ]
    if kinds and all(kind == "text" for kind, _ in kinds):
        return [("text", "".join(content for _, content in kinds))]
    return kinds


@given(FROM_ELSEWHERE)
@example("~~not~~ this")
@example("a _b_ &lt;")
def test_it_is_text_where_it_stands_as_text(text: str) -> None:
    assert read(f"x{plain_text(text)}x") == [("text", f"x{printable(text)}x")]


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("alarm @team", "alarm @<!-- -->team"),
        ("(@a/b)", "(@<!-- -->a/b)"),
        ("a $x$", "a <span>$</span>x<span>$</span>"),
        ("ops@example.com, @ 5", "ops@example.com, @ 5"),
    ],
)
def test_it_notifies_nobody_and_is_no_formula(text: str, written: str) -> None:
    """GitHub looks for both in what Markdown has made, where an escaped character is one as any other."""
    assert plain_text(text) == written


@given(FROM_ELSEWHERE)
def test_it_is_code_where_it_stands_as_code(text: str) -> None:
    shown = printable(text).replace("`", "'").strip()
    assert read(code(text)) == ([("code_inline", shown)] if shown else [])
