"""Strangers who send much, deep, slow and all at once: the prices of who may send are stored meanwhile."""

from __future__ import annotations

import json
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest

from cryptoctl.errors import ExitCode, Failure
from webhook.conftest import Door

pytestmark = pytest.mark.engine

WITHIN_S = 300.0
BODIES = {
    "6 MB": b"x" * 6_000_000,
    "a million brackets": b"[" * 1_000_000,
    "nested as deep as fits": b"[" * 499_000,
    "half of a megabyte": b'{"secret": "' + b"x" * 499_000 + b'"}',
    "nothing": b"",
}


def posted(door: Door, path: str, body: bytes) -> int:
    """The status of a stranger's request; 0 where the connection ended without one."""
    parts = urlsplit(door.address)
    head = f"POST {parts.path}{path} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Length: {len(body)}\r\n"
    with socket.create_connection(("127.0.0.1", parts.port or 80), timeout=WITHIN_S) as connection:
        try:
            connection.sendall(head.encode() + b"Connection: close\r\n\r\n" + body)
            answer = connection.recv(65536)
        except OSError:
            return 0
        return int(answer.split()[1]) if answer else 0


def send_until_stored(door: Door, symbol: str, number: int) -> None:
    """As docs/webhooks.md tells a sender: without an answer, after a 429 or a 503, the same message again."""
    maker, secret = door.maker("desk"), door.secret("desk")
    body = json.dumps({"symbol": symbol, "price": number + 1, "exchange": "x"})
    end_s = time.monotonic() + WITHIN_S
    while time.monotonic() < end_s:
        request = maker.request(secret, body, now_s=time.time(), message_id=f"msg_load_{number}")
        try:
            answer = door.post("desk", request.body, **dict(request.headers))
        except Failure as failure:  # there were too many connections
            assert failure.exit_code is ExitCode.UNREACHABLE
            continue
        if answer.status == 200:
            return
        assert answer.status in (429, 503), answer
    raise AssertionError("never stored")


@pytest.mark.parametrize("body", BODIES)
def test_a_stranger_s_body_is_refused_at_once(door: Door, body: str) -> None:
    for path in ("tradingview", "desk", "nobody"):
        assert posted(door, path, BODIES[body]) in {401, 413, 0}


@pytest.mark.parametrize(
    "strangers", [4, *(pytest.param(number, marks=pytest.mark.torture) for number in (20, 200))]
)
def test_meanwhile_the_honest_sender_s_prices_are_all_stored(door: Door, strangers: int) -> None:
    symbol, slow = f"LOAD{strangers}", []
    honest = 3 if strangers < 20 else 10
    parts = urlsplit(door.address)
    for _ in range(strangers // 4):  # these never finish their request
        connection = socket.create_connection(("127.0.0.1", parts.port or 80), timeout=WITHIN_S)
        connection.sendall(
            f"POST {parts.path}desk HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Length: 9\r\n\r\n[".encode()
        )
        slow.append(connection)
    over = threading.Event()

    def disturb(number: int) -> set[int]:
        answered, bodies = set(), list(BODIES.values())
        while not over.is_set():
            answered.add(
                posted(door, "tradingview" if number % 2 else "nobody", bodies[number % len(bodies)])
            )
        return answered

    with ThreadPoolExecutor(strangers) as pool:
        disturbing = [pool.submit(disturb, number) for number in range(strangers)]
        try:
            for number in range(honest):
                send_until_stored(door, symbol, number)
        finally:
            over.set()
        statuses = set().union(*(future.result() for future in disturbing))
    for connection in slow:
        connection.close()
    # 408: too slow. 503: the engine is too busy even for the secrets to be read.
    assert statuses <= {401, 408, 413, 429, 503, 0}, statuses
    assert sorted(int(price.price) for price in door.stored(symbol)) == list(range(1, honest + 1))
