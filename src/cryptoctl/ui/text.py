"""Text from elsewhere, made harmless for a line of ours."""

from __future__ import annotations

from decimal import Decimal

# Bidirectional controls can make a line read as what it is not; the line and paragraph separators end one.
_BIDI = frozenset(range(0x2028, 0x202F)) | frozenset(range(0x2066, 0x206A)) | {0x200E, 0x200F, 0x061C}


def printable(text: object) -> str:
    """Text for a part of one line: control characters and line breaks are made visible.

    So no terminal obeys text from the wire, and none of it passes for a line of ours.
    """
    whole = str(text)
    if whole.isprintable():  # as nearly always: then it has none of them
        return whole
    return "".join(each if _harmless(each) else _shown(each) for each in whole)


def _harmless(character: str) -> bool:
    code = ord(character)
    return not (code < 0x20 or 0x7F <= code < 0xA0 or code in _BIDI or 0xD800 <= code < 0xE000)


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
