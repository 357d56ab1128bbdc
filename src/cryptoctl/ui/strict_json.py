"""JSON that every reader takes, of what Python's encoder has written."""

from __future__ import annotations

import re

# Strings are passed over; what is left of these words are numbers that JSON does not have.
_TOKENS = re.compile(r'"(?:[^"\\]|\\.)*"|NaN|-?Infinity')
# A pair of halves is a character; one alone is none. Behind a backslash, another one is only itself.
_ESCAPES = re.compile(r"\\ud[89ab]..\\ud[c-f]..|\\u(d[89a-f]..)|\\.")
UNKNOWN_CHARACTER = r"\ufffd"


def strict(text: str) -> str:
    """The text with null for NaN and infinities, and U+FFFD for half of a surrogate pair."""
    if "NaN" in text or "Infinity" in text:
        text = _TOKENS.sub(lambda found: found[0] if found[0][0] == '"' else "null", text)
    if r"\ud" in text:
        text = _ESCAPES.sub(lambda found: UNKNOWN_CHARACTER if found[1] else found[0], text)
    return text
