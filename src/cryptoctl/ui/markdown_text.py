"""Text from elsewhere in Markdown, as GitHub reads it: text and nothing else."""

from __future__ import annotations

import re

from cryptoctl.ui.text import printable

# What Markdown or HTML could read as more than text.
_MARKUP = re.compile(r"([\\`*_~\[\]<>|#&])")


def plain_text(text: str) -> str:
    """The text in a line or in a table's cell."""
    return _MARKUP.sub(r"\\\1", printable(text))


def code(text: str) -> str:
    """A code span: only its own end, and that of a table's cell, mean anything in it."""
    escaped = printable(text).replace("`", "'").replace("|", r"\|").strip()
    return f"`{escaped}`" if escaped else ""
