"""Sentences on a narrow terminal are broken between words, and a command never is."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st
from rich.text import Text

from cryptoctl.ui.wrapping import WORD, wrapped

WORDS = st.lists(st.text("ab界", min_size=1, max_size=12) | st.just("`cryptoctl up -e x`"), max_size=12)


@given(WORDS, st.integers(4, 60), st.none() | st.integers(0, 9))
def test_only_what_is_between_words_changes(words: list[str], width: int, indent: int | None) -> None:
    text = " ".join(words)
    lines = wrapped(Text(text, style="bold"), width, indent)
    assert re.sub(r"\n *", " ", lines.plain) == text
    for line in lines.plain.split("\n"):
        assert Text(line).cell_len <= width or len(WORD.findall(line)) == 1
        assert line == line.rstrip()


def test_what_fits_is_left_as_it_is() -> None:
    text = Text("  as  it is \n  and more")
    assert wrapped(text, 12).plain == text.plain


def test_what_goes_on_below_is_indented_and_keeps_its_style() -> None:
    lines = wrapped(Text.assemble(("! ", "red"), "one two three"), 9)
    assert lines.plain == "! one two\n  three"
    assert [(span.start, span.end, span.style) for span in lines.spans if span.style] == [(0, 2, "red")]
    assert wrapped(Text("a  b cde"), 6, indent=3).plain == "a  b\n   cde"
