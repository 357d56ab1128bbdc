"""What one client can make the engine hold: heads, bodies, time and connections."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from cryptoctl.local.http import HttpResponse, RequestHead
from cryptoctl.local.http_server import HttpServer, Limits, ReadBody

SMALL = Limits(
    connections=4, head_bytes=500, head_within_s=0.2, idle_s=0.2, body_within_s=0.3, response_within_s=0.3
)

pytestmark = pytest.mark.process
MAX_BYTES = 1000
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Connect = Callable[[], Awaitable[Streams]]


async def echo(head: RequestHead, read_body: ReadBody) -> HttpResponse:
    if head.path == "/big":
        return HttpResponse(200, b"x" * 30_000_000)
    if head.path == "/refused":
        return HttpResponse(403, b"no")
    if head.path == "/slow":
        await asyncio.sleep(1.0)
    return HttpResponse(200, await read_body(MAX_BYTES), {"seen": head.header("seen")})


@contextlib.asynccontextmanager
async def serving(limits: Limits = SMALL) -> AsyncIterator[Connect]:
    listener = socket.create_server(("127.0.0.1", 0))
    server = HttpServer(echo, limits)
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
    async with asyncio.timeout(5):
        return await reader.read()


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
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nslow", b"408"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\n\r\n", b"400"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b""),
        (b"GET /slow", b""),
        (b"", b""),
    ],
    ids=lambda value: repr(value[:40]) if isinstance(value, bytes) else "",
)
def test_a_request_is_answered_or_ended_in_time(sent: bytes, status: bytes) -> None:
    async def run() -> bytes:
        async with serving() as connect:
            return await ask(connect, sent)

    answer = asyncio.run(run()).removeprefix(b"HTTP/1.1 100 \r\n\r\n")
    if status == b"":
        assert answer == b"" or answer.startswith(b"HTTP/1.1 400")
    else:
        assert answer.startswith(b"HTTP/1.1 " + status)


def test_an_upgrade_is_answered_as_an_ordinary_request() -> None:
    async def run() -> list[bytes]:
        upgrades = ["Upgrade: websocket", "Upgrade: h2c"]
        async with serving() as connect:
            return [await ask(connect, post("/", "Connection: Upgrade", each)) for each in upgrades]

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
        async with serving() as connect:
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
        server = HttpServer(answer, SMALL)
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
        async with serving(Limits(connections=4, head_within_s=5.0)) as connect:
            idle = [await connect() for _ in range(20)]
            answer = await ask(connect, post("/", "Connection: close", body=b"hello"))
            async with asyncio.timeout(2):
                first = await idle[0][0].read()
            return answer, first

    answer, first = asyncio.run(run())
    assert answer.startswith(b"HTTP/1.1 200")
    assert first == b""


def test_where_all_connections_are_at_work_one_more_is_refused() -> None:
    async def run() -> bytes:
        async with serving(Limits(connections=4)) as connect:
            busy = [await connect() for _ in range(4)]
            for _, writer in busy:
                writer.write(post("/slow"))
            await asyncio.sleep(0.2)
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
        async with serving() as connect:
            _, writer = await connect()
            writer.write(post("/slow"))
            await asyncio.sleep(0.1)

    asyncio.run(run())
    assert [record.message for record in caplog.records] == []
