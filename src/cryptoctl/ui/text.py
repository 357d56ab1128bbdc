"""Text from elsewhere, made harmless for a line of ours."""

from __future__ import annotations

from decimal import Decimal

from cryptoctl.wording import is_seen


def printable(text: object) -> str:
    """Text for a part of one line: what no eye sees, or sees as something else, is made visible.

    So no terminal obeys text from the wire, and none of it passes for a line of ours, reads as what it is not
    or hides in it: control, bidirectional and invisible characters, line ends, halves of pairs.
    """
    string = str(text)
    if is_seen(string):  # as nearly always: then it has none of them
        return string
    return "".join(character if is_seen(character) else _visible(character) for character in string)


def _visible(character: str) -> str:
    code = ord(character)
    if character == "\n":
        return "\\n"
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def age(milliseconds: int) -> str:
    """A span of time in its two largest units."""
    seconds = max(0, milliseconds) // 1000
    for size, unit, smaller, name in ((86_400, "d", 3600, "h"), (3600, "h", 60, "m"), (60, "m", 1, "s")):
        if seconds >= size:
            remainder = seconds % size // smaller
            return f"{seconds // size}{unit} {remainder}{name}" if remainder else f"{seconds // size}{unit}"
    return f"{seconds}s"


def percent_text(percent: Decimal) -> str:
    """A change with its sign: to a hundredth of a percent, from a million percent on as a power of ten."""
    return f"{percent:+.2f} %" if abs(percent) < 1_000_000 else f"{percent:+.1e} %"
