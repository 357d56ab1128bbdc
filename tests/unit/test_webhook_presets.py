"""Alerts in the forms that their senders publish."""

from __future__ import annotations

import json
import re
import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from cryptoctl.core.prices import Price, Rejected, TimeLimits
from cryptoctl.core.senders import allowed_senders
from cryptoctl.core.webhook_prices import prices_in_request
from cryptoctl.core.webhook_requests import WebhookRequest
from cryptoctl.handlers.exact_jmespath import ExactExpression
from cryptoctl.settings import Settings
from cryptoctl.webhook_settings import SenderSettings, senders_variable

LIMITS = TimeLimits(now_ms=1_790_000_000_000, arrival_ms=1_790_000_000_000)
DOCUMENT = (Path(__file__).parents[2] / "docs" / "webhooks.md").read_text(encoding="utf-8")

# https://cryptocurrencyalerting.com/webhook-reference.html
CROSSED = {"type": "price", "currency": "ZEC", "target_currency": "USD", "price": "150.00"}
PERIODIC = {"type": "periodic_price", "currency": "BTC", "target_currency": "EUR", "price": "10060.26"}
PERCENT = {"type": "percent_price", "currency": "ZEC", "percent": "6.00", "current_price": "63.20"}
LISTED = {"type": "new_coin", "currency": "XRP"}


def price_in(alert: dict[str, Any], sender: SenderSettings) -> Price | Rejected:
    request = WebhookRequest(headers={}, body=json.dumps({**alert, "exchange": "Gemini"}).encode())
    allowed = allowed_senders(senders_variable({"alerts": sender}), ExactExpression)["alerts"]
    (price,) = prices_in_request(request, allowed, [], LIMITS).prices
    return price


def documented() -> SenderSettings:
    (text,) = re.findall(r"```toml\n([^`]*cryptocurrencyalerting.*?)```", DOCUMENT, re.DOTALL)
    return TypeAdapter(Settings).validate_python(tomllib.loads(text)).env["dev"].webhook.senders["alerts"]


PRESET = SenderSettings(preset="cryptocurrencyalerting")


@pytest.mark.parametrize("sender", [PRESET, documented()], ids=["preset", "documented"])
@pytest.mark.parametrize(("alert", "symbol"), [(CROSSED, "ZEC-USD"), (PERIODIC, "BTC-EUR")])
def test_an_alert_with_its_currency_is_a_price(
    sender: SenderSettings, alert: dict[str, Any], symbol: str
) -> None:
    price = price_in(alert, sender)
    assert isinstance(price, Price)
    assert (price.symbol, price.exchange, price.price) == (symbol, "Gemini", Decimal(alert["price"]))


def test_an_alert_in_percent_is_a_price_only_where_the_file_says_in_which_currency() -> None:
    assert str(price_in(PERCENT, PRESET)) == "symbol: is missing"
    price = price_in(PERCENT, documented())
    assert isinstance(price, Price)
    assert (price.symbol, str(price.price)) == ("ZEC-USD", "63.2")


@pytest.mark.parametrize("sender", [PRESET, documented()], ids=["preset", "documented"])
def test_an_alert_without_a_price_is_refused(sender: SenderSettings) -> None:
    assert str(price_in(LISTED, sender)).endswith(": is missing")
