"""The engine's HTTP server: HTTP/1.1 on one socket, with bounds on what a stranger can make it hold.

There are no WebSockets, no HTTP/2 and no upgrades. A connection that has sent no whole request head in time
is closed, and where too many are open the one that has waited longest for its head makes room.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import weakref
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import h11

from cryptoctl.local.http import HttpResponse, RequestHead, ServiceError

READ_BYTES: Final[int] = 2**16
DISCARDED_BYTES: Final[int] = 16 * 2**20
DISCARD_WITHIN_S: Final[float] = 1.0
TURNS: Final[int] = 5
"""More than asyncio takes today. tests/local/test_http_server.py stops a server at each of the first turns of
a connection, and fails where these are too few."""
FRAMING: Final = ("content-length", "transfer-encoding", "connection")

ReadBody = Callable[[int], Awaitable[bytes]]
"""Reads the request's body. Raises ServiceError where it has more bytes than the number given, or is slow."""
Handler = Callable[[RequestHead, ReadBody], Awaitable[HttpResponse]]


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one connection may take of the engine."""

    connections: int = 256
    head_bytes: int = 32 * 1024
    head_within_s: float = 10.0
    idle_s: float = 60.0
    body_within_s: float = 60.0
    response_within_s: float = 60.0


class HttpServer:
    """Serves a handler on a listening socket."""

    def __init__(self, handler: Handler, limits: Limits | None = None) -> None:
        self.handler = handler
        self.limits = limits or Limits()
        self._connections: set[asyncio.Task[None]] = set()
        # The connections that have sent no whole request head, the one that has waited longest first.
        self.waiting: dict[asyncio.StreamWriter, None] = {}
        self._transports: weakref.WeakSet[asyncio.WriteTransport] = weakref.WeakSet()
        self._server: asyncio.Server | None = None

    async def start(self, listener: socket.socket) -> None:
        """Begins to accept connections."""
        self._server = await asyncio.start_server(self._accept, sock=listener, limit=READ_BYTES)

    async def stop(self, within_s: float) -> None:
        """Accepts no more; gives the requests that are being answered this long, then drops them."""
        assert self._server is not None
        # In this order: of a connection accepted just before, a closed server leaves the socket open.
        for listener in self._server.sockets:
            asyncio.get_running_loop().remove_reader(listener)
        await _settle_loop()
        self._server.close()
        for writer in self.waiting:
            writer.transport.abort()
        if self._connections:
            _, pending = await asyncio.wait(self._connections, timeout=within_s)
            for task in pending:
                task.cancel()
            await asyncio.gather(*pending, return_exceptions=True)
        for transport in self._transports:
            transport.abort()
        await _settle_loop()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._transports.add(writer.transport)
        if len(self._connections) >= self.limits.connections and not self._make_room():
            writer.transport.abort()
            return
        self._connections.add(task)
        # An answer is sent when the system has all of it: what is left of one that nobody reads would keep
        # the connection open after its end, uncounted.
        writer.transport.set_write_buffer_limits(high=0)
        try:
            await _Connection(self, reader, writer).serve()
        except (
            ConnectionError,
            TimeoutError,
            asyncio.IncompleteReadError,
            asyncio.CancelledError,
            h11.ProtocolError,
        ):
            # The client went away, was too slow or spoke something else, or the engine ends; nobody is left
            # to be told.
            writer.transport.abort()
        finally:
            self._connections.discard(task)
            self.waiting.pop(writer, None)
            writer.close()

    def _make_room(self) -> bool:
        """Drops the connection that has waited longest for a request; False where none waits."""
        oldest = next(iter(self.waiting), None)
        if oldest is None:
            return False
        del self.waiting[oldest]
        oldest.transport.abort()
        return True


async def _settle_loop() -> None:
    """Lets the loop finish what it has begun: a connection that it has accepted, or a socket that it closes.

    asyncio tells of neither; each takes a few turns of its loop, and none waits for anything.
    """
    for _ in range(TURNS):
        await asyncio.sleep(0)


class _Connection:
    """One connection: requests one after the other."""

    def __init__(
        self, server: HttpServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._handler, self._limits, self._waiting = server.handler, server.limits, server.waiting
        self._reader, self._writer = reader, writer
        self._h11 = h11.Connection(h11.SERVER, max_incomplete_event_size=server.limits.head_bytes)
        self._declared_bytes = 0

    async def serve(self) -> None:
        """Answers requests until either side ends the connection."""
        within_s = self._limits.head_within_s
        while (head := await self._head(within_s)) is not None:
            try:
                response = await self._handler(head, self._body)
            except ServiceError as error:
                response = error.response()
            await self._send(response, head.method)
            if self._h11.our_state is not h11.DONE or self._h11.their_state is not h11.DONE:
                break
            self._h11.start_next_cycle()
            # Whoever was answered well has an access key, and may keep the connection for its next request.
            within_s = self._limits.idle_s if response.status < 400 else self._limits.head_within_s
        await self._discard()

    async def _head(self, within_s: float) -> RequestHead | None:
        self._waiting[self._writer] = None
        try:
            async with asyncio.timeout(within_s):
                event = await self._event()
            if not isinstance(event, h11.Request):
                return None
            head = _head_of(event)
            if sum(map(len, head.headers.values())) + len(head.target) > self._limits.head_bytes:
                raise h11.RemoteProtocolError("the head is too large", error_status_hint=431)
        except h11.RemoteProtocolError as error:
            message = f"The request is refused: {error}."
            refusal = ServiceError("BadRequest", message, status=error.error_status_hint)
            await self._send(refusal.response(), "GET")
            return None
        finally:
            self._waiting.pop(self._writer, None)
        self._declared_bytes = int(head.header("content-length") or 0)
        return head

    async def _body(self, max_bytes: int) -> bytes:
        chunks: list[bytes] = []
        size = 0
        if self._declared_bytes > max_bytes:
            raise _too_large()
        try:
            async with asyncio.timeout(self._limits.body_within_s):
                while isinstance(event := await self._event(), h11.Data):
                    chunks.append(bytes(event.data))
                    size += len(event.data)
                    if size > max_bytes:
                        raise _too_large()
        except TimeoutError:
            message = "The request body came too slowly."
            raise ServiceError("RequestTimeoutException", message, status=408) from None
        if not isinstance(event, h11.EndOfMessage):
            raise ConnectionError("the client went away in the middle of its request")
        return b"".join(chunks)

    async def _discard(self) -> None:
        """Lets go of some of an unread body: a client that is still sending it would not see the answer."""
        remaining = DISCARDED_BYTES
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DISCARD_WITHIN_S):
                while remaining > 0 and (chunk := await self._reader.read(READ_BYTES)):
                    remaining -= len(chunk)

    async def _event(self) -> object:
        while True:
            if self._h11.they_are_waiting_for_100_continue:
                self._writer.write(
                    self._h11.send(h11.InformationalResponse(status_code=100, headers=[])) or b""
                )
            event = self._h11.next_event()
            if event is not h11.NEED_DATA:
                return event
            self._h11.receive_data(await self._reader.read(READ_BYTES))

    async def _send(self, response: HttpResponse, method: str) -> None:
        headers = [(name.lower(), value) for name, value in response.headers.items()]
        headers = [header for header in headers if header[0] not in FRAMING]
        headers += [("set-cookie", cookie) for cookie in response.cookies]
        headers.append(("content-length", str(len(response.body))))
        if self._h11.their_state is not h11.DONE:
            headers.append(("connection", "close"))
        encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        start = h11.Response(status_code=response.status, headers=encoded)
        chunks = [self._h11.send(start)]
        if method != "HEAD" and response.body:
            chunks.append(self._h11.send(h11.Data(data=response.body)))
        with contextlib.suppress(h11.LocalProtocolError):
            chunks.append(self._h11.send(h11.EndOfMessage()))
        async with asyncio.timeout(self._limits.response_within_s):
            self._writer.write(b"".join(chunk for chunk in chunks if chunk))
            await self._writer.drain()


def _too_large() -> ServiceError:
    message = "The request body is larger than is allowed here."
    return ServiceError("RequestTooLargeException", message, status=413)


def _head_of(event: h11.Request) -> RequestHead:
    headers: dict[str, str] = {}
    for name, value in event.headers:
        text = value.decode("latin-1")
        key = name.decode("ascii")
        headers[key] = f"{headers[key]},{text}" if key in headers else text
    return RequestHead(event.method.decode("ascii"), event.target.decode("ascii"), headers)
