"""ccxt with every digit: numbers of the wire stay text, and times are computed without floats.

ccxt parses JSON numbers and seconds since 1970 as floats, which loses digits of a price, and now and then a
millisecond of a time; REST and the websocket would then disagree about the same trade.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any

LostCallback = Callable[[frozenset[str]], None]
loads = partial(json.loads, parse_float=str)
MAX_INTEGER_DIGITS = 40  # int() takes minutes for 1e5000000, and no time is as long
MAX_RETRY_AFTER_S = 10**6  # nobody asks to wait for longer who means it


class UnreadableMessage(Exception):
    """What a connection has told cannot be read; `reading_error` is what reading it raised."""

    def __init__(self, reading_error: Exception) -> None:
        super().__init__(str(reading_error))
        self.reading_error = reading_error


class ExactNumbers:
    """Stands before an exchange's class of ccxt."""

    on_connection_lost: LostCallback | None = None
    """called with the subscriptions of a connection that has ended"""

    refusal_status: int = 0
    """the status of the last refusal"""
    retry_after_s: float = 0.0
    """what the last refusal asked to wait; whoever takes it sets it to 0"""

    on_json_response = staticmethod(loads)

    def on_rest_response(
        self, code: int, reason: Any, url: str, method: str, headers: Mapping[str, str], *others: Any
    ) -> Any:
        """An answer has come. Others may come before ccxt has raised an error for it."""
        if code >= 400:
            lower_case = {name.lower(): text for name, text in headers.items()}
            self.refusal_status = code
            self.retry_after_s = _pause_s(lower_case.get("retry-after", ""), lower_case.get("date", ""))
        return super().on_rest_response(code, reason, url, method, headers, *others)  # type: ignore[misc]

    def take_retry_after_s(self) -> float:
        """How long the last refusal asks to wait, in seconds; 0 where it does not say, or was asked before.

        Whatever ccxt calls the error: OKX's 429 is an unavailable exchange to it.
        """
        pause_s, self.retry_after_s = self.retry_after_s, 0.0
        return pause_s

    def client(self, url: str) -> Any:
        """The websocket of an address."""
        known = url in (self.clients or {})  # type: ignore[attr-defined]
        client = super().client(url)  # type: ignore[misc]
        if not known:
            client.handle_text_or_binary_message = partial(_handle, client)
            client.handle_message = partial(_handle_or_end, client, client.handle_message)
        return client

    def on_error(self, client: Any, error: Any) -> None:
        """A connection has failed."""
        super().on_error(client, error)  # type: ignore[misc]
        self._notify(client)

    def on_close(self, client: Any, error: Any) -> None:
        """A connection was closed."""
        super().on_close(client, error)  # type: ignore[misc]
        self._notify(client)

    def _notify(self, client: Any) -> None:
        if self.on_connection_lost is not None:
            self.on_connection_lost(frozenset(map(str, client.subscriptions)))

    @staticmethod
    def create_ccxt_trade_id(*_: Any) -> None:
        """No id for a trade that has none: one made of its members would make two alike trades one."""

    @staticmethod
    def safe_integer_product(values: Any, key: Any, factor: Any, default: Any = None) -> Any:
        """A number times a factor, cut to a whole one."""
        product = _product(values, key, factor)
        return default if product is None else product

    @staticmethod
    def safe_integer_product_2(values: Any, key: Any, other: Any, factor: Any, default: Any = None) -> Any:
        """The same of the first of two that is there."""
        return ExactNumbers.safe_integer_product_n(values, [key, other], factor, default)

    @staticmethod
    def safe_integer_product_n(values: Any, keys: Any, factor: Any, default: Any = None) -> Any:
        """The same of the first of several that is there."""
        products = (_product(values, key, factor) for key in keys)
        return next((product for product in products if product is not None), default)

    @staticmethod
    def safe_timestamp(values: Any, key: Any, default: Any = None) -> Any:
        """Milliseconds of seconds since 1970."""
        return ExactNumbers.safe_integer_product(values, key, 1000, default)

    @staticmethod
    def safe_timestamp_2(values: Any, key: Any, other: Any, default: Any = None) -> Any:
        """The same of the first of two that is there."""
        return ExactNumbers.safe_integer_product_n(values, [key, other], 1000, default)

    @staticmethod
    def safe_timestamp_n(values: Any, keys: Any, default: Any = None) -> Any:
        """The same of the first of several that is there."""
        return ExactNumbers.safe_integer_product_n(values, keys, 1000, default)


def _pause_s(retry_after: str, date: str) -> float:
    """The seconds of a Retry-After, which may be a date: from the answer's own on, by no clock of ours."""
    try:
        if retry_after.isdigit():
            pause_s = float(retry_after)
        else:
            pause_s = (parsedate_to_datetime(retry_after) - parsedate_to_datetime(date)).total_seconds()
    except (ValueError, TypeError, OverflowError):  # the last of a zone that no machine has
        return 0.0
    return pause_s if 0 < pause_s < MAX_RETRY_AFTER_S else 0.0


def _product(values: Any, key: Any, factor: Any) -> int | None:
    try:
        value = values.get(key) if isinstance(values, Mapping) else values[key]
        if value is None:
            return None
        product = Decimal(str(value)) * Decimal(str(factor))
        return int(product) if product.adjusted() < MAX_INTEGER_DIGITS else None
    except (ArithmeticError, ValueError, LookupError, TypeError):
        return None


def _handle_or_end(client: Any, handle: Callable[[Any], None], message: Any) -> None:
    """Ends a connection with a message that cannot be read: ccxt would leave it open, and read no more.

    What comes through one that has ended is left: it would be taken for the next one's.
    """
    if client.error is not None:
        return
    try:
        handle(message)
    except Exception as error:
        client.on_error(UnreadableMessage(error))


def _handle(client: Any, data: str | bytes) -> None:
    """Reads a message as ccxt's client does, its numbers as text."""
    text = data.decode() if client.decompressBinary and isinstance(data, bytes) else data
    is_json = isinstance(text, str) and text[:1] in ("{", "[")
    client.on_message_callback(client, loads(text) if is_json else text)
