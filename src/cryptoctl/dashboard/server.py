"""The dashboard's server: the engine's own HTTP server, on loopback, in a thread of its own."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager

from cryptoctl.dashboard.library import missing_package
from cryptoctl.dashboard.reader import PageReader
from cryptoctl.dashboard.site import Site
from cryptoctl.errors import ExitCode, Failure

try:
    from cryptoctl.local.http_server import HttpServer, Limits
except ImportError:  # h11, which the extra brings
    raise missing_package("h11") from None

LIMITS = Limits(
    connections=64,
    head_bytes=16 * 1024,
    head_within_s=5.0,
    idle_s=30.0,
    body_within_s=5.0,
    response_within_s=20.0,
)
LOOP_FILES = 3  # a selector, and both ends of what wakes it


@contextmanager
def serving(
    reader: PageReader, assets: Mapping[str, tuple[str, str]], port: int, limits: Limits = LIMITS
) -> Iterator[Site]:
    """Serves the page during the block; port 0 is any free one. Raises Failure where it is taken."""
    try:
        listener = socket.create_server(("127.0.0.1", port))
    except OSError as error:
        raise Failure(
            ExitCode.FAILED,
            f"The dashboard cannot listen on port {port}: {os.strerror(error.errno or 0)}.",
            "Choose another --port, or leave it out for one that is free.",
        ) from error
    # A loop that cannot be made says at its end, in words of its own, what it lacks.
    with ExitStack() as files:
        for _ in range(LOOP_FILES):
            files.enter_context(listener.dup())
    site = Site(reader, assets, listener.getsockname()[1])
    loop = asyncio.new_event_loop()
    server = HttpServer(site.handle, limits)
    loop.run_until_complete(server.start(listener))
    thread = threading.Thread(target=loop.run_forever, name="dashboard", daemon=True)
    thread.start()
    reader.start()
    try:
        yield site
    finally:
        reader.stop()
        asyncio.run_coroutine_threadsafe(server.stop(0.0), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
