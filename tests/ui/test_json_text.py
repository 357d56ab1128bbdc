"""What a command writes as JSON: indented as `json.dumps` does it, and readable by every parser of JSON."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cryptoctl.ui.json_text import MAX_DEPTH, indented, plain, strict
from cryptoctl.ui.screen import Screen

HALVES = st.integers(0xD800, 0xDFFF).map(chr)
PIECES = (
    st.sampled_from(["\U0001f600", "\\", "ud800", '"', "u", "d", "8", "0", "NaN", "Infinity", "-", "\n"])
    | HALVES
)
TEXTS = st.lists(PIECES, max_size=8).map("".join) | st.text(max_size=5)
VALUES = st.recursive(
    st.floats() | TEXTS | st.integers() | st.none(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=10,
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.decimals()
KEYS = st.text(max_size=5) | st.integers() | st.booleans() | st.none() | st.floats()
SERIALISABLE = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.tuples(inner, inner) | st.dictionaries(KEYS, inner, max_size=4)
    ),
    max_leaves=20,
)


def refused(text: str) -> None:
    raise AssertionError(f"{text} is not JSON")


def legal(value: Any) -> Any:
    """What is to be read of a value."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str):
        # A half beside its other half is read as one character.
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if isinstance(value, list):
        return [legal(child) for child in value]
    return {legal(key): legal(child) for key, child in value.items()} if isinstance(value, dict) else value


@pytest.mark.thorough
@given(VALUES)
@example("\\ud800")
def test_every_value_is_read_by_a_strict_parser_and_text_that_looks_like_it_stays(value: Any) -> None:
    read = json.loads(strict(json.dumps(value)), parse_constant=refused)
    json.dumps(read, ensure_ascii=False).encode()  # no half of a pair is left
    assert read == legal(value)


@pytest.mark.parametrize("way", ["json", "json_line", "document"])
def test_each_way_to_write_json_is_strict(way: str, capsys: pytest.CaptureFixture[str]) -> None:
    screen = Screen(colour=False, is_json=True)
    getattr(screen, way)({"a": [math.inf, "\ud800", "NaN"]})
    assert json.loads(capsys.readouterr().out, parse_constant=refused) == {"a": [None, "\ufffd", "NaN"]}


def test_what_is_written_piece_by_piece_is_strict_too(capsys: pytest.CaptureFixture[str]) -> None:
    screen = Screen(colour=False, is_json=True)
    screen.item("lines", {"a": math.nan})
    screen.item("lines", "\udfff")
    screen.document({"lines": [], "b": [-math.inf]})
    read = json.loads(capsys.readouterr().out, parse_constant=refused)
    assert read == {"lines": [{"a": None}, "\ufffd"], "b": [None]}


@given(value=SERIALISABLE)
def test_every_value_is_written_as_json_dumps_writes_it(value: object) -> None:
    assert indented(value) == json.dumps(value, indent=2, default=plain)


@given(value=SERIALISABLE)
def test_however_deep_it_lies(value: object) -> None:
    for depth in range(MAX_DEPTH + 2):
        value = [value] if depth % 2 else {"a": value, "b": depth}
    assert indented(value) == json.dumps(value, indent=2, default=plain)
