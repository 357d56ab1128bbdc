"""Who reaches the page, over a socket: with its token, from itself, by GET, and nobody else."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import subprocess
import sys
from collections.abc import Mapping
from urllib.parse import urlsplit

import pytest

from cryptoctl.dashboard.page import LIBRARY, SCRIPTS, served_files
from cryptoctl.dashboard.server import serving
from cryptoctl.dashboard.site import Site
from cryptoctl.errors import Failure
from cryptoctl.local.http import RequestHead
from cryptoctl.ops.candles import Interval
from dashboard.conftest import LIMITS, FakeReader

pytestmark = pytest.mark.process
Answer = tuple[int, Mapping[str, str], bytes]


def ask(site: Site, path: str, method: str = "GET", host: str = "", **headers: str) -> Answer:
    """The answer to a request for a path, which is taken as it is."""
    address = urlsplit(site.url)
    connection = http.client.HTTPConnection("127.0.0.1", address.port, timeout=60)
    try:
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        connection.putheader("Host", host or address.netloc)
        for name, value in headers.items():
            connection.putheader(name.replace("_", "-"), value)
        connection.endheaders()
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def path_of(site: Site, name: str = "") -> str:
    return urlsplit(site.url).path + name


@pytest.mark.parametrize("name", ["", "page.css", LIBRARY, *SCRIPTS])
def test_the_page_and_its_files_are_served_with_a_policy_and_nothing_is_kept(site: Site, name: str) -> None:
    status, headers, body = ask(site, path_of(site, name))
    assert (status, body.decode()) == (200, served_files()[name][1])
    policy = headers["content-security-policy"]
    assert "unsafe" not in policy and "*" not in policy and "http" not in policy
    assert headers["cache-control"] == "no-store" and headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-resource-policy"] == headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["x-frame-options"] == "DENY" and headers["x-content-type-options"] == "nosniff"
    assert not {name for name in headers if name.startswith("access-control") or name == "set-cookie"}


@pytest.mark.parametrize(
    "path",
    [
        *(
            "/",
            "/favicon.ico",
            "/state",
            "/TOKEN",
            "/TOKENx/state",
            "/TOKE/state",
            "//TOKEN/state",
            "/?TOKEN/state",
        ),
        *("/TOKEN/../state", "/TOKEN/%2e%2e/site.py", "/TOKEN/page.html", "/TOKEN//state", "/TOKEN/state/"),
        *("/TOKEN/..%2fserver.py", "/TOKEN/assets/page.css", "/open/", "/open/TOKEN", "/%74oken/state"),
    ],
)
def test_without_the_exact_path_there_is_nothing(site: Site, reader: FakeReader, path: str) -> None:
    reader.answer = {"secret": "PRICES"}
    token = path_of(site).strip("/")
    status, headers, body = ask(site, path.replace("TOKEN", token))
    assert status in (403, 404)
    assert b"PRICES" not in body and token.encode() not in body and "location" not in headers


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"host": "localhost:PORT"}, 403),
        ({"host": "evil.example:PORT"}, 403),
        ({"host": "127.0.0.1"}, 403),
        ({"host": "127.0.0.1:1"}, 403),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://127.0.0.1:1"}, 403),
        ({"origin": "http://127.0.0.1:PORT"}, 200),
        ({"sec_fetch_site": "cross-site"}, 403),
        ({"sec_fetch_site": "same-site"}, 403),
        ({"sec_fetch_site": "same-origin"}, 200),
        ({"sec_fetch_site": "none"}, 200),
        ({}, 200),
    ],
)
def test_what_a_browser_adds_for_another_page_is_refused_with_the_right_token_too(
    site: Site, headers: dict[str, str], expected: int
) -> None:
    port = str(urlsplit(site.url).port)
    status, _, _ = ask(
        site, path_of(site, "state"), **{name: value.replace("PORT", port) for name, value in headers.items()}
    )
    assert status == expected


@pytest.mark.parametrize(
    ("port", "host", "expected"),
    [
        *((80, "127.0.0.1", 303), (80, "127.0.0.1:80", 303), (80, "127.0.0.1:8080", 403)),
        *((80, "localhost", 403), (8080, "127.0.0.1", 403), (8080, "127.0.0.1:8080", 303)),
    ],
)
def test_http_s_own_port_may_be_left_out_as_browsers_do(
    reader: FakeReader, port: int, host: str, expected: int
) -> None:
    """And the address is written as they write it, so that what they send as Origin is the page's own."""
    site = Site(reader, {}, port)
    assert urlsplit(site.url).netloc == ("127.0.0.1" if port == 80 else f"127.0.0.1:{port}")
    origin = site.url[: site.url.index("/", 7)]
    head = RequestHead("GET", urlsplit(site.ticket_url()).path, {"host": host, "origin": origin})

    async def body(_max_bytes: int) -> bytes:
        return b""

    assert asyncio.run(site.handle(head, body)).status == expected


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "CONNECT", "get"])
def test_only_get_is_answered(site: Site, method: str) -> None:
    status, headers, _ = ask(site, path_of(site, "state"), method, content_length="0")
    assert (status, headers.get("allow")) == (405, "GET")


