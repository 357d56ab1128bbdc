"""What errors of the same kind share."""

from __future__ import annotations

import re

_CLASS = re.compile(r"(?:[A-Za-z_]\w*\.)*([A-Za-z_]\w*(?:Error|Exception|Timeout|Overtaken|Interrupted))\b")
_AWS_CODE = re.compile(r"An error occurred \((\w+)\) when calling")
_PARTICULAR = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
    r"|\d{4}-\d\d-\d\dT\S+|\d+(?:\.\d+)?",
    re.IGNORECASE,
)
MAX_CAUSE_LENGTH = 80


def cause_of(error: str) -> str:
    """The error's class if it names one, else its first line with ids, times and numbers replaced by …."""
    if "Task timed out" in error:
        return "Task timed out"
    match = _AWS_CODE.search(error) or _CLASS.match(error.strip())
    if match:
        return match[1]
    line = next(iter(error.strip().splitlines()), "")
    cause = _PARTICULAR.sub("…", line)
    return cause if len(cause) <= MAX_CAUSE_LENGTH else f"{cause[: MAX_CAUSE_LENGTH - 1]}…"
