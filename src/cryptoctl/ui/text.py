"""Text from elsewhere, made harmless for a line of ours."""

from __future__ import annotations

import re
from decimal import Decimal

# Control characters, line ends and halves of pairs; bidirectional controls can make a line read as what it is
# not, and the line and paragraph separators end one.
_HARMFUL = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: object) -> str:
    """Text for a part of one line: control characters and line breaks are made visible.

    So no terminal obeys text from the wire, and none of it passes for a line of ours.
    """
    whole = str(text)
    if whole.isprintable():  # as nearly always: then it has none of them
        return whole
    return _HARMFUL.sub(lambda found: _shown(found[0]), whole)


def _shown(character: str) -> str:
    code = ord(character)
    if character == "\n":
        return "\\n"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def age(milliseconds: int) -> str:
    """A span of time in its two largest units."""
    seconds = max(0, milliseconds) // 1000
    for size, unit, smaller, name in ((86_400, "d", 3600, "h"), (3600, "h", 60, "m"), (60, "m", 1, "s")):
        if seconds >= size:
            rest = seconds % size // smaller
            return f"{seconds // size}{unit} {rest}{name}" if rest else f"{seconds // size}{unit}"
    return f"{seconds}s"


def percent_text(percent: Decimal) -> str:
    """A change with its sign: to a hundredth of a percent, from a million percent on as a power of ten."""
    return f"{percent:+.2f} %" if abs(percent) < 1_000_000 else f"{percent:+.1e} %"