def test_the_address_for_a_browser_leads_to_the_page_once(site: Site) -> None:
    ticket = urlsplit(site.ticket_url()).path
    status, headers, _ = ask(site, ticket)
    assert (status, headers["location"]) == (303, path_of(site))
    assert ask(site, ticket)[0] == 403


@pytest.mark.parametrize(
    "query",
    [
        *("", "?symbol=", "?symbol=BTC&interval=2m", "?symbol=BTC&interval=1m&since=-1"),
        *("?symbol=BTC&since=x", "?symbol=BTC&since=%D9%A1", "?symbol=" + "B" * 2049),
        *("?symbol=%20", "?symbol=%C2%A0&interval=1m&since=0"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(site: Site, reader: FakeReader, query: str) -> None:
    assert ask(site, path_of(site, "prices") + query)[0] == 400
    assert reader.asked_for == []


def test_prices_are_asked_for_as_they_are_stored(site: Site, reader: FakeReader) -> None:
    status, _, body = ask(site, path_of(site, "prices?symbol=%3Cb%3E&interval=1h&since=17"))
    assert (status, json.loads(body)) == (200, None)
    assert reader.asked_for == [("<B>", Interval.HOUR, 17)]


def test_connections_that_ask_for_nothing_make_room_for_one_that_does(site: Site) -> None:
    address = ("127.0.0.1", urlsplit(site.url).port)
    idle = [socket.create_connection(address) for _ in range(4 * LIMITS.connections)]
    try:
        assert ask(site, path_of(site))[0] == 200
        for connection in idle[: -LIMITS.connections]:
            connection.settimeout(60)
            assert connection.recv(1) == b""  # closed, for the others
    finally:
        for connection in idle:
            connection.close()


def test_a_port_that_is_taken_is_told(site: Site, reader: FakeReader) -> None:
    port = urlsplit(site.url).port
    assert port
    with pytest.raises(Failure, match=rf"cannot listen on port {port}: [\w ]+\.$"), serving(reader, {}, port):
        pass


def test_it_listens_on_loopback_alone(site: Site) -> None:
    port = urlsplit(site.url).port
    with pytest.raises(OSError), socket.create_connection(("127.0.0.2", port or 0), timeout=2):
        pass


OUT_OF_FILES = """
import os, resource, sys
from cryptoctl.dashboard.server import serving

limit = 64
resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
held = []
while len(held) < limit:
    try:
        held.append(os.open(os.devnull, os.O_RDONLY))
    except OSError:
        break
for descriptor in held[-int(sys.argv[1]):]:
    os.close(descriptor)
try:
    with serving(None, {}, 0):
        pass
except OSError as error:
    print(error.strerror)
"""


@pytest.mark.parametrize("left", [1, 2, 3])
def test_where_no_more_files_can_be_opened_nothing_else_is_said_of_it(left: int) -> None:
    pytest.importorskip("resource")
    command = [sys.executable, "-c", OUT_OF_FILES, str(left)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("Too many open files\n", "")
