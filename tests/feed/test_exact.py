"""What stands before ccxt's classes: a connection ends with the first message that cannot be read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from cryptoctl.feed.exact import ExactNumbers, UnreadableMessage


@dataclass
class Connection:
    """As ccxt's client, but of one message type."""

    error: Exception | None = None
    handled: list[str] = field(default_factory=list)

    def handle_message(self, message: str) -> None:
        if message == "damaged":
            raise ValueError(message)
        self.handled.append(message)

    def on_error(self, error: Exception) -> None:
        self.error = error


class Exchange:
    """As ccxt's: a connection for each address."""

    def __init__(self) -> None:
        self.clients: dict[str, Connection] = {}

    def client(self, url: str) -> Connection:
        return self.clients.setdefault(url, Connection())


class Exact(ExactNumbers, Exchange):
    """As Exchanges opens one."""


def test_nothing_is_read_of_a_connection_after_a_message_that_cannot_be_read() -> None:
    exchange = Exact()
    first: Any = exchange.client("wss://here")
    assert exchange.client("wss://here") is first
    for message in ("one", "damaged", "three"):
        first.handle_message(message)
    assert first.handled == ["one"]
    assert isinstance(first.error, UnreadableMessage)
    assert isinstance(first.error.why, ValueError)
    del exchange.clients["wss://here"]
    exchange.client("wss://here").handle_message("four")
    assert exchange.clients["wss://here"].handled == ["four"]
