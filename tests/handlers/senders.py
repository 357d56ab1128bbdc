"""Senders of every scheme, their secrets, and requests as a function URL brings them."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Mapping
from typing import Any

from cryptoctl.core.authentication import HmacScheme
from cryptoctl.core.senders import allowed_senders
from cryptoctl.webhook_presets import PRESETS
from handlers.events import ARRIVED_MS

OWN = {name: name for name in ("symbol", "price", "exchange", "volume", "timestamp", "id")}
SENDERS: dict[str, Any] = {
    "standard": PRESETS["standard-webhooks"],
    "tradingview": {**PRESETS["tradingview"], "sources": ["52.89.214.238"]},
    "alerting": PRESETS["cryptocurrencyalerting"],
    "coinmarket": PRESETS["coinmarketalert"],
    "stripe": PRESETS["stripe-like"],
    "github": PRESETS["github-like"],
    "header": {"scheme": "token", "token_header": "authorization", "token_prefix": "Bearer "},
    "member": {"scheme": "token", "token_in_path": True, "token_member": "key"},
    "basic": {"scheme": "basic", "username": "desk"},
    "mapped": {
        "scheme": "hmac",
        "signature_header": "x-signature",
        "message_id_header": "x-message-id",
        "prices": "data",
        "fields": {"symbol": "s", "price": "p", "timestamp": "t", "volume": "v"},
        "constants": {"exchange": "provider"},
    },
}
SECRETS = {
    name: ("whsec_" + base64.b64encode(name.encode() * 4).decode())
    if keys.get("secret_encoding") == "base64"
    else f"the-secret-of-the-sender-{name}"
    for name, keys in SENDERS.items()
}
PRICE = {"symbol": "BTC", "price": 50000.25, "exchange": "coinbase", "timestamp": ARRIVED_MS}
BODIES: dict[str, bytes] = {
    # As https://cryptocurrencyalerting.com/webhook-reference.html shows a price alert.
    "alerting": b"""{"type": "price", "message": "ZCash (ZEC) went above 150.00 USD on Gemini.",
        "currency": "ZEC", "direction": "above", "price": "150.00", "target_currency": "USD",
        "exchange": "Gemini"}""",
    "coinmarket": b"coin_abbreviation=BTC&usd_price=50000.25&time=1700000000",
    "mapped": b'{"data":[{"s":"BTC","p":50000.25,"t":1700000000000,"c":NaN}]}',
}


def variable() -> str:
    return json.dumps(SENDERS)


def parameters(secrets: Mapping[str, str] = SECRETS) -> dict[str, str]:
    return {
        f"/cryptoctl/test/webhook/{name}": json.dumps({"secret": secret}) for name, secret in secrets.items()
    }


def event(
    path: str,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    *,
    method: str = "POST",
    source: str = "52.89.214.238",
    encoded: bool = False,
) -> dict[str, Any]:
    """A request as Lambda's function URL gives it to the function (payload format 2.0)."""
    text = base64.b64encode(body).decode() if encoded else body.decode()
    return {
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"content-type": "application/json", **(headers or {})},
        "requestContext": {
            "http": {"method": method, "path": path, "sourceIp": source},
            "timeEpoch": ARRIVED_MS,
        },
        "body": text,
        "isBase64Encoded": encoded,
    }


def honest(
    name: str, body: bytes | None = None, secret: str | None = None, message_id: str = "msg_1", **more: Any
) -> dict[str, Any]:
    """A request as that sender makes it, now."""
    body = BODIES.get(name, json.dumps(PRICE).encode()) if body is None else body
    secret = SECRETS[name] if secret is None else secret
    keys = SENDERS[name]
    headers: dict[str, str] = more.pop("headers", {})
    if name == "coinmarket":
        headers = {"content-type": "application/x-www-form-urlencoded", **headers}
    if keys["scheme"] == "token" and keys.get("token_in_path"):
        return event(f"/{name}/{secret}", body, headers, **more)
    if keys["scheme"] == "token":
        return event(f"/{name}", body, {"authorization": f"Bearer {secret}", **headers}, **more)
    if keys["scheme"] == "basic":
        credentials = base64.b64encode(f"desk:{secret}".encode()).decode()
        return event(f"/{name}", body, {"authorization": f"Basic {credentials}", **headers}, **more)
    return event(f"/{name}", body, {**signature(name, body, secret, message_id), **headers}, **more)


def signature(
    name: str, body: bytes, secret: str, message_id: str = "msg_1", at_s: float | None = None
) -> dict[str, str]:
    """The headers with which that sender signs."""
    scheme = allowed_senders(json.dumps({name: SENDERS[name]}), str)[name].scheme  # type: ignore[arg-type]
    assert isinstance(scheme, HmacScheme)
    moment = f"{time.time() if at_s is None else at_s:.0f}"
    signed = scheme.signature_prefix + scheme.signature(secret, scheme.message(body, moment, message_id))
    headers = {scheme.message_id_header: message_id} if scheme.message_id_header else {}
    if scheme.timestamp_header == scheme.signature_header:
        return {**headers, scheme.signature_header: f"t={moment},{signed}"}
    if scheme.timestamp_header:
        headers[scheme.timestamp_header] = moment
    return {**headers, scheme.signature_header: signed}
