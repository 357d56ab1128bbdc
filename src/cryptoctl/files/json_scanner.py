"""JSON as a stream: the texts of its values one after the other, however long the whole is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NoReturn

MAX_VALUE_LENGTH = 4_000_000  # characters of one record; a price has at most some thousand
MAX_LIST_DEPTH = 4  # levels of objects around a list of records

_SPACE = re.compile(r"[ \t\n\r]*")
_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)|[\[\]{}]', re.DOTALL)
_SCALAR_END = re.compile(r"[\s,\[\]{}\":]")


class ScanError(ValueError):
    """The text is not JSON from this line on; the message says what was expected."""


class JsonScanner:
    """Reads values from pieces of text. `line` is the line it has come to, from 1."""

    def __init__(self, chunks: Iterator[str]) -> None:
        self._chunks = chunks
        self._text = ""
        self._at = 0
        self.line = 1

    def peek(self) -> str:
        """The next character that is no space; "" at the end."""
        while True:
            match = _SPACE.match(self._text, self._at)
            assert match is not None
            self._advance(match.end())
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._fill():
                return ""

    def take(self, character: str) -> None:
        """Passes the character. Raises ScanError where another comes."""
        if self.peek() != character:
            self.fail(f"`{character}` is expected")
        self._advance(self._at + 1)

    def value(self, *, keep: bool = True) -> str:
        """The text of the next value; "" of one that is only passed over. Raises ScanError."""
        first = self.peek()
        if first in "{[":
            return self._nested(keep=keep)
        if first == '"':
            return self._string()
        return self._scalar()

    def elements(self) -> Iterator[tuple[int, str]]:
        """The texts of a list's elements, each with its line."""
        for _ in self._items("[", "]"):
            self.peek()
            line = self.line
            yield line, self.value()

    def members(self) -> Iterator[str]:
        """The texts of an object's keys; after each, its value is to be taken."""
        for _ in self._items("{", "}"):
            if self.peek() != '"':
                self.fail("a key in quotation marks is expected")
            key = self._string()
            self.take(":")
            yield key

    def _items(self, opening: str, closing: str) -> Iterator[None]:
        """Passes the brackets and the commas; gives way to the reader of each item between them."""
        self.take(opening)
        if self.peek() != closing:
            yield
        while self.peek() != closing:
            self.take(",")
            yield
        self.take(closing)

    def fail(self, expected: str) -> NoReturn:
        """Raises ScanError for the place it has come to."""
        problem = "the text ends" if not self.peek() else expected
        raise ScanError(f"line {self.line}: {problem}")

    def _nested(self, *, keep: bool) -> str:
        depth, at = 0, self._at
        while True:
            match = _TOKEN.search(self._text, at)
            if match is None or (match[0][0] == '"' and not _closed(match[0])):
                start = len(self._text) if match is None else match.start()
                if not keep and start - self._at > 1 << 16:
                    self._advance(start)
                origin = self._at
                self._check_length()
                if not self._fill():
                    self._advance(len(self._text))
                    self.fail("")
                at = start - origin
                continue
            at = match.end()
            depth += (match[0] in "[{") - (match[0] in "]}")
            if depth == 0:
                return self._cut(at, keep=keep)

    def _string(self) -> str:
        while True:
            match = _TOKEN.match(self._text, self._at)
            if match is not None and _closed(match[0]):
                return self._cut(match.end())
            if len(self._text) - self._at > MAX_VALUE_LENGTH or not self._fill():
                self._advance(len(self._text))
                self.fail("the end of a string is expected")

    def _scalar(self) -> str:
        while (match := _SCALAR_END.search(self._text, self._at)) is None and self._fill():
            self._check_length()
        end = len(self._text) if match is None else match.start()
        if end == self._at:
            self.fail("a value is expected")
        return self._cut(end)

    def _check_length(self) -> None:
        """Raises ScanError where what is held of a value is longer than one may be."""
        if len(self._text) - self._at > MAX_VALUE_LENGTH:
            self.fail(f"a value is longer than {MAX_VALUE_LENGTH} characters")

    def _cut(self, end: int, *, keep: bool = True) -> str:
        text = self._text[self._at : end] if keep else ""
        self._advance(end)
        return text

    def _advance(self, end: int) -> None:
        self.line += self._text.count("\n", self._at, end)
        self._at = end

    def _fill(self) -> bool:
        """Reads on, and lets go of what is behind."""
        chunk = next(self._chunks, "")
        self._text = self._text[self._at :] + chunk
        self._at = 0
        return bool(chunk)


def _closed(token: str) -> bool:
    return len(token) > 1 and token[-1] == '"' and (len(token) - len(token[:-1].rstrip("\\"))) % 2 == 1


def lists(scanner: JsonScanner, path: str = "", depth: int = 1) -> Iterator[tuple[str, str]]:
    """The lists in an object and the objects in it: the path of keys, and the first character inside.

    Keys are as they are written, with their quotation marks taken off, a point between them. The scalars are
    passed over.
    """
    for text in scanner.members():
        key = path + text[1:-1]
        first = scanner.peek()
        if first == "[":
            yield key, _first_inside(scanner)
        elif first == "{" and depth < MAX_LIST_DEPTH:
            yield from lists(scanner, f"{key}.", depth + 1)
        else:
            yield key, ""
            scanner.value(keep=False)


def _first_inside(scanner: JsonScanner) -> str:
    scanner.take("[")
    first = scanner.peek()
    while scanner.peek() != "]":
        scanner.value(keep=False)
        if scanner.peek() != "]":
            scanner.take(",")
    scanner.take("]")
    return first


def lists_at(scanner: JsonScanner, path: str) -> Iterator[Iterator[tuple[int, str]]]:
    """The elements of each list that an object has at a path, as `lists` writes it."""
    for text in scanner.members():
        key = text[1:-1]
        first = scanner.peek()
        if key == path and first == "[":
            yield scanner.elements()
        elif path.startswith(f"{key}.") and first == "{":
            yield from lists_at(scanner, path[len(key) + 1 :])
        else:
            scanner.value(keep=False)
