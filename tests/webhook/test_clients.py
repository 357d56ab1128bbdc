"""Clients that others wrote send prices to the address of an environment on the embedded engine."""

from __future__ import annotations

import hashlib
import hmac
import json
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import requests
import standardwebhooks
import svix

from cryptoctl.ops.symbols import names
from webhook.conftest import Door

pytestmark = [pytest.mark.engine, pytest.mark.process]

MESSAGE = (
    '{"symbol": "%s", "exchange": "BITSTAMP", "price": 50000.25, "volume": 1.5, '
    '"timestamp": "2026-01-02T03:04:05Z"}'
)


def price(symbol: str, **more: Any) -> str:
    return json.dumps({"symbol": symbol, "price": 0.1, "exchange": "x", **more})


def send(door: Door, path: str, body: str | bytes, headers: dict[str, str], **more: Any) -> requests.Response:
    """With `requests`."""
    return requests.post(door.address + path, data=body, headers=headers, timeout=60, **more)


@pytest.mark.parametrize(
    ("name", "prefix", "client"),
    [("desk", "webhook", standardwebhooks.Webhook), ("svix", "svix", svix.Webhook)],
)
def test_messages_signed_by_the_packages_of_the_standard(
    door: Door, name: str, prefix: str, client: Any
) -> None:
    symbol, now = f"{name.upper()}-SIGNED", datetime.now(tz=UTC)
    signer, body = client(door.secret(name)), price(symbol)

    def deliver(sent_at: datetime, sent: str = body) -> int:
        headers = {
            f"{prefix}-id": "msg_1",
            f"{prefix}-timestamp": str(int(sent_at.timestamp())),
            f"{prefix}-signature": signer.sign("msg_1", sent_at, body),
        }
        return send(door, name, sent, {"content-type": "application/json", **headers}).status_code

    assert [deliver(now + timedelta(seconds=number)) for number in range(5)] == [200] * 5
    assert len(door.stored(symbol)) == 1, "signed anew and delivered five times, it is one price"
    symbols = list(names(door.live.aws, door.live.stack.prices))
    assert symbol in symbols and not any("message" in name_seen for name_seen in symbols)
    assert deliver(now - timedelta(minutes=6)) == 401
    assert deliver(now, body.replace("0.1", "0.2")) == 401
    assert len(door.stored(symbol)) == 1


def test_an_alert_of_tradingview(door: Door) -> None:
    path = f"tradingview/{door.secret('tradingview')}"
    for number, (content_type, end) in enumerate(
        [("application/json; charset=utf-8", ""), ("text/plain; charset=utf-8", "\n")]
    ):
        answer = send(door, path, MESSAGE % f"TV{number}" + end, {"content-type": content_type})
        assert answer.status_code == 200, answer.text
        (price,) = door.stored(f"TV{number}")
        assert (str(price.price), price.exchange) == ("50000.25", "BITSTAMP")
    wrong = send(door, "elsewhere/" + door.secret("elsewhere"), MESSAGE % "TV9", {})
    assert wrong.status_code == 401, "from another address than TradingView's"
    assert not door.stored("TV9")


def test_a_form(door: Door) -> None:
    form = {
        "coin_abbreviation": "FORM",
        "usd_price": "0.00001234",
        "time": f"{datetime.now(tz=UTC).timestamp():.0f}",
    }
    answer = requests.post(f"{door.address}coinmarket/{door.secret('coinmarket')}", data=form, timeout=60)
    assert answer.status_code == 200, answer.text
    assert f"{door.stored('FORM')[0].price:f}" == "0.00001234"


def test_an_alert_as_cryptocurrencyalerting_documents_it(door: Door) -> None:
    """https://cryptocurrencyalerting.com/webhook-reference.html"""
    alert = {
        "type": "price",
        "message": "ZCash (ZEC) went above 150.00 USD on Gemini.",
        "currency": "ZEC",
        "direction": "above",
        "price": "150.00",
        "target_currency": "USD",
        "exchange": "Gemini",
    }
    path = f"cryptocurrencyalerting/{door.secret('cryptocurrencyalerting')}"
    assert send(door, path, json.dumps(alert), {"content-type": "application/json"}).status_code == 200
    (price,) = door.stored("ZEC-USD")
    assert (price.price, price.exchange) == (Decimal(150), "Gemini")


def test_signed_as_stripe_and_as_github_document_it(door: Door) -> None:
    """https://docs.stripe.com/webhooks#verify-manually and GitHub's "Validating webhook deliveries"."""

    def digest(sender: str, signed: str) -> str:
        return hmac.new(door.secret(sender).encode(), signed.encode(), hashlib.sha256).hexdigest()

    now_s, body = f"{datetime.now(tz=UTC).timestamp():.0f}", price("LIKE-STRIPE")
    signature = f"t={now_s},v1={'0' * 64},v1={digest('stripe', f'{now_s}.{body}')}"
    assert send(door, "stripe", body, {"stripe-signature": signature}).status_code == 200
    assert send(door, "stripe", body, {"stripe-signature": signature[:-1] + "g"}).status_code == 401
    body = price("LIKE-GITHUB")
    headers = {"x-hub-signature-256": "sha256=" + digest("github", body), "x-github-delivery": "72d3162e"}
    assert send(door, "github", body, headers).status_code == 200
    assert send(door, "github", body + " ", headers).status_code == 401
    assert len(door.stored("LIKE-STRIPE")) == len(door.stored("LIKE-GITHUB")) == 1


def test_basic_and_bearer(door: Door) -> None:
    basic = send(door, "basic", price("BASIC"), {}, auth=("basic", door.secret("basic")))
    assert basic.status_code == 200
    assert send(door, "basic", price("BASIC"), {}, auth=("basic", door.secret("alerts"))).status_code == 401
    bearer = {"authorization": f"Bearer {door.secret('alerts')}"}
    assert send(door, "alerts", price("BEARER"), bearer).status_code == 200
    assert len(door.stored("BASIC")) == len(door.stored("BEARER")) == 1


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_curl(door: Door) -> None:
    body = price("CURL", timestamp=datetime.now(tz=UTC).isoformat())
    digest = hmac.new(door.secret("provider").encode(), body.encode(), hashlib.sha256).hexdigest()
    address = door.named_address
    host, _, port = address.removeprefix("http://").rstrip("/").rpartition(":")
    done = subprocess.run(
        [
            *("curl", "-sS", "--resolve", f"{host}:{port}:127.0.0.1", f"{address}provider"),
            *("-H", f"x-signature: sha256={digest}", "--data-binary", body),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout)["status"] == "stored", done
    assert len(door.stored("CURL")) == 1
