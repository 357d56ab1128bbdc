"""Errors in the shape of the protocol that was spoken."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cryptoctl.local.http import HttpRequest, HttpResponse, ServiceError, error_of
from cryptoctl.local.middleware import Middleware

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


@pytest.mark.parametrize(("request_", "kind"), [(JSON, "application/x-amz-json-1.0"), (FORM, "text/xml")])
@pytest.mark.parametrize(
    ("error", "status", "code"), [(REFUSED, 400, "Refused"), (KeyError("a bug"), 500, "InternalFailure")]
)
def test_an_error_is_told_in_the_protocol_of_the_request(
    request_: HttpRequest, kind: str, error: Exception, status: int, code: str
) -> None:
    response = answer(request_, error)
    assert (response.status, response.headers["content-type"]) == (status, kind)
    told_error = error_of(response)
    assert told_error.code == code
    assert error is not REFUSED or told_error.message == "because <of> this"


def test_text_that_is_not_unicode_is_refused() -> None:
    with pytest.raises(UnicodeEncodeError) as raised:
        "\ud800".encode()
    response = answer(JSON, raised.value)
    assert (response.status, error_of(response).code) == (400, "SerializationException")


def test_a_body_nested_without_end_is_refused() -> None:
    with pytest.raises(ServiceError) as raised:
        _ = HttpRequest("POST", "/", {}, b'{"a":' * 100_000).json
    assert raised.value.code == "SerializationException"
