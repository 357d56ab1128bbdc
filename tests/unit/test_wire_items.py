"""Items taken from a page as it is sent are those that botocore would have given."""

from __future__ import annotations

import base64
import json
from functools import cache
from typing import Any

import botocore.session
from botocore.parsers import create_parser
from hypothesis import given
from hypothesis import strategies as st

from cryptoctl.wire_items import take_items

TEXT = st.text(max_size=4)
BINARY = st.binary(max_size=4).map(lambda data: base64.b64encode(data).decode())
SCALARS = st.one_of(
    st.builds(lambda text: {"S": text}, TEXT),
    st.builds(lambda number: {"N": str(number)}, st.decimals(allow_nan=False, allow_infinity=False)),
    st.builds(lambda value: {"BOOL": value}, st.booleans()),
    st.just({"NULL": True}),
    st.builds(lambda texts: {"SS": texts}, st.lists(TEXT, min_size=1, max_size=2)),
)
BINARIES = st.builds(lambda value: {"B": value}, BINARY) | st.builds(lambda value: {"BS": [value]}, BINARY)


def nested(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.recursive(
        values,
        lambda inner: (
            st.builds(lambda value: {"L": value}, st.lists(inner, max_size=2))
            | st.builds(lambda value: {"M": value}, st.dictionaries(TEXT, inner, max_size=2))
        ),
        max_leaves=4,
    )


def pages(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    items = st.lists(st.dictionaries(TEXT, nested(values), max_size=3), max_size=3)
    last = st.fixed_dictionaries({"Items": items, "Count": st.integers(0, 9)})
    return last | st.builds(lambda page, key: {**page, "LastEvaluatedKey": {"k": key}}, last, SCALARS)


@cache
def shape() -> Any:
    model = botocore.session.get_session().get_service_model("dynamodb")
    return model.operation_model("Query").output_shape


def response(body: bytes, status: int = 200) -> dict[str, Any]:
    return {"status_code": status, "headers": {"x-amzn-requestid": "r"}, "body": body}


def parsed(body: bytes, *, status: int = 200, taken: bool) -> tuple[Any, bool]:
    """The answer, and whether the items were taken past botocore."""
    given_back, custom = response(body, status), dict[str, Any]()
    if taken:
        take_items(response_dict=given_back, customized_response_dict=custom, operation_model=None)
    answer = create_parser("json").parse(given_back, shape())
    answer.update(custom)
    return answer, bool(custom)


@given(page=pages(SCALARS))
def test_the_answer_is_botocores(page: dict[str, Any]) -> None:
    body = json.dumps(page).encode()
    plain, (answer, past) = parsed(body, taken=False)[0], parsed(body, taken=True)
    assert answer == plain
    # An attribute or a text may look as if there were a binary value.
    assert past or '"B"' in body.decode() or '"BS"' in body.decode()


@given(page=pages(SCALARS | BINARIES))
def test_binary_values_are_bytes(page: dict[str, Any]) -> None:
    body = json.dumps(page).encode()
    assert parsed(body, taken=True)[0] == parsed(body, taken=False)[0]


def test_an_error_is_botocores() -> None:
    body = b'{"__type":"com.amazonaws#ResourceNotFoundException","message":"no","Items":[]}'
    answer, past = parsed(body, status=400, taken=True)
    assert answer["Error"]["Code"] == "ResourceNotFoundException"
    assert not past
