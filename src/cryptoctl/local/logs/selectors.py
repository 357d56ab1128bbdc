"""JSON selectors of filter patterns: `{ ($.level = "ERROR" || $.status >= 500) && $.user NOT EXISTS }`."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

Holds = Callable[[Any], bool]

_TOKEN: Final = re.compile(
    r"""\s*(?:
        (?P<text>"(?:[^"\\]|\\.)*")
      | (?P<expression>%[^%]+%)
      | (?P<sign>&&|\|\||!=|>=|<=|=|>|<|\(|\)|\{|\})
      | (?P<selector>\$(?:\.[\w$-]+|\.?\[(?:\*|\d+|"[^"]+"|'[^']+')\])*)
      | (?P<word>[\w.*+/:@-]+)
    )""",
    re.VERBOSE,
)
_STEP: Final = re.compile(r"""\.([\w$-]+)|\.?\[(\*|\d+|"[^"]+"|'[^']+')\]""")
_MISSING: Final = object()


def parse_selector(pattern: str) -> Holds:
    """The predicate of a pattern in braces. Raises ValueError where it cannot be read."""
    parser = _Parser(_tokens(pattern))
    parser.take("{")
    holds = parser.any_of()
    parser.take("}")
    parser.end()
    return holds


def _tokens(pattern: str) -> list[tuple[str, str]]:
    tokens: list[tuple[str, str]] = []
    position = 0
    while pattern[position:].strip():
        found = _TOKEN.match(pattern, position)
        if found is None or found.lastgroup is None:
            raise ValueError(f"cannot be read from character {position + 1} on")
        tokens.append((found.lastgroup, found[found.lastgroup]))
        position = found.end()
    return tokens


class _Parser:
    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens = [*tokens, ("end", "the end")]
        self._at = 0

    def _peek(self) -> str:
        return self._tokens[self._at][1]

    def _next(self) -> tuple[str, str]:
        token = self._tokens[self._at]
        self._at += 1
        return token

    def take(self, sign: str) -> None:
        kind, text = self._next()
        if kind not in ("sign", "word") or text.upper() != sign:
            raise ValueError(f"{sign} expected instead of {text}")

    def end(self) -> None:
        if self._tokens[self._at][0] != "end":
            raise ValueError(f"nothing expected after the closing brace, but {self._peek()}")

    def any_of(self) -> Holds:
        parts = [self._all_of()]
        while self._peek() == "||":
            self._next()
            parts.append(self._all_of())
        return lambda content: any(part(content) for part in parts)

    def _all_of(self) -> Holds:
        parts = [self._one()]
        while self._peek() == "&&":
            self._next()
            parts.append(self._one())
        return lambda content: all(part(content) for part in parts)

    def _one(self) -> Holds:
        if self._peek() == "(":
            self._next()
            inner = self.any_of()
            self.take(")")
            return inner
        kind, selector = self._next()
        if kind != "selector":
            raise ValueError(f"a property such as $.level expected instead of {selector}")
        return self._condition(_path(selector))

    def _condition(self, path: list[str | int]) -> Holds:
        kind, sign = self._next()
        if kind == "sign" and sign in _COMPARISONS:
            holds = _COMPARISONS[sign](*self._next())
            return lambda content: any(holds(found) for found in _select(content, path))
        word = sign.upper()
        if word == "IS":
            wanted = _CONSTANTS.get(self._next()[1].upper(), _MISSING)
            if wanted is _MISSING:
                raise ValueError("TRUE, FALSE or NULL expected after IS")
            return lambda content: any(found is wanted for found in _select(content, path))
        if word == "NOT":
            self.take("EXISTS")
            return lambda content: not _select(content, path)
        if word == "EXISTS":
            return lambda content: bool(_select(content, path))
        raise ValueError(f"a comparison expected instead of {sign}")


def _path(selector: str) -> list[str | int]:
    steps: list[str | int] = []
    for name, index in _STEP.findall(selector[1:]):
        if name:
            steps.append(name)
        elif index == "*":
            steps.append(-1)
        else:
            steps.append(int(index) if index.isdigit() else index[1:-1])
    return steps


def _select(content: Any, path: list[str | int]) -> list[Any]:
    """Every value the path leads to; none where it leads nowhere."""
    found = [content]
    for step in path:
        if isinstance(step, str):
            found = [each[step] for each in found if isinstance(each, dict) and step in each]
        elif step == -1:
            found = [inner for each in found if isinstance(each, list) for inner in each]
        else:
            found = [each[step] for each in found if isinstance(each, list) and step < len(each)]
    return found


def _equals(kind: str, text: str) -> Holds:
    if kind == "expression":
        expression = re.compile(text[1:-1])
        return lambda found: isinstance(found, str) and expression.search(found) is not None
    literal = re.sub(r"\\(.)", r"\1", text[1:-1]) if kind == "text" else text
    number = _number(text) if kind == "word" else None
    wildcard = re.compile(".*".join(map(re.escape, literal.split("*"))), re.DOTALL)

    def holds(found: Any) -> bool:
        if isinstance(found, str):
            return wildcard.fullmatch(found) is not None
        return number is not None and _is_number(found) and found == number

    return holds


def _differs(kind: str, text: str) -> Holds:
    equal = _equals(kind, text)
    return lambda found: not equal(found)


def _ordered(compare: Callable[[float, float], bool]) -> Callable[[str, str], Holds]:
    def make(_kind: str, text: str) -> Holds:
        limit = _number(text)
        if limit is None:
            raise ValueError(f"a number expected instead of {text}")
        return lambda found: _is_number(found) and compare(found, limit)

    return make


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _is_number(found: Any) -> bool:
    return isinstance(found, (int, float)) and not isinstance(found, bool)


_CONSTANTS: Final[dict[str, Any]] = {"TRUE": True, "FALSE": False, "NULL": None}
_COMPARISONS: Final[dict[str, Callable[[str, str], Holds]]] = {
    "=": _equals,
    "!=": _differs,
    ">": _ordered(lambda found, limit: found > limit),
    ">=": _ordered(lambda found, limit: found >= limit),
    "<": _ordered(lambda found, limit: found < limit),
    "<=": _ordered(lambda found, limit: found <= limit),
}
