"""A signed price through the real address, and the same request forged, which must be refused."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cryptoctl.ops.webhook.http import WebhookResponse, send_request
from cryptoctl.ops.webhook.requests import RequestMaker, SenderRequest


@dataclass(frozen=True, kw_only=True)
class ProofStep:
    """One step: what was sent, whether the answer was the right one, and what it was.

    `passed` is None where that cannot be known from here: the sender may send from other addresses only.
    """

    step: str
    passed: bool | None
    answer: str


def steps(maker: RequestMaker, right: SenderRequest, forged: SenderRequest) -> Iterator[ProofStep]:
    """Sends each request in turn; after one that fails the others are sent as well."""
    health = send_request("GET", f"{maker.address}health", {})
    yield ProofStep(step="the address answers", passed=health.status == 200, answer=str(health.status))
    refused = send_request("POST", forged.url, forged.headers, forged.body)
    yield ProofStep(
        step="the same request forged is refused",
        passed=refused.status == 401,
        answer=_status_and_message(refused),
    )
    nobody = send_request("POST", f"{maker.address}nobody-{maker.name}", {}, right.body)
    yield ProofStep(
        step="an unknown sender is refused in the same words",
        passed=nobody.status == 401 and (nobody.status, nobody.text) == (refused.status, refused.text),
        answer=_status_and_message(nobody),
    )
    accepted = send_request("POST", right.url, right.headers, right.body)
    elsewhere = ", ".join(sources(maker)) if accepted.status == 401 else ""
    yield ProofStep(
        step="a price with the right proof is stored",
        passed=None if elsewhere else accepted.status == 200,
        answer=f"{_status_and_message(accepted)}, since only {elsewhere} may send"
        if elsewhere
        else _status_and_message(accepted),
    )


def sources(maker: RequestMaker) -> Sequence[str]:
    """The networks from which the sender may send; none if from anywhere."""
    found: Sequence[str] = maker.keys.get("sources") or ()
    return found


def _status_and_message(response: WebhookResponse) -> str:
    try:
        body = json.loads(response.text)
    except (ValueError, RecursionError):
        return str(response.status)
    message = body.get("message") if isinstance(body, dict) else None
    return f"{response.status} {message}" if isinstance(message, str) else str(response.status)
