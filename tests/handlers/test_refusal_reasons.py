"""Why a request got 401: the function's log tells the operator, once, and with nothing of the request."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import pytest

from cryptoctl.handlers import webhook_processor
from cryptoctl.ops.log_entries import entries, fold_repeats
from cryptoctl.ops.logs import Line
from handlers.fake_aws import FakeAws
from handlers.senders import BODIES, PRICE, SECRETS, event, honest, signature

BODY = json.dumps(PRICE).encode()
NOT_RIGHT = "the signature is made with another secret, or of another body than the one that came"


def _signed(off_s: float = 0, **headers: str) -> dict[str, Any]:
    signed = signature("standard", BODY, SECRETS["standard"], at_s=time.time() + off_s)
    sent = {**signed, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return event("/standard", BODY, {name: value for name, value in sent.items() if value})


def _basic(text: str) -> str:
    return f"Basic {base64.b64encode(text.encode()).decode()}"


CASES: dict[str, tuple[Any, str]] = {
    "sender": (lambda: event("/a-stranger"), "the address names no sender of the configuration"),
    "secret": (lambda: honest("standard", secret="whsec_" + "A" * 44), NOT_RIGHT),
    "body": (lambda: {**honest("standard"), "body": "{}"}, NOT_RIGHT),
    "signature": (lambda: _signed(webhook_signature=""), "the header webhook-signature is missing"),
    "time": (lambda: _signed(webhook_timestamp=""), "the header webhook-timestamp is missing"),
    "id": (lambda: _signed(webhook_id=""), "the header webhook-id is missing"),
    "odd signature": (
        lambda: _signed(webhook_signature="v2,a-stranger"),
        "the header webhook-signature has no signature after v1,",
    ),
    "empty signature": (
        lambda: _signed(webhook_signature="v1,"),
        "the header webhook-signature has no signature after v1,",
    ),
    "odd time": (
        lambda: _signed(webhook_timestamp="a-stranger"),
        "the header webhook-timestamp has no time in seconds since 1970",
    ),
    "no time": (
        lambda: event("/stripe", BODY, {"stripe-signature": "v1=a-stranger"}),
        "the header stripe-signature has no time in seconds since 1970",
    ),
    "behind": (lambda: _signed(-4000), " s behind the function's clock; 300 s are allowed"),
    "ahead": (lambda: _signed(4000), " s ahead of the function's clock; 300 s are allowed"),
    "source": (
        lambda: honest("tradingview", source="203.0.113.1"),
        "it came from an address that is not among the sender's sources",
    ),
    "no token": (lambda: event("/alerting", BODIES["alerting"]), "the secret is not in the address"),
    "token in a header": (
        lambda: event("/header", BODY, {"authorization": SECRETS["alerting"]}),
        "the secret is not in the header authorization after Bearer",
    ),
    "token in the body": (
        lambda: event("/member", b'{"key": "a-stranger"}'),
        "the secret is not in the address or the member key of the body",
    ),
    "no password": (lambda: event("/basic", BODY), "the header authorization is missing"),
    "password": (
        lambda: event("/basic", BODY, {"authorization": _basic("desk:a-stranger")}),
        "the user name or the password is not right",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_log_tells_why_and_nothing_of_the_request(
    door: FakeAws, case: str, capsys: pytest.CaptureFixture[str]
) -> None:
    make, reason = CASES[case]
    request = make()
    assert webhook_processor.handler(request, None)["statusCode"] == 401
    text = capsys.readouterr().out
    assert text.count("\n") == 1 and len(text) < 700
    assert "stranger" not in text and not any(secret in text for secret in SECRETS.values())
    line = Line(id="", time_ms=0, function="webhook-processor", text=text)
    (entry,) = fold_repeats(entries([line, line]))
    sender = "unknown" if case == "sender" else request["rawPath"].split("/")[1]
    assert (entry.level, entry.count) == ("WARNING", 2)
    assert entry.message == f"request of sender {sender} not proven, refused with 401"
    (reason_told,) = entry.other_fields["reasons"]
    assert reason_told == reason or (reason.startswith(" s ") and reason_told.endswith(reason))
    assert entry.other_fields.keys() == {"reasons"}
