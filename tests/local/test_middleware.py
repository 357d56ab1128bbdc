"""Errors in the shape of the protocol that was spoken."""

from __future__ import annotations

import asyncio
import gzip
import json
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import fromstring

import pytest
from botocore.parsers import create_parser

from cryptoctl.local.access import AccessCheck
from cryptoctl.local.access_keys import AccessKeys
from cryptoctl.local.http import (
    ACCOUNT,
    HttpRequest,
    HttpResponse,
    RequestHead,
    ServiceError,
    decompressed,
    error_of,
)
from cryptoctl.local.middleware import App, Message, Middleware

JSON = HttpRequest("POST", "/", {"x-amz-target": "DynamoDB_20120810.PutItem"}, b"{}")
FORM = HttpRequest("POST", "/", {}, b"Action=Publish&Message=hello")
REFUSED = ServiceError("Refused", "because <of> this")


class Raises:
    """A service that answers nothing."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def handle(self, _request: HttpRequest) -> HttpResponse | None:
        """Raises."""
        raise self._error


def answer(request: HttpRequest, error: Exception) -> HttpResponse:
    nobody: Any = None
    middleware = Middleware(nobody, nobody)
    middleware.services = (Raises(error),)
    return asyncio.run(middleware.respond(request))


CBOR = {"smithy-protocol": "rpc-v2-cbor", "content-type": "application/cbor"}
# By the protocol as botocore names it: requests, each as an SDK sends it.
PROTOCOLS = [
    ("json", JSON),
    ("json", HttpRequest("POST", "/", {"x-amz-target": "AmazonSQS.SendMessage"}, b"{}")),
    ("query", FORM),
    ("query", HttpRequest("POST", f"/{ACCOUNT}/queue", {}, b"Action=SendMessage")),
    ("rest-json", HttpRequest("GET", "/2015-03-31/functions/", {}, b"")),
    ("smithy-rpc-v2-cbor", HttpRequest("POST", "/service/Granite/operation/ListMetrics", CBOR, b"\xa0")),
]


def told(protocol: str, response: HttpResponse) -> tuple[str, str]:
    """The code and the message that an SDK reads in an answer."""
    content = {"status_code": response.status, "headers": dict(response.headers), "body": response.body}
    error = create_parser(protocol).parse(content, None)["Error"]
    return error["Code"], error["Message"]


@pytest.mark.parametrize(("protocol", "request_"), PROTOCOLS)
@pytest.mark.parametrize(
    ("error", "status", "code"), [(REFUSED, 400, "Refused"), (KeyError("a bug"), 500, "InternalFailure")]
)
def test_an_error_is_told_in_the_protocol_of_the_request(
    protocol: str, request_: HttpRequest, error: Exception, status: int, code: str
) -> None:
    response = answer(request_, error)
    assert response.status == status
    told_code, message = told(protocol, response)
    assert told_code == code
    assert error is not REFUSED or message == "because <of> this"
    kept = response.headers.get("x-amzn-query-error")
    fault = "Sender" if status == 400 else "Receiver"
    assert kept == (f"{code};{fault}" if "SQS" in str(request_.headers) else None)


def ministack(status: int, body: bytes) -> App:
    """An app that answers everything so."""

    async def app(_scope: Any, _receive: Any, send: Callable[[Message], Awaitable[None]]) -> None:
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": body})

    return app


@pytest.mark.parametrize(("protocol", "request_"), PROTOCOLS)
def test_so_is_a_failure_of_ministack(protocol: str, request_: HttpRequest) -> None:
    nobody: Any = None
    every_exception = json.dumps({"__type": "InternalError", "message": "database or disk is full"})
    app = ministack(500, every_exception.encode())
    response = asyncio.run(Middleware(app, nobody).respond(request_))
    assert response.status == 500
    full = "The embedded engine failed: database or disk is full"
    assert told(protocol, response) == ("InternalFailure", full)


@pytest.mark.parametrize(("protocol", "request_"), PROTOCOLS)
def test_so_is_what_is_refused_before_its_body_is_read(
    protocol: str, request_: HttpRequest, tmp_path: Path
) -> None:
    nobody: Any = None
    middleware = Middleware(nobody, AccessCheck(4577, AccessKeys(tmp_path / "keys")))
    foreign = RequestHead(request_.method, request_.path, {**request_.headers, "host": "evil.example"})
    code, message = told(protocol, asyncio.run(middleware.handle(foreign, nobody)))
    assert (code, "Host must be" in message) == ("AccessDeniedException", True)
    unsigned = RequestHead(request_.method, request_.path, {**request_.headers, "host": "localhost:4577"})
    code, _ = told(protocol, asyncio.run(middleware.handle(unsigned, nobody)))
    assert code.startswith("MissingAuthenticationToken")


def test_a_function_url_is_no_query_whatever_its_path(tmp_path: Path) -> None:
    nobody: Any = None
    middleware = Middleware(nobody, AccessCheck(4577, AccessKeys(tmp_path / "keys")))
    head = RequestHead("GET", "/", {"host": f"{'a' * 32}.lambda-url.eu-central-1.localhost:4577"})
    assert told("rest-json", asyncio.run(middleware.handle(head, nobody)))[0] == "AccessDeniedException"


def test_no_character_keeps_a_client_from_reading_an_answer() -> None:
    nobody: Any = None
    kept = "é \t\U0001f600"
    written = f"<Name>{kept}\x00\x1f\ufffe R&D &amp; &#228; &lt;</Name>"
    answers = Middleware(ministack(200, written.encode()), nobody)
    assert fromstring(asyncio.run(answers.respond(FORM)).body).text == f"{kept}??? R&D & ä <"
    zipped = b"PK\x03\x04\x00"
    assert asyncio.run(Middleware(ministack(200, zipped), nobody).respond(FORM)).body == zipped
    refused = ServiceError("Refused", "no\x01name")
    assert told("query", answer(FORM, refused)) == ("Refused", "no?name")


def test_an_error_that_ministack_does_not_escape_is_told() -> None:
    nobody: Any = None
    error = (
        "<ErrorResponse><Error><Code>NoSuchEntity</Code><Message>Role <a> & b not found.</Message></Error>"
    )
    app = ministack(404, f"{error}</ErrorResponse>".encode())
    response = asyncio.run(Middleware(app, nobody).respond(FORM))
    assert response.status == 404
    assert told("query", response) == ("NoSuchEntity", "Role <a> & b not found.")


def test_a_full_disk_is_named_and_is_nobodys_defect(caplog: pytest.LogCaptureFixture) -> None:
    for error in (
        sqlite3.OperationalError("database or disk is full"),
        OSError(28, "No space left on device"),
    ):
        code, message = told("query", answer(FORM, error))
        assert (code, message) == ("InternalFailure", f"The embedded engine failed: {error}")
    assert [record.exc_info for record in caplog.records] == [None, None]


def test_text_that_is_not_unicode_is_refused() -> None:
    with pytest.raises(UnicodeEncodeError) as raised:
        "\ud800".encode()
    response = answer(JSON, raised.value)
    assert (response.status, error_of(response).code) == (400, "SerializationException")


def test_a_body_nested_without_end_is_refused() -> None:
    with pytest.raises(ServiceError) as raised:
        _ = HttpRequest("POST", "/", {}, b'{"a":' * 100_000).json
    assert raised.value.code == "SerializationException"


def test_a_gzipped_body_that_is_none_or_too_large_is_refused() -> None:
    assert decompressed(gzip.compress(b"x" * 100), 100) == b"x" * 100
    bomb = gzip.compress(b"x" * 10_000_000)
    for body in (b"", b"no gzip", bomb[:-9], bomb):
        with pytest.raises(ServiceError) as raised:
            decompressed(body, 100)
        assert raised.value.code == "SerializationException"
