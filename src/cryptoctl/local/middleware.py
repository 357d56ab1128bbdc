"""The middleware around ministack's ASGI app: every request to the engine passes here."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any, Protocol

from cryptoctl.local.access import RUN_PATH, AccessCheck, denial
from cryptoctl.local.errors import EngineError
from cryptoctl.local.http import (
    HttpRequest,
    HttpResponse,
    RequestHead,
    ServiceError,
    decompressed,
    internal_failure,
    json_response,
    readable_xml,
)
from cryptoctl.local.http_server import ReadBody
from cryptoctl.local.ministack_adapter import UrlTarget, unshaped_error
from cryptoctl.local.signatures import SignatureError

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
UrlHandler = Callable[[UrlTarget, RequestHead, str, bytes], Awaitable[HttpResponse]]
"""Answers a request to a function URL: its target, head, path and body."""

logger = logging.getLogger(__name__)


class Service(Protocol):
    """Something that answers requests in ministack's place, or looks at them on their way."""

    async def handle(self, request: HttpRequest) -> HttpResponse | None:
        """The answer, or None where the request is not this part's."""


class Middleware:
    """What stands before ministack's ASGI app: the first service that answers, answers; else ministack."""

    def __init__(self, app: App, access: AccessCheck) -> None:
        self._app = app
        self._access = access
        self.services: Sequence[Service] = ()
        self.handle_url: UrlHandler | None = None
        self.problems: Callable[[], Sequence[str]] = tuple
        self.on_forwarded: Sequence[Callable[[HttpRequest, HttpResponse], None]] = ()

    async def handle(self, head: RequestHead, read_body: ReadBody) -> HttpResponse:
        """The answer to a request that came over the network, once it is known to be allowed."""
        try:
            admission = self._access.admit(head)
            body = await read_body(admission.max_bytes)
            self._access.check(admission, head, body)
        except SignatureError as error:
            return denial(head, error)
        except ServiceError as error:
            return error.response_to(head)
        except EngineError as error:
            logger.error("%s %s", error, error.hint)
            return internal_failure(error.message).response_to(head)
        if admission.status:
            return json_response({"problems": list(self.problems())})
        if admission.function_url is not None:
            assert self.handle_url is not None
            url, raw_path = admission.function_url, admission.function_path
            response = await self._guarded(self.handle_url(url, head, raw_path, body), head)
            return response if url.cors else _without_cors(response)
        path, headers = RUN_PATH if admission.internal else head.path, dict(head.headers)
        if headers.pop("content-encoding", "") == "gzip":  # SDKs compress many metrics
            try:
                body = decompressed(body, admission.max_bytes)
            except ServiceError as error:
                return error.response_to(head)
        return _without_cors(await self.respond(HttpRequest(head.method, path, headers, body, head.query)))

    async def respond(self, request: HttpRequest) -> HttpResponse:
        """The engine's answer to a request that is allowed, wherever it came from."""
        return await self._guarded(self._first_response(request), request)

    async def _first_response(self, request: HttpRequest) -> HttpResponse:
        for service in self.services:
            response = await service.handle(request)
            if response is not None:
                return response
        return await self.forward(request)

    async def _guarded(
        self, response: Awaitable[HttpResponse], request: HttpRequest | RequestHead
    ) -> HttpResponse:
        try:
            return await response
        except ServiceError as error:
            failure = error
        except UnicodeEncodeError:
            failure = ServiceError("SerializationException", "The request has text that is not Unicode.")
        except (OSError, sqlite3.OperationalError) as error:  # a full disk, say
            logger.error("%s %s: %s", request.method, request.path, error)
            failure = internal_failure(str(error))
        except Exception:
            logger.exception("%s %s", request.method, request.path)
            failure = internal_failure("see its log")
        return failure.response_to(request)

    async def forward(self, request: HttpRequest) -> HttpResponse:
        """ministack's answer to a request. Raises ServiceError where it has none."""
        incoming: list[Message] = [{"type": "http.request", "body": request.body, "more_body": False}]
        sent: list[Message] = []

        async def receive() -> Message:
            return incoming.pop() if incoming else {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            sent.append(message)

        await self._app(_scope(request), receive, send)
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in sent[0]["headers"]}
        body = b"".join(message.get("body", b"") for message in sent[1:])
        response = HttpResponse(sent[0]["status"], readable_xml(body) if body[:1] == b"<" else body, headers)
        if error := unshaped_error(response, request.service):
            raise error
        for notify in self.on_forwarded:
            notify(request, response)
        return response


def _without_cors(response: HttpResponse) -> HttpResponse:
    """ministack lets every page read its answers; AWS's services let none."""
    headers = {
        name: value
        for name, value in response.headers.items()
        if not name.lower().startswith("access-control-")
    }
    return HttpResponse(response.status, response.body, headers, response.cookies)


def _scope(request: HttpRequest) -> Scope:
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": "http",
        "path": request.path,
        "raw_path": None,
        "query_string": request.query_string.encode(),
        "headers": [
            (name.encode("latin-1"), value.encode("latin-1")) for name, value in request.headers.items()
        ],
        "client": ("127.0.0.1", 0),
    }
