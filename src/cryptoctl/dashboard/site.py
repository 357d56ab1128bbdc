"""Who may ask for what: GET only, from the page itself, with the token that is in its address.

The token is in the path and not in a cookie, because a browser sends a cookie to every port of a host.
"""

from __future__ import annotations

import hmac
import json
import secrets
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from cryptoctl.core.names import folded_symbol
from cryptoctl.dashboard.page import POLICY
from cryptoctl.dashboard.reader import PageReader
from cryptoctl.local.http import HttpResponse, RequestHead, authorities
from cryptoctl.ops.candles import Interval

if TYPE_CHECKING:
    from cryptoctl.local.http_server import ReadBody

HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
# Of a partition key, as DynamoDB takes it; what it refuses would be a trouble on every page.
MAX_SYMBOL_BYTES = 2048
NO_ADDRESS = "Nothing is here. Open the address that `cryptoctl dashboard` has printed.\n"


class Site:
    """Answers the page's requests."""

    def __init__(self, reader: PageReader, assets: Mapping[str, tuple[str, str]], port: int) -> None:
        self._reader, self._assets = reader, assets
        self._hosts = authorities("127.0.0.1", port)
        self._origin = f"http://{self._hosts[0]}"
        self._token = secrets.token_urlsafe(32)
        self._tickets: set[str] = set()
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        """The page's address. Whoever has it sees the page."""
        return f"{self._origin}/{self._token}/"

    def ticket_url(self) -> str:
        """An address that leads to the page once: a browser's command line can be read by others."""
        ticket = secrets.token_urlsafe(32)
        with self._lock:
            self._tickets.add(ticket)
        return f"{self._origin}/open/{ticket}"

    async def handle(self, head: RequestHead, _body: ReadBody) -> HttpResponse:
        """The answer to a request; nothing is awaited, and no body is read."""
        refusal = self._refusal(head)
        if refusal is not None:
            return refusal
        segment, _, path = head.raw_path[1:].partition("/")
        if segment == "open":
            return self._redeem_ticket(path)
        if not hmac.compare_digest(segment.encode(), self._token.encode()) or "/" not in head.raw_path[1:]:
            return _text(404, NO_ADDRESS)
        if path == "state":
            return _json(self._reader.state())
        if path == "prices":
            return self._prices(head.query)
        if path not in self._assets:
            return _text(404, NO_ADDRESS)
        media_type, content = self._assets[path]
        return HttpResponse(
            200, content.encode(), {**HEADERS, "content-type": f"{media_type}; charset=utf-8"}
        )

    def _refusal(self, head: RequestHead) -> HttpResponse | None:
        """What a browser adds says where a request comes from: a rebound name, another page."""
        if head.header("host") not in self._hosts:
            return _text(403, f"Requests have to be for {self._origin}.\n")
        if head.header("origin") not in ("", self._origin):
            return _text(403, "Requests of other pages are refused.\n")
        if head.header("sec-fetch-site") not in ("", "none", "same-origin"):
            return _text(403, "Requests of other pages are refused. Paste the address into a new window.\n")
        if head.method != "GET":
            return _text(405, "This page can only be read.\n", allow="GET")
        return None

    def _redeem_ticket(self, ticket: str) -> HttpResponse:
        with self._lock:
            match = next(
                (issued for issued in self._tickets if hmac.compare_digest(issued.encode(), ticket.encode())),
                None,
            )
            self._tickets.discard(match or "")
        if match is None:
            return _text(
                403, "This address has been used. Open the one that `cryptoctl dashboard` printed.\n"
            )
        return _text(303, "", location=f"/{self._token}/")

    def _prices(self, query: str) -> HttpResponse:
        parameters = {name: values[-1] for name, values in parse_qs(query).items()}
        symbol, revision = folded_symbol(parameters.get("symbol", "")), parameters.get("since", "0")
        with suppress(ValueError):
            interval = Interval(parameters.get("interval", Interval.MINUTE))
            valid = 0 < len(symbol.encode()) <= MAX_SYMBOL_BYTES
            if valid and revision.isascii() and revision.isdigit():
                return _json(self._reader.prices(symbol, interval, int(revision[:18])))
        return _text(400, "symbol, interval (1m, 5m, 1h, 1d) and since (a number) are needed.\n")


def _json(value: Any) -> HttpResponse:
    body = json.dumps(value, separators=(",", ":")).encode()
    return HttpResponse(200, body, {**HEADERS, "content-type": "application/json"})


def _text(status: int, message: str, **headers: str) -> HttpResponse:
    return HttpResponse(
        status, message.encode(), {**HEADERS, **headers, "content-type": "text/plain; charset=utf-8"}
    )
