"""A plain request to a function URL, as any sender makes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

TIMEOUT_S = 30


@dataclass(frozen=True, kw_only=True)
class HttpAnswer:
    """The status and the beginning of the body; 0 and the reason where none came."""

    status: int
    body: str


def send(
    url: str, method: str, path: str, body: str = "", headers: Mapping[str, str] | None = None
) -> HttpAnswer:
    """Sends one request to an address, without a proxy and without credentials."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    # Not every machine knows that what ends in .localhost is itself.
    connection = (
        HTTPSConnection(host, timeout=TIMEOUT_S)
        if parts.scheme == "https"
        else HTTPConnection("127.0.0.1", parts.port, timeout=TIMEOUT_S)
    )
    try:
        given = {"Host": parts.netloc, "Content-Type": "application/json", **(headers or {})}
        connection.request(method, path, body=body.encode() or None, headers=given)
        answer = connection.getresponse()
        return HttpAnswer(status=answer.status, body=answer.read(1000).decode(errors="replace"))
    except (OSError, HTTPException) as error:
        return HttpAnswer(status=0, body=f"{type(error).__name__}: {error}")
    finally:
        connection.close()
