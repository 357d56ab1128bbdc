"""One environment on the embedded engine with a sender of each kind, and their secrets."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cryptoctl.alarm_settings import AlarmSettings
from cryptoctl.core.items import StoredPrice
from cryptoctl.ops.prices import Query, prices
from cryptoctl.ops.webhook.http import WebhookResponse, send_request
from cryptoctl.ops.webhook.requests import RequestMaker
from cryptoctl.ops.webhook.secrets import SecretStore
from cryptoctl.ops.webhook.senders import webhook_address
from cryptoctl.settings import EnvironmentSettings, StreamSettings
from cryptoctl.webhook_settings import SenderSettings, WebhookSettings
from dead_letters.command_line import CommandResult, run
from live import Connect, Live

WORDED = "worded"
WORDED_BODY = '{"base": "B", "quote": "TC", "price": "1"}'
"""A message of that sender, which cannot be told from its expressions."""
ROTATED = ("rotated", "rotated-twice", "replaced", "theirs")
"""Tests rotate their secrets, which the function knows up to a minute later: no other test uses them."""
SENDERS = {
    **dict.fromkeys(ROTATED, SenderSettings(scheme="token", token_header="x-token")),
    "desk": SenderSettings(preset="standard-webhooks"),
    "svix": SenderSettings(preset="svix"),
    "tradingview": SenderSettings(preset="tradingview", sources=("127.0.0.1",)),
    "elsewhere": SenderSettings(preset="tradingview"),
    "six": SenderSettings(preset="tradingview", sources=("2001:db8::/32", "203.0.113.0/24")),
    "provider": SenderSettings(scheme="hmac", signature_header="x-signature", signature_prefix="sha256="),
    "documented": SenderSettings(
        scheme="hmac",
        signature_header="x-signature",
        signature_prefix="sha256=",
        fields={"symbol": "data.s", "price": "data.p", "timestamp": "data.T"},
        constants={"exchange": "provider"},
    ),
    "coinmarket": SenderSettings(preset="coinmarketalert"),
    "cryptocurrencyalerting": SenderSettings(preset="cryptocurrencyalerting"),
    "stripe": SenderSettings(preset="stripe-like"),
    "github": SenderSettings(preset="github-like"),
    "alerts": SenderSettings(scheme="token", token_header="authorization", token_prefix="Bearer "),
    "basic": SenderSettings(scheme="basic"),
    WORDED: SenderSettings(
        scheme="token",
        token_header="x-token",
        fields={"symbol": "join('', [base, quote])", "price": "price"},
        constants={"exchange": "provider"},
    ),
}


@dataclass(frozen=True, kw_only=True)
class Door:
    """The environment and the address of its webhook."""

    live: Live
    address: str

    @property
    def named_address(self) -> str:
        """The address as AWS's API gives it, by a host of its own."""
        url = self.live.stack.webhook_url
        observed = url.observe(self.live.aws) if url is not None else None
        assert observed is not None
        return str(observed.outputs["FunctionUrl"])

    def secret(self, sender: str) -> str:
        """The sender's secret, as `webhook show --reveal` gives it."""
        return self.store(sender).read().secret

    def store(self, sender: str) -> SecretStore:
        """Where the secret is kept."""
        return SecretStore(aws=self.live.aws, stack=self.live.stack, sender=sender)

    def maker(self, sender: str) -> RequestMaker:
        """Makes requests of the sender."""
        return RequestMaker(name=sender, sender=SENDERS[sender], address=self.address)

    def post(self, path: str, body: str, **headers: str) -> WebhookResponse:
        """Sends a request to the address."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return send_request("POST", self.address + path, {"content-type": "application/json", **named}, body)

    def stored(self, symbol: str) -> list[StoredPrice]:
        """What the table has of a symbol."""
        return prices(self.live.aws, self.live.stack.prices, Query(symbol=symbol, last=1000))

    def log_text(self) -> str:
        """Everything that the function has logged."""
        group = self.live.stack.webhook.log_group.name
        events: Any = self.live.aws.paginate("logs", "FilterLogEvents", "events", logGroupName=group)
        return "\n".join(event["message"] for event in events)


@pytest.fixture(scope="session")
def door(connect: Connect) -> Door:
    """An environment with senders that is up, until its engine ends; each test has symbols of its own."""
    config = EnvironmentSettings(
        stream=StreamSettings(window_s=0),
        webhook=WebhookSettings(senders=SENDERS),
        alarms=AlarmSettings(enabled=False),
    )
    live = connect(f"w{uuid.uuid4().hex[:8]}", config)
    live.up()
    return Door(live=live, address=webhook_address(live.aws, live.stack))


@pytest.fixture
def cli(door: Door, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs a command of `webhook` in the environment, with the senders in a file."""
    name = door.live.session.environment
    text = "".join(
        f"[env.{name}.webhook.senders.{sender}]\n"
        + "".join(f"{key} = {_toml(value)}\n" for key, value in vars(config).items() if value is not None)
        for sender, config in SENDERS.items()
    )
    file = tmp_path / "cryptoctl.toml"
    file.write_text(f"[env.{name}]\nstream.window_s = 0\nalarms.enabled = false\n{text}", encoding="utf-8")
    monkeypatch.chdir(tmp_path)

    def call(*words: str) -> CommandResult:
        return run("webhook", *words, environment=name)

    return call


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {json.dumps(setting)}" for key, setting in value.items()) + "}"
    return json.dumps(value)
