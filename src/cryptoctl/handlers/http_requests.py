"""Requests to the function's URL: who may come in, in the order of docs/webhooks.md.

Every request that is not proven to come from a sender gets the same answer, whatever was wrong with it. A
line counts it and tells the operator what was wrong, with nothing of the request.
Environment: WEBHOOK_SENDERS (JSON, without secrets), ENVIRONMENT.
"""

import base64
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from cryptoctl.core.prices import MAX_BYTES
from cryptoctl.core.senders import NOBODY, AllowedSender, allowed_senders
from cryptoctl.core.webhook_messages import Arrival, short_id
from cryptoctl.core.webhook_requests import WebhookRequest
from cryptoctl.handlers import logs, metrics, sender_secrets
from cryptoctl.handlers.exact_jmespath import ExactExpression
from cryptoctl.handlers.responses import UrlResponse, http_response, unavailable

HEALTH = "health"
_OTHER_WAYS = frozenset({"httpMethod", "method"})  # of a REST API and a load balancer, and of VPC Lattice
NOT_CHECKED = "the request could not be checked: send it again"

_log = logs.logger("webhook_processor")


@dataclass(frozen=True, kw_only=True, slots=True)
class AuthenticatedRequest:
    """A request that its sender has proven to be theirs; `secrets` are those that count now."""

    sender: AllowedSender
    request: WebhookRequest
    secrets: tuple[str, ...]

    def arrival(self, ms: int) -> Arrival:
        """When it came (milliseconds since 1970), and which message of the sender's it is."""
        message_id = self.request.header(self.sender.message_id_header)
        return Arrival(ms=ms, sender=self.sender.name, message_id=short_id(message_id) if message_id else "")


def is_http(event: Any) -> bool:
    """Whether the event came over HTTP: by the function's URL, or by another way, which leads nowhere.

    A load balancer, a REST API or a WebSocket API in front of the function has events of its own shape: what
    nobody checks there is not to pass for an invocation by somebody who may invoke.
    """
    if not isinstance(event, dict):
        return False
    context = _context(event)
    # Only a WebSocket's has a connection.
    known = "http" in context or "connectionId" in context
    return known or ("body" in event and not _OTHER_WAYS.isdisjoint(event))


def _context(event: Mapping[str, Any]) -> Mapping[str, Any]:
    context = event.get("requestContext")
    return context if isinstance(context, dict) else {}


def authenticate(event: Mapping[str, Any]) -> AuthenticatedRequest | UrlResponse:
    """The authenticated request, or the response that refuses it. Never raises."""
    try:
        return _authenticate(event)
    except Exception as error:
        # Not its text, which may be the stranger's.
        _log.warning("request not checked", extra={"error": type(error).__name__})
        return unavailable(NOT_CHECKED)


def _authenticate(event: Mapping[str, Any]) -> AuthenticatedRequest | UrlResponse:
    http = _context(event).get("http")
    http = http if isinstance(http, dict) else {}
    parts = _parts(event.get("rawPath"))
    refusal = _routing_response(parts, http.get("method"))
    if refusal is not None:
        return refusal
    body = _body(event)
    if body is None:
        message = f"the body has more than {MAX_BYTES} bytes, which is the most that is taken at once"
        return http_response(413, {"error": "too_large", "message": message})
    headers = _headers(event.get("headers"))
    if headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        return http_response(
            415, {"error": "unsupported_encoding", "message": "send the body without an encoding"}
        )
    request = WebhookRequest(
        headers=headers,
        body=body,
        source=str(http.get("sourceIp") or ""),
        token=parts[1] if len(parts) > 1 else "",
    )
    return _verify_sender(request, parts[0])


def _verify_sender(request: WebhookRequest, name: str) -> AuthenticatedRequest | UrlResponse:
    try:
        senders = known_senders()
        secrets = sender_secrets.current(senders) if senders else {}
    except Exception as error:
        # Nothing of the request has been looked at, so no stranger can cause it.
        _log.error("who may send cannot be read (WEBHOOK_SENDERS): nobody is let in", exc_info=error)
        return unavailable(NOT_CHECKED)
    sender = senders.get(name, NOBODY)
    if sender is not NOBODY and name not in secrets:
        return unavailable(NOT_CHECKED)
    now_s = time.time()
    accepted_secrets = secrets[name].accepted(int(now_s * 1000)) if sender is not NOBODY else ()
    if not sender.accepts(request, accepted_secrets, now_s):
        if sender is not NOBODY and secrets[name].outdated:
            return unavailable(NOT_CHECKED)  # it may be signed with a new secret
        _report_unauthorized(sender, sender.problem(request, now_s))
        message = "the request is not from a known sender, or is not signed as that sender signs"
        return http_response(401, {"error": "unauthorized", "message": message})
    return AuthenticatedRequest(sender=sender, request=request, secrets=accepted_secrets)


def _report_unauthorized(sender: AllowedSender, reason: str) -> None:
    """One line, since strangers cause it: the metric, and for the operator the reason."""
    line = {
        "level": "WARNING",
        "message": f"request of sender {sender.name} not proven, refused with 401",
        "requestId": logs.request_id(),
        "reasons": [reason],
    }
    metrics.emit({"Unauthorized": 1}, {"Sender": sender.name}, line)


def _parts(path: Any) -> list[str]:
    """What stands between the path's slashes; a slash at the end does not count."""
    parts = path.split("/")[1:] if isinstance(path, str) else []
    return parts[:-1] if parts and not parts[-1] else parts


def _routing_response(parts: list[str], method: Any) -> UrlResponse | None:
    if not parts or not parts[0] or len(parts) > 2:
        return http_response(404, {"error": "not_found", "message": "there is nothing at this path"})
    health = parts == [HEALTH]
    allowed = "GET" if health else "POST"
    if method != allowed:
        body = {"error": "method_not_allowed", "message": f"only {allowed} is allowed here"}
        return http_response(405, body, {"Allow": allowed})
    return http_response(200, {"message": "ok"}) if health else None


def _body(event: Mapping[str, Any]) -> bytes | None:
    """The body's bytes as they came; None where there are too many."""
    body = event.get("body")
    if not isinstance(body, str):
        return b""
    if event.get("isBase64Encoded") is not True:
        content = body.encode(errors="surrogatepass") if len(body) <= MAX_BYTES else None
    elif len(body) // 4 * 3 > MAX_BYTES + 3:
        content = None
    else:
        content = _decoded(body)
    return content if content is not None and len(content) <= MAX_BYTES else None


def _decoded(body: str) -> bytes:
    try:
        return base64.b64decode(body, validate=True)
    except ValueError:
        return b""


def _headers(headers: Any) -> dict[str, str]:
    if not isinstance(headers, dict):
        return {}
    return {str(name).lower(): value for name, value in headers.items() if isinstance(value, str)}


def known_senders() -> Mapping[str, AllowedSender]:
    """The senders that are configured, by name. Raises where the configuration cannot be read."""
    return _senders(os.environ.get("WEBHOOK_SENDERS") or "{}")


@lru_cache(maxsize=1)
def _senders(variable: str) -> dict[str, AllowedSender]:
    return allowed_senders(variable, ExactExpression)
