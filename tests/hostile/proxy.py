"""A hostile AWS: an HTTP proxy before the embedded engine that behaves as badly as AWS may."""

from __future__ import annotations

import http.client
import os
import select
import signal
import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from urllib.parse import urlsplit

from hostile.faults import Faults
from hostile.jitter import Jitter
from hostile.lengths import Window, Windows
from hostile.windows import windows
from hostile.wire import Answer, Request, read

HOP_BY_HOP = frozenset({"connection", "transfer-encoding", "content-length", "keep-alive"})


class Accident(StrEnum):
    """What befalls the client at one writing call."""

    KILLED_BEFORE = "killed before it"
    KILLED_AFTER = "killed after it"
    ANSWER_LOST = "its answer lost"


@dataclass(kw_only=True)
class Trap:
    """Springs once, at the request that `matches`."""

    matches: Callable[[Request], bool]
    accident: Accident
    victim: int = 0
    """The process to kill."""
    sprung: Request | None = None

    def kill(self) -> None:
        """The client ends as with a power cut."""
        assert self.victim, "0 is whoever runs the test"
        os.kill(self.victim, signal.SIGKILL)


@dataclass(kw_only=True)
class Gate:
    """Holds every request that `matches` until it is opened."""

    matches: Callable[[Request], bool]
    held_requests: list[Request] = field(default_factory=list)
    reached: threading.Event = field(default_factory=threading.Event)
    opened: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def pass_through(self, request: Request) -> None:
        """Goes on when the gate is open, or does not hold such a request."""
        with self._lock:
            if self.opened.is_set() or not self.matches(request):
                return
            self.held_requests.append(request)
        self.reached.set()
        assert self.opened.wait(300)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One request as it was seen, and how it was answered (0: not at all)."""

    request: Request
    status: int
    began_s: float
    ended_s: float = 0.0


@dataclass(kw_only=True)
class ProxyBehaviour:
    """How the proxy behaves at the moment; replaced as a whole between tests."""

    windows: tuple[Window, ...] = ()
    faults: Faults = field(default_factory=Faults)
    latency_s: float = 0.0
    jitter: Jitter | None = None
    trap: Trap | None = None
    gate: Gate | None = None
    recorded: list[Entry] = field(default_factory=list)
    dead: bool = False
    """Nothing gets through any more: whoever would send it was killed."""

    def delay(self, request: Request) -> None:
        """By the way to AWS and back, and by the gate."""
        if self.latency_s:
            time.sleep(self.latency_s)
        if self.jitter:
            time.sleep(self.jitter.delay_s(request))
        if self.gate:
            self.gate.pass_through(request)


class _Dropped(Exception):
    """The connection ends without an answer."""


class HostileProxy:
    """Start it with `with`; clients have the engine as their endpoint, and `url` as their HTTP proxy.

    So a request is signed for the engine, which accepts no other. With `tls`, clients may have the engine's
    address with https:// as their endpoint, and `url` as their HTTPS proxy.
    """

    def __init__(
        self, engine_url: str, address: tuple[str, int] = ("127.0.0.1", 0), tls: ssl.SSLContext | None = None
    ) -> None:
        self.engine = urlsplit(engine_url)
        self.tls = tls
        self.behaviour = ProxyBehaviour()
        self.lock = threading.Lock()
        self._idle: list[http.client.HTTPConnection] = []
        self._server = _Server(address, _handler(self))
        host = address[0] if ":" not in address[0] else f"[{address[0]}]"
        self.url = f"http://{host}:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> HostileProxy:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        for connection in self._idle:
            connection.close()

    def behave(
        self,
        requested_windows: Windows | None = None,
        *,
        faults: Faults | None = None,
        latency_s: float = 0.0,
        jitter: Jitter | None = None,
        trap: Trap | None = None,
        gate: Gate | None = None,
        more: Sequence[Window] = (),
    ) -> ProxyBehaviour:
        """From now on like this; gives it with its fresh record. `more` refuses before all else."""
        self.behaviour = ProxyBehaviour(
            windows=(*more, *windows(requested_windows or Windows())),
            faults=faults or Faults(),
            latency_s=latency_s,
            jitter=jitter,
            trap=trap,
            gate=gate,
        )
        return self.behaviour

    def answer(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Answer:
        """One request through everything that lies in wait. Raises _Dropped for no answer."""
        behaviour, began_s = self.behaviour, time.monotonic()
        request = read(method, target, headers, body)
        status = 0
        try:
            answer = self._through(behaviour, request, (method, target, headers, body))
            status = answer.status
            return answer
        finally:
            with self.lock:
                behaviour.recorded.append(
                    Entry(request=request, status=status, began_s=began_s, ended_s=time.monotonic())
                )

    def _through(
        self, behaviour: ProxyBehaviour, request: Request, raw: tuple[str, str, dict[str, str], bytes]
    ) -> Answer:
        behaviour.delay(request)
        trap = self._sprung(behaviour, request)
        if behaviour.dead and trap is None:
            raise _Dropped
        if trap and trap.accident is Accident.KILLED_BEFORE:
            trap.kill()
            raise _Dropped
        if behaviour.faults.resets(request):
            raise _Dropped
        refused = behaviour.faults.before(request) or _refused(behaviour, request)
        if refused is not None:
            return refused
        answer = self._answered(behaviour, request, raw)
        with self.lock:
            for window in behaviour.windows:
                answer = window.rewrite(request, answer)
        if trap is None:
            if behaviour.faults.loses(request):
                raise _Dropped
            return behaviour.faults.after(request) or answer
        if trap.accident is Accident.KILLED_AFTER:
            trap.kill()
        raise _Dropped

    def _answered(
        self, behaviour: ProxyBehaviour, request: Request, raw: tuple[str, str, dict[str, str], bytes]
    ) -> Answer:
        try:
            return self._forward(*raw)
        except (OSError, http.client.HTTPException):
            with self.lock:
                for window in behaviour.windows:
                    window.unanswered(request)
            raise

    def _sprung(self, behaviour: ProxyBehaviour, request: Request) -> Trap | None:
        trap = behaviour.trap
        with self.lock:
            if trap is None or trap.sprung or not trap.matches(request):
                return None
            trap.sprung = request
            behaviour.dead = trap.accident is not Accident.ANSWER_LOST
            return trap

    def _forward(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Answer:
        connection = self._connection()
        forwarded = {name: value for name, value in headers.items() if name not in HOP_BY_HOP}
        try:
            connection.request(method, target, body=body, headers=forwarded)
            response = connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException):
            connection.close()
            raise
        self._idle.append(connection)
        end_to_end = {name: value for name, value in response.getheaders() if name.lower() not in HOP_BY_HOP}
        return Answer(status=response.status, headers=end_to_end, body=content)

    def _connection(self) -> http.client.HTTPConnection:
        """One to the engine: whichever is idle, since a client's own ends with its process."""
        with suppress(IndexError):
            while True:
                idle = self._idle.pop()
                if idle.sock is not None and not select.select([idle.sock], [], [], 0)[0]:
                    return idle
                # The engine has closed what was idle for too long; a request sent there would be lost.
                idle.close()
        connection = http.client.HTTPConnection(self.engine.hostname or "", self.engine.port, timeout=60)
        connection.connect()
        return connection


