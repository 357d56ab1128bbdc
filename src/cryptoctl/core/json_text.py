"""Strict JSON: numbers keep their text, and what other parsers let pass is refused.

Refused: duplicate keys, deep nesting, text that is no UTF-8. NaN and Infinity are numbers that no field
takes. An escaped half of a surrogate pair is written escaped again. Of each element of a list the exact text
can be had as well.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from cryptoctl.core.numbers import JsonNumber

MAX_NESTING = 16
TOO_DEEP = f"nested deeper than {MAX_NESTING} levels"
BYTE_ORDER_MARK = "\ufeff"

# A string, even one that never ends (so that each character is looked at once), or a bracket.
_STRING_OR_BRACKET = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)|[\[\]{}]', re.DOTALL)
_SPACE = re.compile(r"[ \t\n\r]*")
_TWICE = "a key occurs twice in one object"


class JsonError(ValueError):
    """Text that is no JSON we take; the message says why, and never quotes the text."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Element:
    """One element of a list, with its own text as received and what is wrong with it."""

    value: Any
    raw: str
    problems: tuple[str, ...]


class Document:
    """A JSON text and the value it holds, with each number as `number` makes it. Raises JsonError.

    `number` is also given NaN, Infinity and -Infinity, so that they cost nothing where nobody uses them.
    `problems` are the faults that concern only the part they stand in: a key that occurs twice.
    """

    def __init__(self, text: str, number: Callable[[str], Any] = JsonNumber) -> None:
        text = text.removeprefix(BYTE_ORDER_MARK)
        _refuse_what_cannot_be_stored(text)
        _refuse_deep_nesting(text)
        self._text = text
        self._found: list[str] = []
        self._repeats = False  # whether the object that was finished last has a key twice
        self._decoder = json.JSONDecoder(
            object_pairs_hook=self._object,
            parse_float=number,
            parse_int=number,
            parse_constant=number,
        )
        try:
            self.value: Any = self._decoder.decode(text)
        except json.JSONDecodeError as error:
            raise JsonError(f"not JSON: {error.msg} at character {error.pos}") from None
        self.problems = tuple(self._found)
        self._ambiguous = self._repeats  # of the outermost object, which was finished last

    def elements(self, name: str | None = None) -> Iterator[Element]:
        """The elements of a list: of the whole text or, with `name`, of that member of the object.

        Raises JsonError where a member of the object occurs twice, so that none says which list is meant.
        """
        if name is not None and self._ambiguous:
            raise JsonError(_TWICE)
        position = _skip_space(self._text, 0)
        if name is not None:
            position = self._member(position, name)
        position = _skip_space(self._text, position + 1)
        while self._text[position] != "]":
            self._found.clear()
            value, end = self._decoder.raw_decode(self._text, position)
            yield Element(value=value, raw=self._text[position:end], problems=tuple(self._found))
            position = _skip_space(self._text, end)
            if self._text[position] == ",":
                position = _skip_space(self._text, position + 1)

    def _member(self, position: int, name: str) -> int:
        """Where the value of the object's member begins."""
        while True:
            key, end = self._decoder.raw_decode(self._text, _skip_space(self._text, position + 1))
            position = _skip_space(self._text, _skip_space(self._text, end) + 1)
            if key == name:
                return position
            _, end = self._decoder.raw_decode(self._text, position)
            position = _skip_space(self._text, end)

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        members = dict(pairs)
        self._repeats = len(members) != len(pairs)
        if self._repeats:
            self._found.append(_TWICE)
        return members


def dumps(value: Any) -> str:
    """JSON text with each number as it was written. It can always be encoded."""
    if isinstance(value, JsonNumber | Decimal):
        return str(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{dumps(name)}: {dumps(member)}" for name, member in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(dumps, value)) + "]"
    # What has no bytes in UTF-8 is half of a surrogate pair, and JSON's escape for it is Python's.
    return json.dumps(value, ensure_ascii=False).encode(errors="backslashreplace").decode()


def nested_deeper(value: Any, levels: int) -> bool:
    """Whether there are more lists and objects in one another than that; found without recursion."""
    layer = [value]
    for _ in range(levels + 1):
        layer = [node for node in layer if isinstance(node, dict | list)]
        if not layer:
            return False
        layer = [child for node in layer for child in (node.values() if isinstance(node, dict) else node)]
    return True


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
        character = match[0][0]
        depth += (character in "[{") - (character in "]}")
        if depth > MAX_NESTING:
            raise JsonError(TOO_DEEP)
