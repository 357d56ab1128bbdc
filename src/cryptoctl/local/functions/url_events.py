"""A request to a function URL as the event that its function gets (payload format 2.0), and the way back."""

from __future__ import annotations

import base64
import binascii
import json
import re
import secrets
import time
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, unquote

from cryptoctl.local.http import HttpResponse, RequestHead

MAX_BYTES: Final[int] = 6 * 2**20
LOOPBACK: Final[str] = "127.0.0.1"
"""Who sends a request: the engine listens nowhere else."""
JSON: Final[dict[str, str]] = {"content-type": "application/json"}
# Of these kinds, and of `text/…`, a body is handed on as text; of all others in base64, forms among them.
_TEXT: Final = ("application/json", "application/xml", "application/javascript")
_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE: Final = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
BLANKS: Final = " \t"  # around a value they are no part of it (RFC 9110, 5.5), and are not sent
# What the connection itself needs is the server's to say.
_OF_THE_CONNECTION: Final = ("connection", "content-length", "keep-alive", "transfer-encoding", "upgrade")


def event_of(
    host: str, port: int, head: RequestHead, raw_path: str, body: bytes, request_id: str
) -> dict[str, Any]:
    """The event. `host` is the function URL's as the API gives it, `raw_path` the path as it was sent."""
    now, url_id = time.time(), host.partition(".")[0]
    headers = {name: value for name, value in head.headers.items() if name != "cookie"}
    # These the front end sets itself, whatever a client sends.
    headers |= {
        "host": host,
        "x-amzn-trace-id": f"Root=1-{int(now):08x}-{secrets.token_hex(12)}",
        "x-forwarded-for": LOOPBACK,
        "x-forwarded-port": str(port),
        "x-forwarded-proto": "http",
    }
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": raw_path,
        "rawQueryString": head.query,
        "headers": headers,
        "requestContext": {
            "accountId": "anonymous",
            "apiId": url_id,
            "domainName": host,
            "domainPrefix": url_id,
            "http": {
                "method": head.method,
                "path": unquote(raw_path),
                "protocol": "HTTP/1.1",
                "sourceIp": LOOPBACK,
                "userAgent": head.header("user-agent"),
            },
            "requestId": request_id,
            "routeKey": "$default",
            "stage": "$default",
            "time": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(now)),
            "timeEpoch": int(now * 1000),
        },
        "isBase64Encoded": False,
    }
    if cookies := [cookie.strip() for cookie in re.split("[;,]", head.header("cookie")) if cookie.strip()]:
        event["cookies"] = cookies
    if head.query:
        event["queryStringParameters"] = _query_parameters(head.query)
    if body:
        event["body"], event["isBase64Encoded"] = _body(head, body)
    return event


def _query_parameters(query: str) -> dict[str, str]:
    parameters: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        parameters[name] = f"{parameters[name]},{value}" if name in parameters else value
    return parameters


def _body(head: RequestHead, body: bytes) -> tuple[str, bool]:
    kind = head.header("content-type").partition(";")[0].strip().lower()
    if not head.header("content-encoding") and (kind.startswith("text/") or kind in _TEXT):
        return body.decode("utf-8", "replace"), False
    return base64.b64encode(body).decode(), True


def response_of(payload: str) -> HttpResponse | None:
    """The HTTP answer that a function's result stands for; None where it stands for none: that is a 502.

    A result without `statusCode` is the body of a 200.
    """
    if len(payload.encode()) > MAX_BYTES:
        return None
    try:
        result = json.loads(payload)
    except (ValueError, RecursionError):
        return None
    if not isinstance(result, dict) or "statusCode" not in result:
        text = result if isinstance(result, str) else payload
        return HttpResponse(200, text.encode() if result is not None else b"", dict(JSON))
    status, headers, body = _status(result["statusCode"]), _headers(result.get("headers")), _bytes(result)
    cookies = _cookies(result.get("cookies"))
    if status is None or headers is None or body is None or cookies is None:
        return None
    empty = status in (204, 304)
    return HttpResponse(status, b"" if empty else body, {**JSON, **headers}, cookies)


def _status(status: Any) -> int | None:
    if isinstance(status, str) and re.fullmatch("[0-9]{3}", status):
        status = int(status)
    return status if type(status) is int and 200 <= status <= 599 else None


def _headers(fields: Any) -> dict[str, str] | None:
    if fields is None:
        return {}
    if not isinstance(fields, Mapping):
        return None
    headers: dict[str, str] = {}
    for name, value in fields.items():
        text = str(value).lower() if isinstance(value, bool) else str(value)
        if isinstance(value, dict | list) or not _sendable(text) or not _HEADER_NAME.fullmatch(name):
            return None
        if name.lower() not in _OF_THE_CONNECTION:
            headers[name.lower()] = text.strip(BLANKS)
    return headers


def _cookies(cookies: Any) -> tuple[str, ...] | None:
    cookies = [] if cookies is None else cookies
    if not isinstance(cookies, list) or not all(
        isinstance(cookie, str) and _sendable(cookie) for cookie in cookies
    ):
        return None
    return tuple(cookie.strip(BLANKS) for cookie in cookies)


def _bytes(result: Mapping[str, Any]) -> bytes | None:
    body = result.get("body")
    if body is None:
        return b""
    if not isinstance(body, str):
        return json.dumps(body).encode() if isinstance(body, int | float | bool) else None
    if result.get("isBase64Encoded") is not True:
        return body.encode()
    try:
        return base64.b64decode(body)
    except (binascii.Error, ValueError):
        return None


def _sendable(text: str) -> bool:
    return _HEADER_VALUE.fullmatch(text) is not None
