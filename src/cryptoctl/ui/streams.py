"""stdout and stderr take any text, whatever their encoding."""

from __future__ import annotations

import codecs
import io
import sys

_PLAIN = {"✓": "ok", "✗": "x", "■": "#", "→": "->", "…": "...", "±": "+-", "×": "x", "“": '"', "”": '"'}


def accept_any_text() -> None:
    """What an encoding lacks is written in ASCII: our own symbols by similar ones, the rest as escapes."""
    codecs.register_error("cryptoctl.plain", _plain)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="cryptoctl.plain")


def _plain(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    return "".join(_PLAIN.get(each) or ascii(each)[1:-1] for each in lacking), error.end
