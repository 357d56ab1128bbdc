"""What a function's result becomes: an answer that can be sent, or none; whatever the result is."""

from __future__ import annotations

import base64
import json
from typing import Any

import h11
from hypothesis import given
from hypothesis import strategies as st

from cryptoctl.local.functions.url_events import event_of, response_of
from cryptoctl.local.http import HttpResponse, RequestHead

HOST = "a.lambda-url.us-east-1.localhost"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
RESULTS = st.fixed_dictionaries(
    {"statusCode": JSON | st.integers(100, 700)},
    optional={
        "headers": JSON | st.dictionaries(st.text(), st.text() | st.integers(), max_size=3),
        "cookies": JSON | st.lists(st.text(), max_size=2),
        "body": JSON | st.binary().map(lambda raw: base64.b64encode(raw).decode()),
        "isBase64Encoded": JSON | st.booleans(),
    },
)


def head(**headers: str) -> RequestHead:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return RequestHead("POST", "/x?a=1", named)


def sent(response: HttpResponse) -> bytes:
    """The answer as the engine's server writes it. Raises h11.LocalProtocolError where that is impossible."""
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(b"POST / HTTP/1.1\r\nhost: x\r\n\r\n")
    while connection.next_event() not in (h11.NEED_DATA, h11.PAUSED):
        pass
    headers = [*response.headers.items(), *(("set-cookie", cookie) for cookie in response.cookies)]
    encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    return connection.send(h11.Response(status_code=response.status, headers=encoded)) or b""


@given(RESULTS | JSON)
def test_a_result_is_an_answer_that_can_be_sent_or_none(result: Any) -> None:
    response = response_of(json.dumps(result))
    if response is not None:
        assert sent(response).startswith(b"HTTP/1.1 ")


def test_blanks_around_a_value_are_no_part_of_it() -> None:
    result = {"statusCode": 200, "headers": {"X": " a b\t", "Y": " "}, "cookies": [" ", "\tc=d "]}
    response = response_of(json.dumps(result))
    assert response is not None and sent(response)
    assert (response.headers["x"], response.headers["y"], response.cookies) == ("a b", "", ("", "c=d"))


def test_a_result_cannot_add_a_header_line() -> None:
    for wrong in ({"X": "a\r\nset-cookie: b"}, {"X\r\nY": "a"}, {"X Y": "a"}):
        assert response_of(json.dumps({"statusCode": 200, "headers": wrong})) is None
    assert response_of(json.dumps({"statusCode": 200, "cookies": ["a\r\nb"]})) is None


def test_what_the_connection_needs_is_not_the_functions_to_say() -> None:
    headers = {"Content-Length": "5", "Connection": "close", "Transfer-Encoding": "chunked", "X": "y"}
    response = response_of(json.dumps({"statusCode": 200, "headers": headers, "body": "longer than that"}))
    assert response is not None
    assert response.headers == {"content-type": "application/json", "x": "y"}


@given(st.binary(), st.sampled_from(["text/plain", "application/json", "image/png", ""]))
def test_every_body_becomes_an_event_that_is_json(body: bytes, kind: str) -> None:
    event = event_of(HOST, 4577, head(content_type=kind), "/x", body, "1")
    read = json.loads(json.dumps(event))
    if read["isBase64Encoded"]:
        assert base64.b64decode(read["body"]) == body
    else:
        assert read.get("body", "") == body.decode("utf-8", "replace")


def test_a_compressed_body_is_handed_on_as_bytes() -> None:
    compressed = head(content_type="application/json", content_encoding="gzip")
    event = event_of(HOST, 4577, compressed, "/x", b"\x1f\x8b", "1")
    assert (event["isBase64Encoded"], base64.b64decode(event["body"])) == (True, b"\x1f\x8b")
