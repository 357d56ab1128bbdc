"""A price as a sender would send it: its body, its headers with the proof, and the same as a curl command."""

from __future__ import annotations

import json
import re
import shlex
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from cryptoctl.core.authentication import BasicScheme, HmacScheme, TokenScheme
from cryptoctl.core.senders import scheme_of
from cryptoctl.errors import InputError
from cryptoctl.webhook_presets import SAMPLES
from cryptoctl.webhook_settings import SenderSettings

TEST_SYMBOL, TEST_EXCHANGE = "WEBHOOK-TEST", "webhook-test"
_PATH = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", re.ASCII)
JSON_TYPE = "application/json"


@dataclass(frozen=True, kw_only=True, repr=False)
class SenderRequest:
    """A request to the webhook, ready to be sent."""

    url: str
    headers: Mapping[str, str]
    body: str

    def curl(self) -> str:
        """The request as a command for a shell."""
        parts = ["curl", "-sS", "-X", "POST", self.url]
        for name, value in self.headers.items():
            parts += ["-H", f"{name}: {value}"]
        return " ".join(map(shlex.quote, [*parts, "--data-binary", self.body]))


@dataclass(frozen=True, kw_only=True)
class RequestMaker:
    """Makes requests of one sender."""

    name: str
    sender: SenderSettings
    address: str

    @cached_property
    def keys(self) -> Mapping[str, Any]:
        """The sender's settings, its preset's among them."""
        return self.sender.with_preset()

    def sample(self) -> str:
        """A body with a test price, as this sender writes it. Raises Failure where that is not known."""
        if self.sender.preset in SAMPLES and self.sender.fields is None:
            return SAMPLES[self.sender.preset]
        price = {"symbol": TEST_SYMBOL, "price": "1", "exchange": TEST_EXCHANGE}
        mapped = self.keys.get("fields")
        if not mapped and "prices" not in self.keys:
            return json.dumps({key: price[key] for key in price if key not in self.keys.get("constants", {})})
        record: dict[str, Any] = {}
        for name, expression in (mapped or {key: key for key in price}).items():
            if name in price:
                _put(record, expression, price[name])
        path = self.keys.get("prices")
        if path is None:
            return json.dumps(record)
        document: dict[str, Any] = {}
        _put(document, path, [record])
        return json.dumps(document)

    def request(self, secret: str, body: str, *, now_s: float, message_id: str) -> SenderRequest:
        """The request with its proof; `now_s` in seconds since 1970. Raises SecretError."""
        url = self.address + self.name
        headers = {"content-type": _content_type(body)}
        scheme = scheme_of(self.name, self.keys)
        if isinstance(scheme, BasicScheme):
            credentials = b64encode(f"{scheme.username}:{secret}".encode()).decode()
            headers["authorization"] = f"Basic {credentials}"
        elif isinstance(scheme, HmacScheme):
            headers |= _signature_headers(scheme, secret, body, f"{now_s:.0f}", message_id)
        elif isinstance(scheme, TokenScheme):
            if scheme.token_header is not None:
                headers[scheme.token_header] = scheme.token_prefix + secret
            elif scheme.token_in_path:
                url = f"{url}/{secret}"
            elif scheme.token_member is not None:
                body = _with_member(body, scheme.token_member, secret)
        return SenderRequest(url=url, headers=headers, body=body)


def _signature_headers(
    scheme: HmacScheme, secret: str, body: str, time: str, message_id: str
) -> dict[str, str]:
    signature = scheme.signature(secret, scheme.message(body.encode(), time, message_id))
    parts = [scheme.signature_prefix + signature]
    headers = {}
    if scheme.message_id_header is not None:
        headers[scheme.message_id_header] = message_id
    if scheme.timestamp_header == scheme.signature_header:
        parts.insert(0, scheme.timestamp_prefix + time)
    elif scheme.timestamp_header is not None:
        headers[scheme.timestamp_header] = scheme.timestamp_prefix + time
    return {**headers, scheme.signature_header: (scheme.delimiter or "").join(parts)}


def _content_type(body: str) -> str:
    return JSON_TYPE if body.lstrip().startswith(("{", "[")) else "application/x-www-form-urlencoded"


def _with_member(body: str, name: str, secret: str) -> str:
    start = body.lstrip()
    if start.startswith("["):
        raise InputError(
            f"A list has no member {name!r} in which the secret could stand.",
            "Give a message that is an object with --body FILE.",
        )
    if not start.startswith("{"):
        return "&".join([*filter(None, [start.rstrip()]), urlencode({name: secret})])
    members = start[1:].lstrip()
    comma = "" if members.startswith("}") else ", "
    return f"{{{json.dumps(name)}: {json.dumps(secret)}{comma}{members}"


def _put(record: dict[str, Any], path: str, value: Any) -> None:
    """Puts the value where a plain path such as `data.p` finds it."""
    if not _PATH.fullmatch(path):
        raise InputError(
            f"What this sender writes cannot be told from the expression {path!r}.",
            "Give a message of theirs with --body FILE.",
        )
    *outer, last = path.split(".")
    for name in outer:
        record = record.setdefault(name, {})
    record[last] = value
