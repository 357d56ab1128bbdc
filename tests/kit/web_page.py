"""A page on another origin, and what a real browser shows of an address."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from kit.browser import NOWHERE_ELSE, OWN_BUSINESS, chromium


@contextmanager
def page_at(text: str) -> Iterator[int]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_arguments: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


def look(url: str, profile: Path) -> str:
    """The page's text after its scripts have run."""
    command = [chromium(), "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}"]
    # The private-network rules of newer browsers are switched off: the engine must not need them.
    off = f"PrivateNetworkAccessRespectPreflightResults,LocalNetworkAccessChecks,{OWN_BUSINESS}"
    hosts = f"MAP evil.example 127.0.0.1, {NOWHERE_ELSE}"
    command += [f"--disable-features={off}", f"--host-resolver-rules={hosts}", "--virtual-time-budget=8000"]
    result = subprocess.run(
        [*command, "--dump-dom", url], capture_output=True, text=True, timeout=90, check=False
    )
    return result.stdout
