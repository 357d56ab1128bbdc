"""stdout and stderr take any text, whatever their encoding."""

from __future__ import annotations

import codecs
import io
import sys

PLAIN = "cryptoctl.plain"
_LIKENESS = {"✓": "ok", "✗": "x", "■": "#", "→": "->", "…": "...", "±": "+-", "×": "x", "“": '"', "”": '"'}
# What is drawn has as many characters as before, so that it stays in its columns.
_LIKENESS |= dict(zip("▁▂▃▄▅▆▇█─━┅│┤┌┐└┘▶▼▲○", "_.,-=+*#--.||++++>v^o", strict=True))
_BRAILLE = range(0x2800, 0x2900)
_UPPER_DOTS, _LOWER_DOTS = 0x1B, 0xE4


def accept_any_text() -> None:
    """What an encoding lacks is written in ASCII: our own symbols by similar ones, the rest as escapes."""
    codecs.register_error(PLAIN, _plain)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=PLAIN)


def _plain(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    unencodable = error.object[error.start : error.end]
    return "".join(map(_ascii, unencodable)), error.end


def _ascii(character: str) -> str:
    if ord(character) in _BRAILLE:
        dots = ord(character) - _BRAILLE.start
        return " .':"[2 * bool(dots & _UPPER_DOTS) + bool(dots & _LOWER_DOTS)]
    return _LIKENESS.get(character) or ascii(character)[1:-1]
