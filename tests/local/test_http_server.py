"""What one client can make the engine hold: heads, bodies, time and connections."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace

import pytest

from cryptoctl.local.http import HttpResponse, RequestHead
from cryptoctl.local.http_server import Handler, HttpServer, Limits, ReadBody

PATIENT = Limits(connections=4, head_bytes=500, idle_s=0.2)
"""For what has to be answered, however slow the machine; a connection ends soon after its last answer."""
HASTY = replace(PATIENT, head_within_s=0.2, body_within_s=0.3, response_within_s=0.3)

pytestmark = pytest.mark.process
MAX_BYTES = 1000
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Connect = Callable[[], Awaitable[Streams]]


async def echo(head: RequestHead, read_body: ReadBody) -> HttpResponse:
    if head.path == "/big":
        return HttpResponse(200, b"x" * 30_000_000)
    if head.path == "/refused":
        return HttpResponse(403, b"no")
    return HttpResponse(200, await read_body(MAX_BYTES), {"seen": head.header("seen")})


@contextlib.asynccontextmanager
async def serving(limits: Limits = PATIENT, handler: Handler = echo) -> AsyncIterator[Connect]:
    listener = socket.create_server(("127.0.0.1", 0))
    server = HttpServer(handler, limits)
    await server.start(listener)
    opened: list[Streams] = []

    async def connect() -> Streams:
        opened.append(await asyncio.open_connection(*listener.getsockname()))
        return opened[-1]

    try:
        yield connect
    finally:
        await server.stop(0.0)
        for _, writer in opened:
            writer.transport.abort()
        await asyncio.sleep(0)


async def ask(connect: Connect, sent: bytes) -> bytes:
    """Everything that comes back until the connection ends, which must be soon."""
    reader, writer = await connect()
    writer.write(sent)
    async with asyncio.timeout(30):
        return await reader.read()


@dataclass
class Holding:
    """A handler that answers no request until it is cut off, and counts those it has."""

    begun: int = 0

    async def handle(self, _head: RequestHead, _body: ReadBody) -> HttpResponse:
        self.begun += 1
        await asyncio.Event().wait()
        raise AssertionError

    async def has(self, count: int) -> None:
        async with asyncio.timeout(30):
            while self.begun < count:
                await asyncio.sleep(0.01)


def post(path: str = "/", *headers: str, body: bytes = b"") -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: x", f"Content-Length: {len(body)}", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (post(body=b"hello"), b"200"),
        (post("/", "Expect: 100-continue", body=b"hello"), b"200"),
        (post("/", f"Big: {'x' * 2000}"), b"431"),
        (post("/", f"Big: {'x' * 200_000}"), b"431"),
        (post(body=b"x" * (MAX_BYTES + 1)), b"413"),
        (
            b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + b"5\r\nhello\r\n" * 300,
            b"413",
        ),
        (b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\n\r\n", b"400"),
    ],
    ids=lambda value: repr(value[:40]) if isinstance(value, bytes) else "",
)
def test_a_request_is_answered(sent: bytes, status: bytes) -> None:
    async def run() -> bytes:
        async with serving() as connect:
            return await ask(connect, sent)

    answer = asyncio.run(run()).removeprefix(b"HTTP/1.1 100 \r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 " + status)


@pytest.mark.parametrize(
    ("sent", "statuses"),
    [
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nslow", {b"408"}),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", {b"", b"400"}),
        (b"GET /slow", {b""}),
        (b"", {b""}),
    ],
    ids=["a body", "TLS", "a head", "nothing"],
)
def test_what_does_not_come_whole_is_ended(sent: bytes, statuses: set[bytes]) -> None:
    async def run() -> bytes:
        async with serving(HASTY) as connect:
            return await ask(connect, sent)

    assert asyncio.run(run()).removeprefix(b"HTTP/1.1 ")[:3] in statuses


def test_an_upgrade_is_answered_as_an_ordinary_request() -> None:
    async def run() -> list[bytes]:
        upgrades = ["Upgrade: websocket", "Upgrade: h2c"]
        async with serving() as connect:
            return [await ask(connect, post("/", "Connection: Upgrade", upgrade)) for upgrade in upgrades]

    assert all(answer.startswith(b"HTTP/1.1 200") for answer in asyncio.run(run()))


def test_a_connection_is_kept_for_the_next_request_and_repeated_headers_are_joined() -> None:
    async def run() -> bytes:
        async with serving() as connect:
            return await ask(connect, post("/", "Seen: a", "Seen: b", body=b"1") * 2)

    answer = asyncio.run(run())
    assert answer.count(b"HTTP/1.1 200") == 2
    assert answer.count(b"seen: a,b") == 2


def test_a_refused_client_that_is_still_sending_sees_the_answer() -> None:
    async def run() -> bytes:
        async with serving() as connect:
            return await ask(connect, post("/refused", body=b"x" * 8_000_000))

    assert asyncio.run(run()).startswith(b"HTTP/1.1 403")


def test_one_that_does_not_read_its_answer_is_dropped() -> None:
    async def run() -> int:
        async with serving(HASTY) as connect:
            reader, writer = await connect()
            writer.write(post("/big"))
            await asyncio.sleep(1.0)
            received = 0
            with contextlib.suppress(ConnectionError):
                while part := await reader.read(1 << 20):
                    received += len(part)
            return received

    assert asyncio.run(run()) < 30_000_000


def test_the_end_of_an_answer_that_nobody_reads_is_not_kept() -> None:
    """What asyncio takes without complaint, beyond the system's own buffers, counts as not yet sent."""

    async def run() -> int:
        async def answer(_head: RequestHead, _body: ReadBody) -> HttpResponse:
            return HttpResponse(200, b"x" * 50_000)

        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        server = HttpServer(answer, HASTY)
        await server.start(listener)
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        with client:
            client.connect(listener.getsockname())
            client.sendall(post("/", "Connection: close"))
            client.settimeout(10.0)
            received = len(await asyncio.to_thread(client.recv, 1))
            while server._connections:  # until it is dropped
                await asyncio.sleep(0.01)
            with contextlib.suppress(ConnectionError):
                while part := await asyncio.to_thread(client.recv, 1 << 16):
                    received += len(part)
        await server.stop(0.0)
        return received

    assert asyncio.run(run()) < 50_000


