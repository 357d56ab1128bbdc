"""Strict JSON: numbers keep their text, and what other parsers let pass is refused.

Refused: duplicate keys, NaN and Infinity, deep nesting, text that is no UTF-8. Of each element of a list
the exact text can be had as well.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from cryptoctl.core.numbers import JsonNumber

DEEPEST_NESTING = 16

# A string, even one that never ends (so that each character is looked at once), or a bracket.
_STRING_OR_BRACKET = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)|[\[\]{}]', re.DOTALL)
_SPACE = re.compile(r"[ \t\n\r]*")


class JsonError(ValueError):
    """Text that is no JSON we take; the message says why, and never quotes the text."""


def loads(text: str) -> Any:
    """The value that the text holds, with each number as a `JsonNumber`. Raises JsonError."""
    _refuse_what_cannot_be_stored(text)
    _refuse_deep_nesting(text)
    try:
        return _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise JsonError(f"not JSON: {error.msg} at character {error.pos}") from None


def elements(text: str, name: str | None = None) -> Iterator[tuple[Any, str]]:
    """Each element of a list with its own text, as received.

    The list is the whole text or, with `name`, that member of the object. The text has passed `loads`.
    """
    position = _skip_space(text, 0)
    if name is not None:
        position = _member(text, position, name)
    position = _skip_space(text, position + 1)
    while text[position] != "]":
        value, end = _DECODER.raw_decode(text, position)
        yield value, text[position:end]
        position = _skip_space(text, end)
        if text[position] == ",":
            position = _skip_space(text, position + 1)


def _member(text: str, position: int, name: str) -> int:
    """Where the value of the object's member begins."""
    while True:
        key, end = _DECODER.raw_decode(text, _skip_space(text, position + 1))
        position = _skip_space(text, _skip_space(text, end) + 1)
        if key == name:
            return position
        _, end = _DECODER.raw_decode(text, position)
        position = _skip_space(text, end)


def _skip_space(text: str, position: int) -> int:
    match = _SPACE.match(text, position)
    assert match is not None
    return match.end()


def _refuse_what_cannot_be_stored(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise JsonError("not JSON: half of a surrogate pair is no character") from None


def _refuse_deep_nesting(text: str) -> None:
    depth = 0
    for match in _STRING_OR_BRACKET.finditer(text):
        first = match[0][0]
        depth += (first in "[{") - (first in "]}")
        if depth > DEEPEST_NESTING:
            raise JsonError(f"nested deeper than {DEEPEST_NESTING} levels")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise JsonError("a key occurs twice in one object")
    return members


def _refuse_constant(name: str) -> None:
    raise JsonError(f"{name} is no JSON number")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object,
    parse_float=JsonNumber,
    parse_int=JsonNumber,
    parse_constant=_refuse_constant,
)
