"""A signed price through the real address, and the same request forged, which must be refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from cryptoctl.ops.webhook.http import WebhookResponse, send_request
from cryptoctl.ops.webhook.requests import RequestMaker, SenderRequest


@dataclass(frozen=True)
class ProofStep:
    """One step: what was sent, whether the answer was the right one, and what it was.

    `passed` is None where that cannot be known from here: the sender may send from other addresses only.
    """

    step: str
    passed: bool | None
    answer: str


def steps(maker: RequestMaker, genuine: SenderRequest, forged: SenderRequest) -> Iterator[ProofStep]:
    """Sends each request in turn; after one that fails the others are sent as well."""
    health = send_request("GET", f"{maker.address}health", {})
    yield ProofStep("the address answers", health.status == 200, str(health.status))
    refused = send_request("POST", forged.url, forged.headers, forged.body)
    yield ProofStep("the same request forged is refused", refused.status == 401, _shown(refused))
    nobody = send_request("POST", f"{maker.address}nobody-{maker.name}", {}, genuine.body)
    passed = nobody.status == 401 and nobody == refused
    yield ProofStep("an unknown sender is refused in the same words", passed, _shown(nobody))
    accepted = send_request("POST", genuine.url, genuine.headers, genuine.body)
    networks = ", ".join(maker.keys.get("sources") or ())  # none if it may send from anywhere
    if networks and accepted.status == 401:
        answer = f"{_shown(accepted)}, since only {networks} may send"
        yield ProofStep("a price with the right proof is stored", None, answer)
    else:
        yield ProofStep("a price with the right proof is stored", accepted.status == 200, _shown(accepted))


def _shown(response: WebhookResponse) -> str:
    try:
        body = json.loads(response.text)
    except (ValueError, RecursionError):
        return str(response.status)
    message = body.get("message") if isinstance(body, dict) else None
    return f"{response.status} {message}" if isinstance(message, str) else str(response.status)
