"""DynamoDB's expression language: from text to a tree, with names and values put in their places.

From "Using expressions in DynamoDB" in the DynamoDB developer guide.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from cryptoctl.local.ministack_adapter import reserved_words
from cryptoctl.local.tables.values import Value, invalid, normal

_TOKEN: Final = re.compile(
    r"\s*(?:(?P<name>[#:]\w+|[A-Za-z_]\w*)|(?P<digits>\d+)|(?P<sign><>|<=|>=|[=<>()\[\],.+-]))"
)
LONGEST: Final[int] = 4096


@dataclass(frozen=True)
class Path:
    """Where a value is: an attribute, then names of members and indexes of elements."""

    steps: tuple[str | int, ...]


@dataclass(frozen=True)
class Literal:
    """A value from ExpressionAttributeValues."""

    value: Value


@dataclass(frozen=True)
class FunctionCall:
    """A function and its operands."""

    name: str
    operands: tuple[Any, ...]


@dataclass(frozen=True)
class Compare:
    """A comparison, BETWEEN or IN: an operator and its operands."""

    sign: str
    operands: tuple[Any, ...]


@dataclass(frozen=True)
class Logic:
    """AND, OR or NOT of conditions."""

    sign: str
    parts: tuple[Any, ...]


class Names:
    """The placeholders of one request. Each must be defined, and each that is defined must be used."""

    def __init__(self, names: Mapping[str, str] | None, values: Mapping[str, Any] | None) -> None:
        self._names = dict(names or {})
        self._values = {name: normal(value) for name, value in (values or {}).items()}
        self._unused = {*self._names, *self._values}

    def attribute(self, word: str, kind: str) -> str:
        """The attribute a word stands for."""
        if word.startswith("#"):
            self._unused.discard(word)
            if word not in self._names:
                raise invalid(
                    f"An expression attribute name used in the document path is not defined; name: {word}"
                )
            return self._names[word]
        if word.upper() in reserved_words():
            problem = "Attribute name is a reserved keyword; reserved keyword"
            raise invalid(f"Invalid {kind}: {problem}: {word}")
        return word

    def value(self, word: str) -> Value:
        """The value a word stands for."""
        self._unused.discard(word)
        if word not in self._values:
            raise invalid(
                f"An expression attribute value used in expression is not defined; attribute value: {word}"
            )
        return self._values[word]

    def check_all_used(self) -> None:
        """Raises ServiceError where a placeholder was defined for nothing."""
        if self._unused:
            unused = sorted(self._unused)
            kind = "Names" if unused[0].startswith("#") else "Values"
            listed = ", ".join(unused)
            raise invalid(
                f"Value provided in ExpressionAttribute{kind} unused in expressions: keys: {{{listed}}}"
            )


class Tokens:
    """An expression, word by word."""

    def __init__(self, text: str, kind: str, names: Names) -> None:
        self.kind = kind
        self.names = names
        if not text.strip():
            raise invalid(f"Invalid {kind}: The expression can not be empty;")
        if len(text.encode()) > LONGEST:
            raise invalid(f"Invalid {kind}: Expression size has exceeded the maximum allowed size;")
        self._words: list[str] = []
        position = 0
        while text[position:].strip():
            found = _TOKEN.match(text, position)
            if found is None:
                raise self.wrong(text[position:].strip()[0])
            self._words.append(found[0].strip())
            position = found.end()
        self._at = 0

    def wrong(self, word: str) -> Exception:
        """The refusal of a word that does not belong where it stands."""
        return invalid(f'Invalid {self.kind}: Syntax error; token: "{word or "<EOF>"}"')

    def peek(self, ahead: int = 0) -> str:
        """The word that comes, in upper case; empty at the end."""
        return self._words[self._at + ahead].upper() if self._at + ahead < len(self._words) else ""

    def next(self) -> str:
        """Takes the word that comes."""
        if self._at >= len(self._words):
            raise self.wrong("")
        self._at += 1
        return self._words[self._at - 1]

    def accept(self, word: str) -> bool:
        """Takes the word if it is the one that comes."""
        if self.peek() == word:
            self._at += 1
            return True
        return False

    def expect(self, word: str) -> None:
        """Takes the word, which must come."""
        if not self.accept(word):
            raise self.wrong(self.peek())

    def end(self) -> None:
        """Nothing more may come."""
        if self.peek():
            raise self.wrong(self.peek())


_FUNCTIONS: Final[dict[str, tuple[int, ...]]] = {
    "attribute_exists": (1,),
    "attribute_not_exists": (1,),
    "attribute_type": (2,),
    "begins_with": (2,),
    "contains": (2,),
    "size": (1,),
    "if_not_exists": (2,),
    "list_append": (2,),
}


def parse_condition(text: str, kind: str, names: Names) -> Any:
    """The tree of a condition, filter or key condition."""
    tokens = Tokens(text, kind, names)
    tree = _any_of(tokens)
    tokens.end()
    return tree


def _any_of(tokens: Tokens) -> Any:
    parts = [_all_of(tokens)]
    while tokens.accept("OR"):
        parts.append(_all_of(tokens))
    return parts[0] if len(parts) == 1 else Logic("OR", tuple(parts))


def _all_of(tokens: Tokens) -> Any:
    parts = [_negated(tokens)]
    while tokens.accept("AND"):
        parts.append(_negated(tokens))
    return parts[0] if len(parts) == 1 else Logic("AND", tuple(parts))


def _negated(tokens: Tokens) -> Any:
    if tokens.accept("NOT"):
        return Logic("NOT", (_negated(tokens),))
    if tokens.accept("("):
        tree = _any_of(tokens)
        tokens.expect(")")
        return tree
    return _comparison(tokens)


def _comparison(tokens: Tokens) -> Any:
    left = operand(tokens)
    sign = tokens.peek()
    if sign in ("=", "<>", "<", "<=", ">", ">="):
        tokens.next()
        return Compare(sign, (left, operand(tokens)))
    if tokens.accept("BETWEEN"):
        low = operand(tokens)
        tokens.expect("AND")
        return Compare("BETWEEN", (left, low, operand(tokens)))
    if tokens.accept("IN"):
        tokens.expect("(")
        options = [operand(tokens)]
        while tokens.accept(","):
            options.append(operand(tokens))
        tokens.expect(")")
        return Compare("IN", (left, *options))
    if isinstance(left, FunctionCall) and left.name != "size":
        return left
    raise tokens.wrong(sign)


def operand(tokens: Tokens) -> Any:
    """A path, a value or a function's call."""
    word = tokens.next()
    if word.startswith(":"):
        return Literal(tokens.names.value(word))
    if word.lower() in _FUNCTIONS and tokens.peek() == "(":
        return _call(tokens, word)
    return path(tokens, word)


