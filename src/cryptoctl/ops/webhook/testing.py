"""A signed price through the real address, and the same request forged, which must be refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from cryptoctl.ops.webhook.exchange import WebhookAnswer, exchange
from cryptoctl.ops.webhook.requests import RequestMaker, SenderRequest


@dataclass(frozen=True, kw_only=True)
class ProofStep:
    """One step: what was sent, whether the answer was the right one, and what it was."""

    step: str
    passed: bool
    answer: str


def steps(maker: RequestMaker, right: SenderRequest, forged: SenderRequest) -> Iterator[ProofStep]:
    """Sends each request in turn; after one that fails the others are sent as well."""
    health = exchange("GET", f"{maker.address}health", {})
    yield ProofStep(step="the address answers", passed=health.status == 200, answer=str(health.status))
    refused = exchange("POST", forged.url, forged.headers, forged.body)
    yield ProofStep(
        step="the same request forged is refused", passed=refused.status == 401, answer=_said(refused)
    )
    nobody = exchange("POST", f"{maker.address}nobody-{maker.name}", {}, right.body)
    yield ProofStep(
        step="an unknown sender is refused in the same words",
        passed=(nobody.status, nobody.text) == (refused.status, refused.text),
        answer=_said(nobody),
    )
    accepted = exchange("POST", right.url, right.headers, right.body)
    yield ProofStep(
        step="a price with the right proof is stored",
        passed=accepted.status == 200,
        answer=_said(accepted) + _source_hint(maker, accepted),
    )


def _said(answer: WebhookAnswer) -> str:
    try:
        body = json.loads(answer.text)
    except (ValueError, RecursionError):
        return str(answer.status)
    message = body.get("message") if isinstance(body, dict) else None
    return f"{answer.status} {message}" if isinstance(message, str) else str(answer.status)


def _source_hint(maker: RequestMaker, answer: WebhookAnswer) -> str:
    sources = maker.keys.get("sources")
    if answer.status != 401 or not sources:
        return ""
    return f"; it may send from {', '.join(sources)} only, and this machine may have another address"