def _refused(behaviour: ProxyBehaviour, request: Request) -> Answer | None:
    return next((answer for window in behaviour.windows if (answer := window.refuse(request))), None)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that was killed leaves its connections in pieces; that is what we are here for."""


def _handler(proxy: HostileProxy) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def _serve(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = self.rfile.read(int(headers.get("content-length", 0)))
            # A client of a proxy sends the whole URL.
            target = self.path.removeprefix(proxy.engine.geturl())
            try:
                answer = proxy.answer(self.command, target, headers, body)
            except _Dropped:
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            self.send_response_only(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        def do_CONNECT(self) -> None:
            """The client speaks TLS from here on. To connect and to shake hands takes a round trip each."""
            assert proxy.tls is not None
            time.sleep(proxy.behaviour.latency_s)
            self.send_response_only(200)
            self.end_headers()
            time.sleep(proxy.behaviour.latency_s)
            self.request = proxy.tls.wrap_socket(self.connection, server_side=True)
            self.setup()
            self.close_connection = False  # whatever version of HTTP asked to connect

        do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = _serve  # noqa: N815

        def finish(self) -> None:
            try:
                super().finish()
            finally:
                if proxy.tls is not None:
                    self.connection.close()  # the server knows the socket beneath alone

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """The record says it all."""

    return Handler
