"""Text from elsewhere in Markdown: whatever it is, a reader of Markdown finds text and nothing else."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from cryptoctl.ui.markdown_text import code, plain_text
from cryptoctl.ui.text import printable

READER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
FROM_ELSEWHERE = st.text(alphabet="a_*~`|<>[]()!#&;\\lt\n\x1b ", max_size=12)


def read(line: str) -> list[tuple[str, str]]:
    """What the last cell of a row holds, each with its kind, texts joined."""
    tokens = READER.parse(f"| a | b |\n|---|---|\n| x | {line} |\n")
    *_, cell = [token for token in tokens if token.type == "inline"]
    kinds = [(token.type.removesuffix("_special"), token.content) for token in cell.children or ()]
    if kinds and all(kind == "text" for kind, _ in kinds):
        return [("text", "".join(content for _, content in kinds))]
    return kinds


@given(FROM_ELSEWHERE)
@example("~~not~~ this")
@example("a _b_ &lt;")
def test_it_is_text_where_it_stands_as_text(text: str) -> None:
    assert read(f"x{plain_text(text)}x") == [("text", f"x{printable(text)}x")]


@given(FROM_ELSEWHERE)
def test_it_is_code_where_it_stands_as_code(text: str) -> None:
    shown = printable(text).replace("`", "'").strip()
    assert read(code(text)) == ([("code_inline", shown)] if shown else [])
