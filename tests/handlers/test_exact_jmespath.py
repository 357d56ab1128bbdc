"""JMESPath over exact numbers does what JMESPath does, and loses no digit."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import jmespath
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jmespath.exceptions import JMESPathError
from jmespath.functions import Functions

from cryptoctl.core import json_text
from cryptoctl.core.fields import exact_number
from cryptoctl.expressions import INEXACT_FUNCTIONS, compile_expression, functions, inexact_part
from cryptoctl.handlers.exact_jmespath import ExactExpression

# Over a list of numbers or texts `l`, a list of objects with `n` and `s` at `o`, and a scalar `v`.
EXPRESSIONS = [
    *("to_string(v)", "to_string(@)", "to_string(o)", "to_string([s, v])"),
    *("type(v)", "to_array(v)", "not_null(v, l)", "join('-', [s, to_string(v)])"),
    *("sort(l)", "max(l)", "min(l)", "reverse(l)", "contains(l, `1`)", "contains(l, `2.5`)", "length(s)"),
    *("sort_by(o, &n)[].s", "max_by(o, &n).s", "min_by(o, &n).s", "sort_by(o, &s)[-1].n", "keys(o[0])"),
    *(
        "map(&to_string(n), o)",
        "map(&type(@), l)",
        "values(o[0])",
        "merge(o[0], {n: v})",
        "ends_with(s, 'a')",
    ),
    *("l[?@ > `1`]", "l[?@ == `2.5`]", "o[?n >= `0.5`].s", "v == `0`", "v || s", "!v", "l[-1]"),
    *("o[?n == `1` && s != 'a']", '{a: v, b: `[1, 2.5, {"c": 3}]`}', "l[0:2]", "l[::-1]", "[v, `0.5`]"),
    *("o[*].n | sort(@) | [0]", "starts_with(s, 'a')", "ends_with(s, 'a')"),
]
numbers = st.integers(-3, 12) | st.sampled_from([0.5, 2.5, -1.25])
texts = st.text('ab1é"', max_size=2)
documents = st.fixed_dictionaries(
    {
        "l": st.lists(numbers, max_size=4)
        | st.lists(texts, max_size=4)
        | st.lists(numbers | texts, max_size=4),
        "o": st.lists(st.fixed_dictionaries({"n": numbers, "s": texts}), max_size=3),
        "v": numbers | texts | st.none() | st.booleans(),
        "s": texts,
    }
)


def search(expression: Any, value: Any) -> Any:
    """What it finds, with numbers as numbers, or the kind of error."""
    try:
        return json.loads(json_text.dumps(expression.search(value)))
    except (JMESPathError, TypeError) as error:
        return type(error)


@pytest.mark.thorough
@settings(max_examples=500)
@given(text=st.sampled_from(EXPRESSIONS), value=documents)
def test_what_may_be_configured_is_evaluated_as_jmespath_does(text: str, value: Any) -> None:
    assert inexact_part(compile_expression(text)) is None
    parsed = json_text.Document(json.dumps(value), exact_number).value
    assert search(ExactExpression(text), parsed) == search(jmespath.compile(text), value)


def test_each_function_that_may_be_configured_is_among_them() -> None:
    tried = set().union(*(functions(compile_expression(expression)) for expression in EXPRESSIONS))
    assert tried == set(Functions.FUNCTION_TABLE) - INEXACT_FUNCTIONS


LONG = "0.12345678901234567890123456789012345678"


@pytest.mark.parametrize(
    ("text", "document", "result"),
    [
        ("to_string(i)", '{"i": 7}', "7"),
        ("join('-', [s, to_string(i)])", f'{{"s": "BTC", "i": {LONG}}}', f"BTC-{LONG}"),
        ("to_string(@)", f"[1.10, {LONG}, null]", f"[1.10,{LONG},null]"),
        ("max(@)", f"[{LONG}, {LONG[:-1]}7]", Decimal(LONG)),
        ("sort_by(@, &n)[0].n", f'[{{"n": {LONG}}}, {{"n": {LONG[:-1]}7}}]', Decimal(f"{LONG[:-1]}7")),
        ("[?@ == `0.1`] | [0]", "[0.2, 0.1]", Decimal("0.1")),
        ("[?@ >= `0.1`] | [0]", "[0.05, 0.1]", Decimal("0.1")),
    ],
)
def test_no_digit_is_lost(text: str, document: str, result: object) -> None:
    assert ExactExpression(text).search(json_text.Document(document, exact_number).value) == result