def _call(tokens: Tokens, name: str) -> FunctionCall:
    if name not in _FUNCTIONS:
        raise invalid(f"Invalid {tokens.kind}: Invalid function name; function: {name}")
    tokens.expect("(")
    operands = [operand(tokens)]
    while tokens.accept(","):
        operands.append(operand(tokens))
    tokens.expect(")")
    if len(operands) not in _FUNCTIONS[name]:
        raise invalid(
            f"Invalid {tokens.kind}: Incorrect number of operands for operator or function; "
            f"operator or function: {name}, number of operands: {len(operands)}"
        )
    return FunctionCall(name, tuple(operands))


def path(tokens: Tokens, word: str | None = None) -> Path:
    """A document path such as `a.b[0]`."""
    first = tokens.next() if word is None else word
    steps: list[str | int] = [_name(tokens, first)]
    while True:
        if tokens.accept("."):
            steps.append(_name(tokens, tokens.next()))
        elif tokens.accept("["):
            steps.append(int(tokens.next()))
            tokens.expect("]")
        else:
            return Path(tuple(steps))


def _name(tokens: Tokens, word: str) -> str:
    if not re.fullmatch(r"#\w+|[A-Za-z_]\w*", word):
        raise tokens.wrong(word)
    return tokens.names.attribute(word, tokens.kind)


def parse_projection(text: str, names: Names) -> list[Path]:
    """The paths of a projection."""
    tokens = Tokens(text, "ProjectionExpression", names)
    paths = [path(tokens)]
    while tokens.accept(","):
        paths.append(path(tokens))
    tokens.end()
    return paths
