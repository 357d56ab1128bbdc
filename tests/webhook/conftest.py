"""One environment on the embedded engine with a sender of each kind, and their secrets."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from cryptoctl.core.items import StoredPrice
from cryptoctl.ops.prices import Query, prices
from cryptoctl.ops.webhook.exchange import WebhookAnswer, exchange
from cryptoctl.ops.webhook.requests import RequestMaker
from cryptoctl.ops.webhook.secrets import SecretStore
from cryptoctl.ops.webhook.senders import webhook_address
from cryptoctl.settings import Environment, Stream
from cryptoctl.webhook_settings import Sender, Webhook
from live import Connect, Live

SENDERS = {
    "desk": Sender(preset="standard-webhooks"),
    "svix": Sender(preset="svix"),
    "tradingview": Sender(preset="tradingview", sources=("127.0.0.1",)),
    "elsewhere": Sender(preset="tradingview"),
    "provider": Sender(scheme="hmac", signature_header="x-signature", signature_prefix="sha256="),
    "documented": Sender(
        scheme="hmac",
        signature_header="x-signature",
        signature_prefix="sha256=",
        fields={"symbol": "data.s", "price": "data.p", "timestamp": "data.T"},
        constants={"exchange": "provider"},
    ),
    "coinmarket": Sender(preset="coinmarketalert"),
    "alerts": Sender(scheme="token", token_header="authorization", token_prefix="Bearer "),
    "basic": Sender(scheme="basic"),
}


@dataclass(frozen=True, kw_only=True)
class Door:
    """The environment and the address of its webhook."""

    live: Live
    address: str

    def secret(self, sender: str) -> str:
        """The sender's secret, as `webhook show --reveal` gives it."""
        return self.store(sender).read().secret

    def store(self, sender: str) -> SecretStore:
        """Where the secret is kept."""
        return SecretStore(aws=self.live.aws, stack=self.live.stack, sender=sender)

    def maker(self, sender: str) -> RequestMaker:
        """Makes requests of the sender."""
        return RequestMaker(name=sender, sender=SENDERS[sender], address=self.address)

    def post(self, path: str, body: str, **headers: str) -> WebhookAnswer:
        """Sends a request to the address."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return exchange("POST", self.address + path, {"content-type": "application/json", **named}, body)

    def stored(self, symbol: str) -> list[StoredPrice]:
        """What the table has of a symbol."""
        return prices(self.live.aws, self.live.stack.prices, Query(symbol=symbol, last=1000))

    def logged(self) -> str:
        """Everything that the function has logged."""
        group = self.live.stack.webhook.log_group.name
        events: Any = self.live.aws.paginate("logs", "FilterLogEvents", "events", logGroupName=group)
        return "\n".join(event["message"] for event in events)


@pytest.fixture(scope="session")
def door(connect: Connect) -> Iterator[Door]:
    """An environment with senders that is up; each test has symbols of its own."""
    config = Environment(stream=Stream(window_s=0), webhook=Webhook(senders=SENDERS))
    live = connect(f"w{uuid.uuid4().hex[:8]}", config)
    live.up()
    yield Door(live=live, address=webhook_address(live.aws, live.stack))
    live.down()
