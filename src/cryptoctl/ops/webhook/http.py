"""HTTP requests to the webhook's address."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from cryptoctl.errors import ExitCode, Failure

TIMEOUT_S = 70.0  # the function's own is 60
MAX_BYTES = 1_000_000
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, kw_only=True)
class WebhookResponse:
    """What the address answered."""

    status: int
    text: str


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        """A request with a secret in it goes nowhere else."""


def send_request(
    method: str, url: str, headers: Mapping[str, str], body: str | None = None
) -> WebhookResponse:
    """Sends one request. Raises Failure (UNREACHABLE) where nobody answers."""
    parts = urlsplit(url)
    handlers: list[urllib.request.BaseHandler] = [_NoRedirects()]
    if parts.hostname == LOOPBACK:  # the embedded engine's, to which no proxy leads
        handlers.append(urllib.request.ProxyHandler({}))
    data = body.encode() if body is not None else None
    request = urllib.request.Request(url, data=data, headers=dict(headers), method=method)  # noqa: S310 - AWS's or ours
    try:
        with urllib.request.build_opener(*handlers).open(request, timeout=TIMEOUT_S) as response:
            return WebhookResponse(
                status=response.status, text=response.read(MAX_BYTES).decode(errors="replace")
            )
    except urllib.error.HTTPError as error:
        with error:
            return WebhookResponse(status=error.code, text=error.read(MAX_BYTES).decode(errors="replace"))
    except (OSError, ValueError, http.client.HTTPException) as error:
        # These repeat what they cannot read of a proxy's address, a password it may be.
        unreadable = isinstance(error, (ValueError, http.client.InvalidURL))
        why = "HTTPS_PROXY is no address" if unreadable else getattr(error, "reason", error)
        raise Failure(
            ExitCode.UNREACHABLE,
            f"The address {parts.scheme}://{parts.netloc}/ does not answer: {why}.",
            "`cryptoctl status` shows whether it is there; a proxy or a firewall may stand between.",
        ) from error
