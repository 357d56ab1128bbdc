"""The thin front around ministack's ASGI app: everything that reaches the engine comes through here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Protocol

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class Life(Protocol):
    """What wants to know when the engine begins and ends to answer."""

    async def started(self) -> None: ...

    async def stopping(self) -> None: ...


class Front:
    """ASGI middleware. What it does not answer itself goes to `inner` unchanged."""

    def __init__(self, inner: App, life: Life) -> None:
        self._inner = inner
        self._life = life

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, or the server's own beginning and end."""
        if scope["type"] == "lifespan":
            await self._lifespan(scope, receive, send)
        elif scope["type"] == "http" and _is_closed(scope["path"]):
            await _not_found(send)
        else:
            await self._inner(scope, receive, send)

    async def _lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def receive_and_tell() -> Message:
            message = await receive()
            if message["type"] == "lifespan.shutdown":
                await self._life.stopping()
            return message

        async def send_and_tell(message: Message) -> None:
            if message["type"] == "lifespan.startup.complete":
                await self._life.started()
            await send(message)

        await self._inner(scope, receive_and_tell, send_and_tell)


def _is_closed(path: str) -> bool:
    """ministack's own doors: whoever reaches the port could empty the engine through them."""
    if path.startswith("/_ministack/lambda-code/"):
        return False
    return path.startswith(("/_ministack/", "/_localstack/", "/_aws/"))


async def _not_found(send: Send) -> None:
    await send({"type": "http.response.start", "status": 404, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})
