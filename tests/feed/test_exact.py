"""What stands before ccxt's classes: a connection ends with the first message that cannot be read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

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

    def on_rest_response(self, *answer: Any) -> None:
        """ccxt changes nothing of it."""


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
    assert isinstance(first.error.reading_error, ValueError)
    del exchange.clients["wss://here"]
    exchange.client("wss://here").handle_message("four")
    assert exchange.clients["wss://here"].handled == ["four"]


@pytest.mark.parametrize(
    ("retry_after", "pause_s"),
    [
        ("20", 20.0),
        ("Fri, 14 Nov 2003 22:15:00 GMT", 100.0),
        ("Fri, 14 Nov 2003 22:13:20 GMT", 0.0),
        ("Fri, 14 Nov 2003 22:12:00 GMT", 0.0),
        ("Fri, 14 Nov 2103 22:15:00 GMT", 0.0),
        ("Fri, 14 Nov 2003 22:15:00", 0.0),
        ("Fri, 14 Nov 2003 22:15:00 +99999999999999", 0.0),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
        ("2 minutes", 0.0),
        ("soon", 0.0),
        ("0", 0.0),
        ("", 0.0),
        ("-5", 0.0),
        ("5000000", 0.0),
    ],
)
def test_a_refusal_asks_to_wait_for_seconds_or_until_a_time_by_its_own_clock(
    retry_after: str, pause_s: float
) -> None:
    exchange = Exact()
    headers = {"RETRY-AFTER": retry_after, "Date": "Fri, 14 Nov 2003 22:13:20 GMT"}
    exchange.on_rest_response(429, "Too Many Requests", "https://here", "GET", headers)
    assert exchange.take_retry_after_s() == pause_s
    assert exchange.take_retry_after_s() == 0.0
    assert exchange.refusal_status == 429


def test_a_date_in_an_answer_without_one_says_nothing() -> None:
    exchange = Exact()
    headers = {"Retry-After": "Fri, 14 Nov 2003 22:15:00 GMT"}
    exchange.on_rest_response(418, "I'm a teapot", "https://here", "GET", headers)
    assert exchange.take_retry_after_s() == 0.0


@pytest.mark.parametrize("time", ["1e50", "1e5000000", "-1e5000000", "inf", "nan", "x", [], None])
def test_a_time_that_is_none_is_none_however_many_digits_it_has(time: object) -> None:
    assert ExactNumbers.safe_timestamp({"at": "1700000000.123"}, "at") == 1_700_000_000_123
    assert ExactNumbers.safe_timestamp({"at": time}, "at") is None
