"""CloudWatch Logs' filter patterns: terms, ?any, -not, quoted strings, %expressions%.

Read from "Filter pattern syntax for metric filters, subscription filters, filter log events, and Live Tail"
in the CloudWatch Logs user guide. JSON selectors and space-delimited patterns are refused: the pipeline
sends none.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

Matcher = Callable[[str], bool]

_TERM: Final = re.compile(
    r'\s*(?P<sign>[?-]?)(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|%(?P<expression>[^%]+)%|(?P<word>[^\s"]+))(?=\s|$)'
)
# "Supported regular expressions (regex) syntax". Without parentheses, none takes exponential time.
_EXPRESSION: Final = re.compile(r"[\w:#=@/;,\-^$?\[\]{}|\\*+.]+", re.ASCII)
_WORD: Final = re.compile(r"\w+")
MAX_LENGTH: Final[int] = 1024


class PatternError(ValueError):
    """A pattern that CloudWatch Logs would refuse."""


def compile_pattern(pattern: str) -> Matcher:
    """A function that says whether a message matches. Raises PatternError."""
    stripped = pattern.strip()
    if len(pattern) > MAX_LENGTH:
        raise PatternError(f"a pattern has at most {MAX_LENGTH} characters")
    if not stripped:
        return lambda _message: True
    if stripped.startswith(("{", "[")):
        raise PatternError("the embedded engine reads no JSON selectors and no space-delimited patterns")
    terms = _terms(stripped)

    def matches(message: str) -> bool:
        if terms[""] or terms["-"]:
            # Beside other terms, those with a question mark are ignored.
            required = all(holds(message) for holds in terms[""])
            return required and not any(holds(message) for holds in terms["-"])
        return any(holds(message) for holds in terms["?"])

    return matches


def _terms(pattern: str) -> dict[str, list[Matcher]]:
    """The terms by their sign: "" for those that must be there, "-" for must not, "?" for any of them."""
    terms: dict[str, list[Matcher]] = {"": [], "-": [], "?": []}
    position = 0
    while position < len(pattern):
        term = _TERM.match(pattern, position)
        if term is None:
            raise PatternError(f"cannot be read from character {position + 1} on")
        terms[term["sign"]].append(_holds(term))
        position = term.end()
    return terms


def _holds(match: re.Match[str]) -> Matcher:
    if match["expression"] is not None:
        if not _EXPRESSION.fullmatch(match["expression"]):
            problem = "an expression has letters, digits, and of other characters only :_#=@/;,-^$?[]{}|\\*+."
            raise PatternError(f"%{match['expression']}%: {problem}")
        try:
            expression = re.compile(match["expression"])
        except re.error as error:
            raise PatternError(f"%{match['expression']}%: {error}") from error
        return lambda message: expression.search(message) is not None
    if match["quoted"] is not None:
        text = re.sub(r"\\(.)", r"\1", match["quoted"])
    else:
        text = match["word"]
        if not _WORD.fullmatch(text):
            raise PatternError(f"Invalid character(s) in term '{text}'; it must be quoted")
    return lambda message: text in message
