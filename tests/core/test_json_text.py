"""Strict JSON, with the text of each element."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cryptoctl.core.json_text import MAX_NESTING, Document, JsonError, dumps
from cryptoctl.core.numbers import JsonNumber, NumberError, decimal_from

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(alphabet=st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
).filter(lambda value: json.dumps(value).count("[") + json.dumps(value).count("{") < MAX_NESTING - 2)


def plain_value(value: object) -> object:
    if isinstance(value, JsonNumber):
        return int(value)
    if isinstance(value, list):
        return [plain_value(child) for child in value]
    return {name: plain_value(child) for name, child in value.items()} if isinstance(value, dict) else value


@given(st.lists(values, max_size=4), st.sampled_from([None, 1]), st.booleans())
def test_the_elements_are_those_of_any_parser_and_their_texts_are_slices(
    elements: list[object], indent: int | None, wrapped: bool
) -> None:
    value = {"a": {"prices": [0]}, "prices": elements, "b": 1} if wrapped else elements
    text = "\n " + json.dumps(value, indent=indent, ensure_ascii=False) + "\t"
    read = list(Document(text).elements("prices" if wrapped else None))
    assert [plain_value(element.value) for element in read] == elements
    assert all(
        element.raw in text and json.loads(element.raw) == plain_value(element.value) for element in read
    )


def test_numbers_keep_their_text() -> None:
    assert Document("[1.10, 1e-18]").value == ["1.10", "1e-18"]
    assert all(isinstance(number, JsonNumber) for number in Document("[1.10, 1e-18, 7]").value)


@pytest.mark.parametrize("text", ["", "{", "[1,]", "{'a':1}", '"\x00"', "[1] 2", "nan", '{"a" 1}', "\\"])
def test_what_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(JsonError):
        Document(text)


def test_half_a_surrogate_pair_is_refused() -> None:
    with pytest.raises(JsonError, match="surrogate"):
        Document('"\ud800"')


def test_a_nesting_bomb_is_refused_before_it_is_parsed() -> None:
    for bomb in ("[" * 200_000, '{"a":' * 100_000, "[" * 17 + "]" * 17):
        with pytest.raises(JsonError, match="nested"):
            Document(bomb)


def test_brackets_inside_strings_are_not_nesting() -> None:
    assert Document(json.dumps(["[[[[[[[[[[[[[[[[[[[[[[", '\\"{{{{{{{{{{{{{{{{{{{{'])).problems == ()


def test_a_string_that_never_ends_is_refused_in_linear_time() -> None:
    started = time.perf_counter()
    for bomb in ('"' + '\\"' * 240_000, '"' * 480_001, '"\\'):
        with pytest.raises(JsonError):
            Document(bomb)
    assert time.perf_counter() - started < 2


def test_faults_of_one_element_are_its_own() -> None:
    document = Document('{"n":1,"prices":[{"a":1,"a":2},{"a":[{"b":1,"b":2}]},{"a":1}]}')
    assert [bool(element.problems) for element in document.elements("prices")] == [True, True, False]
    assert len(document.problems) == 2


def test_a_byte_order_mark_is_no_part_of_the_text() -> None:
    document = Document('\ufeff[{"a": 1}]')
    assert document.value == [{"a": "1"}]
    assert [element.raw for element in document.elements()] == ['{"a": 1}']


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity"])
def test_what_is_no_number_is_left_to_whoever_uses_it(constant: str) -> None:
    document = Document(f'{{"a": {constant}}}')
    assert document.problems == ()
    with pytest.raises(NumberError):
        decimal_from(document.value["a"])


@given(values | st.text(alphabet=st.characters()) | st.text(alphabet=st.characters(categories=["Cs"])))
def test_a_value_is_written_as_it_was_read(value: object) -> None:
    text = dumps(Document(json.dumps(value)).value)
    assert json.loads(text.encode()) == json.loads(json.dumps(value))


@pytest.mark.parametrize(
    "text", ['{"prices": 1, "prices": [{}]}', '{"prices": [{}], "prices": [1]}', '{"a":1,"a":2,"prices":[]}']
)
def test_of_two_members_of_one_name_neither_is_the_list(text: str) -> None:
    with pytest.raises(JsonError, match="twice"):
        list(Document(text).elements("prices"))