def test_too_many_connections_make_room_for_one_that_asks() -> None:
    async def run() -> tuple[bytes, bytes]:
        async with serving(Limits(connections=4)) as connect:
            idle = [await connect() for _ in range(20)]
            answer = await ask(connect, post("/", "Connection: close", body=b"hello"))
            async with asyncio.timeout(30):
                first = await idle[0][0].read()
            return answer, first

    answer, first = asyncio.run(run())
    assert answer.startswith(b"HTTP/1.1 200")
    assert first == b""


def test_where_all_connections_are_at_work_one_more_is_refused() -> None:
    async def run() -> bytes:
        holding = Holding()
        async with serving(Limits(connections=4), holding.handle) as connect:
            busy = [await connect() for _ in range(4)]
            for _, writer in busy:
                writer.write(post())
            await holding.has(4)
            with contextlib.suppress(ConnectionError):
                return await ask(connect, post())
            return b""

    assert asyncio.run(run()) == b""


@pytest.mark.parametrize("turns", range(6))
def test_a_connection_that_is_accepted_as_the_server_stops_is_closed(turns: int) -> None:
    """Wherever asyncio is with it: a socket that is left open would be told of when it is collected."""

    async def end() -> None:
        listener = socket.create_server(("127.0.0.1", 0))
        server = HttpServer(echo)
        await server.start(listener)
        with socket.create_connection(listener.getsockname()):
            for _ in range(turns):
                await asyncio.sleep(0)
            await server.stop(0.0)

    asyncio.run(end())
    gc.collect()


def test_a_request_that_the_end_cuts_off_leaves_nothing_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        holding = Holding()
        async with serving(handler=holding.handle) as connect:
            _, writer = await connect()
            writer.write(post())
            await holding.has(1)

    asyncio.run(run())
    assert [record.message for record in caplog.records] == []
