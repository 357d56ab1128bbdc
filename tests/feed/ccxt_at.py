"""Points ccxt's exchanges at a server on loopback; also in a process that has no pytest."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

EXCHANGES = ("binance", "kraken")


def point(port: int, put: Callable[[Any, str, Any], object] = setattr, *, tls: bool = False) -> None:
    """From now on these exchanges are on that port, without their pauses between requests."""
    pro = importlib.import_module("ccxt.pro")
    for name in EXCHANGES:
        original = getattr(pro, name).describe

        def describe(exchange: Any, original: Any = original) -> Any:
            described = original(exchange)
            described["urls"]["api"] = _there(described["urls"]["api"], port, "s" if tls else "")
            described["rateLimit"] = 1
            described["verify"] = tls  # without TLS no exchange need read the authorities' certificates
            return described

        put(getattr(pro, name), "describe", describe)


def _there(urls: Any, port: int, secure: str) -> Any:
    if isinstance(urls, dict):
        return {name: _there(url, port, secure) for name, url in urls.items()}
    parts = urlsplit(urls)
    scheme = ("ws" if parts.scheme == "wss" else "http") + secure
    return parts._replace(scheme=scheme, netloc=f"127.0.0.1:{port}").geturl()
