"""JSON that every reader takes, over several lines or on one; decimals keep all their digits, as strings."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from functools import cache
from typing import Any

INDENT = "  "
MAX_DEPTH = 20
CONTAINERS = (dict, list, tuple)
# Strings are passed over; what is left of these words are numbers that JSON does not have.
_TOKENS = re.compile(r'"(?:[^"\\]|\\.)*"|NaN|-?Infinity')
# A pair of halves is a character; one alone is none. Behind a backslash, another one is only itself.
_ESCAPES = re.compile(r"\\ud[89ab]..\\ud[c-f]..|\\u(d[89a-f]..)|\\.")
UNKNOWN_CHARACTER = r"\ufffd"


def json_text(value: object) -> str:
    """The value with an indent of 2."""
    return strict(indented(value))


def json_line(value: object) -> str:
    """The value on one line."""
    return strict(json.dumps(value, default=plain))


def plain(value: object) -> str:
    """What is written for a value that JSON has no form of."""
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def strict(text: str) -> str:
    """The text with null for NaN and infinities, and U+FFFD for half of a surrogate pair."""
    if "NaN" in text or "Infinity" in text:
        text = _TOKENS.sub(lambda match: match[0] if match[0][0] == '"' else "null", text)
    if r"\ud" in text:
        text = _ESCAPES.sub(lambda match: UNKNOWN_CHARACTER if match[1] else match[0], text)
    return text


def indented(value: Any, level: int = 0) -> str:
    """The text as `json.dumps` writes it with an indent of 2, for which Python has no encoder in C."""
    if not isinstance(value, CONTAINERS) or not value:
        return json.dumps(value, default=plain)
    if level == MAX_DEPTH:  # Python's own goes deeper before it runs out of stack
        return json.dumps(value, indent=len(INDENT), default=plain).replace("\n", f"\n{INDENT * level}")
    margin = INDENT * (level + 1)
    values = value.values() if isinstance(value, dict) else value
    if not any(isinstance(member, CONTAINERS) for member in values):
        text = _encoder(margin).encode(value)
        return f"{text[0]}\n{margin}{text[1:-1]}\n{INDENT * level}{text[-1]}"
    texts = (indented(member, level + 1) for member in values)
    if isinstance(value, dict):
        # A key is written as json writes it, whatever its type.
        texts = (
            f"{json.dumps({key: 0})[1:-1].removesuffix('0')}{text}"
            for key, text in zip(value, texts, strict=True)
        )
    begin, end = "{}" if isinstance(value, dict) else "[]"
    return f"{begin}\n{margin}" + f",\n{margin}".join(texts) + f"\n{INDENT * level}{end}"


@cache
def _encoder(margin: str) -> json.JSONEncoder:
    return json.JSONEncoder(separators=(f",\n{margin}", ": "), default=plain)
