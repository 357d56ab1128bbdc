"""JSON as `json.dumps` writes it with an indent of 2, for which Python has no encoder in C."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from typing import Any

INDENT = "  "
MAX_DEPTH = 20
CONTAINERS = (dict, list, tuple)


def indented(value: Any, default: Callable[[Any], Any], level: int = 0) -> str:
    """The text; `default` gives what is written for a value that JSON has no form of, and no container."""
    if not isinstance(value, CONTAINERS) or not value:
        return json.dumps(value, default=default)
    if level == MAX_DEPTH:  # Python's own goes deeper before it runs out of stack
        return json.dumps(value, indent=len(INDENT), default=default).replace("\n", f"\n{INDENT * level}")
    margin = INDENT * (level + 1)
    values = value.values() if isinstance(value, dict) else value
    if not any(isinstance(each, CONTAINERS) for each in values):
        text = _encoder(margin, default).encode(value)
        return f"{text[0]}\n{margin}{text[1:-1]}\n{INDENT * level}{text[-1]}"
    written = (indented(each, default, level + 1) for each in values)
    if isinstance(value, dict):
        # A key is written as json writes it, whatever its type.
        written = (
            f"{json.dumps({key: 0})[1:-1].removesuffix('0')}{text}"
            for key, text in zip(value, written, strict=True)
        )
    begin, end = "{}" if isinstance(value, dict) else "[]"
    return f"{begin}\n{margin}" + f",\n{margin}".join(written) + f"\n{INDENT * level}{end}"


@cache
def _encoder(margin: str, default: Callable[[Any], Any]) -> json.JSONEncoder:
    return json.JSONEncoder(separators=(f",\n{margin}", ": "), default=default)
