"""The JSON documents are written as `json.dumps` with an indent of 2 writes them."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from cryptoctl.ui.json_text import MAX_DEPTH, indented, plain

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.decimals()
KEYS = st.text(max_size=5) | st.integers() | st.booleans() | st.none() | st.floats()
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.tuples(inner, inner) | st.dictionaries(KEYS, inner, max_size=4)
    ),
    max_leaves=20,
)


@given(value=VALUES)
def test_every_value_is_written_as_json_dumps_writes_it(value: object) -> None:
    assert indented(value) == json.dumps(value, indent=2, default=plain)


@given(value=VALUES)
def test_however_deep_it_lies(value: object) -> None:
    for depth in range(MAX_DEPTH + 2):
        value = [value] if depth % 2 else {"a": value, "b": depth}
    assert indented(value) == json.dumps(value, indent=2, default=plain)
