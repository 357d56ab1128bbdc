"""Text from elsewhere in Markdown, as GitHub reads it: text and nothing else."""

from __future__ import annotations

import re

from cryptoctl.ui.text import printable

# What Markdown or HTML could read as more than text.
_MARKUP = re.compile(r"([\\`*_~\[\]<>|#&])")
# GitHub takes the one for a person to be notified, the other for a formula, behind a backslash too.
_MENTION = re.compile(r"(?<!\w)@(?=\w)")
_FORMULA = "$"


def plain_text(text: str) -> str:
    """The text in a line or in a table's cell."""
    escaped = _MARKUP.sub(r"\\\1", printable(text))
    return _MENTION.sub("@<!-- -->", escaped).replace(_FORMULA, f"<span>{_FORMULA}</span>")


def code(text: str) -> str:
    """A code span: only its own end, and that of a table's cell, mean anything in it."""
    escaped = printable(text).replace("`", "'").replace("|", r"\|").strip()
    return f"`{escaped}`" if escaped else ""
