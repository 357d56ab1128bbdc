"""The thin front around ministack's ASGI app: everything that reaches the engine comes through here."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any, Protocol

from cryptoctl.local.http import HttpRequest, HttpResponse, ServiceError

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

logger = logging.getLogger(__name__)


class Service(Protocol):
    """Something that answers requests in ministack's place, or looks at them on their way."""

    async def answer(self, request: HttpRequest) -> HttpResponse | None:
        """The answer, or None where the request is not this part's."""


class Lifecycle(Protocol):
    """What wants to know when the engine begins and ends to answer."""

    async def started(self) -> None:
        """Called once, before the first request is accepted."""

    async def stopping(self) -> None:
        """Called once, after the last request."""


class Middleware:
    """ASGI middleware: the first part that answers, answers; else `inner` does."""

    def __init__(self, inner: App) -> None:
        self._inner = inner
        self.services: Sequence[Service] = ()
        self.lifecycle: Lifecycle | None = None
        self.on_passed: Callable[[HttpRequest, HttpResponse], None] = lambda _request, _response: None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, or the server's own beginning and end."""
        if scope["type"] == "lifespan":
            await self._lifespan(scope, receive, send)
        elif scope["type"] == "http":
            request = await _read(scope, receive)
            if request is not None:
                await _write(await self.respond(request, scope.get("client")), send)

    async def respond(self, request: HttpRequest, client: Any = None) -> HttpResponse:
        """The engine's answer to a request, wherever it came from."""
        try:
            if _is_closed(request.path):
                return HttpResponse(404)
            for part in self.services:
                response = await part.answer(request)
                if response is not None:
                    return response
        except ServiceError as error:
            return error.response()
        except Exception:
            logger.exception("%s %s %s", request.method, request.path, request.target)
            return ServiceError(
                "InternalFailure", "The embedded engine failed; see its log.", status=500
            ).response()
        return await self.inner(request, client)

    async def inner(self, request: HttpRequest, client: Any = None) -> HttpResponse:
        """ministack's answer to a request."""
        waiting: list[Message] = [{"type": "http.request", "body": request.body, "more_body": False}]
        sent: list[Message] = []

        async def receive() -> Message:
            return waiting.pop() if waiting else {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            sent.append(message)

        await self._inner(_scope(request, client), receive, send)
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in sent[0]["headers"]}
        response = HttpResponse(
            sent[0]["status"], b"".join(part.get("body", b"") for part in sent[1:]), headers
        )
        self.on_passed(request, response)
        return response

    async def _lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def receive_and_tell() -> Message:
            message = await receive()
            if message["type"] == "lifespan.shutdown" and self.lifecycle:
                await self.lifecycle.stopping()
            return message

        async def send_and_tell(message: Message) -> None:
            if message["type"] == "lifespan.startup.complete" and self.lifecycle:
                await self.lifecycle.started()
            await send(message)

        await self._inner(scope, receive_and_tell, send_and_tell)


def _is_closed(path: str) -> bool:
    """ministack's own doors: whoever reaches the port could empty the engine through them."""
    return path.startswith(("/_ministack/", "/_localstack/")) and not path.startswith(
        "/_ministack/lambda-code/"
    )


def _scope(request: HttpRequest, client: Any) -> Scope:
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
        "client": client or ("127.0.0.1", 0),
    }


async def _read(scope: Scope, receive: Receive) -> HttpRequest | None:
    """The whole request, or None where the client went away in its midst."""
    parts: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            break
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    query = scope["query_string"].decode("latin-1")
    return HttpRequest(scope["method"], scope["path"], headers, b"".join(parts), query)


async def _write(response: HttpResponse, send: Send) -> None:
    headers = {name.lower(): value for name, value in response.headers.items()}
    headers["content-length"] = str(len(response.body))
    encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": response.status, "headers": encoded})
    await send({"type": "http.response.body", "body": response.body})
