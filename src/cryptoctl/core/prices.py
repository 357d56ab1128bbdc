"""What a price is, and the rules by which one is taken in or refused."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from cryptoctl.core import json_text, keys
from cryptoctl.core.names import BadName, stored_exchange, stored_symbol
from cryptoctl.core.numbers import EXACT, JsonNumber, NumberError, decimal_from
from cryptoctl.core.times import parse_iso_8601

MAX_ID_LENGTH = 128
MAX_OCCURRENCE = 10**9
MAX_PRICES = 1000  # in one request
MAX_BYTES = 500_000  # of a request's body
MAX_KEPT_BYTES = 1_048_576  # of what was accepted and kept: as much as a dead-letter message holds
MAX_PRICE_BYTES = 8_000  # of one price's text, which is stored with it
MAX_AHEAD = timedelta(minutes=5)
MAX_BEHIND = timedelta(days=7305)  # 20 years: older than any cryptocurrency, so 0 is no timestamp
MILLISECONDS_FROM = 10**11  # an epoch number below is in seconds

_ID = re.compile(r"[!-~]+", re.ASCII)
_WHOLE_NUMBER = re.compile(r"-?[0-9]+", re.ASCII)
_EPOCH_NUMBER = re.compile(r"[+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


class Rejected(ValueError):
    """A price, or a request, that is refused: which field, and why, in words for its sender."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


class TooLarge(Rejected):
    """Refused for its size alone."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Price:
    """One price as it is stored.

    `timestamp_ms` is whole milliseconds since 1970-01-01 UTC; `volume` is 0 where none was given; `raw` is
    the JSON text of this price as received. `occurrence` is n for the n-th of prices that are alike in all
    else and have no id; None where the sender leaves that to be counted in the request. `timed_by_arrival`
    says that it brought no time, and has that of its arrival.
    """

    symbol: str
    exchange: str
    price: Decimal
    volume: Decimal
    timestamp_ms: int
    id: str | None
    raw: str
    occurrence: int | None = None
    timed_by_arrival: bool = field(default=False, compare=False)

    def sort_key(self, attempt: int = 0) -> str:
        """The key's number as text: its own with an id, else place `attempt` of its millisecond."""
        if self.id is None:
            return keys.key_of_place(self.timestamp_ms, attempt)
        return keys.key_of_id(self.timestamp_ms, self.exchange, self.id, attempt)


@dataclass(frozen=True, kw_only=True, slots=True)
class TimeLimits:
    """What a timestamp is checked against, in milliseconds since 1970-01-01 UTC."""

    now_ms: int
    arrival_ms: int  # the timestamp of a price that brings none
    max_behind: timedelta = MAX_BEHIND


@dataclass(frozen=True, kw_only=True, slots=True)
class ParsedRequest:
    """The prices of one request, each accepted or refused, in the request's order."""

    prices: tuple[Price | Rejected, ...]
    is_list: bool  # a list was sent, even if of one


def parse_request(text: str, limits: TimeLimits, max_bytes: int = MAX_BYTES) -> ParsedRequest:
    """The prices in a request's JSON text: one object, a list, or {"prices": [ … ]}.

    Raises Rejected (TooLarge) where the request as a whole is refused; a refused price among several
    stands in the answer.
    """
    size = len(text.encode(errors="surrogatepass"))
    if size > max_bytes:
        raise TooLarge("body", f"{size} bytes; at most {max_bytes} are taken at once")
    try:
        document = json_text.Document(text)
    except json_text.JsonError as error:
        raise Rejected("body", str(error)) from None
    listed, name = price_list_in(document.value)
    if listed is None:
        if document.problems:
            raise Rejected("body", document.problems[0])
        raw = text.removeprefix(json_text.BYTE_ORDER_MARK).strip()
        return ParsedRequest(prices=(_price_or_refusal(document.value, raw, limits),), is_list=False)
    check_count(listed)
    try:
        elements = list(document.elements(name))
    except json_text.JsonError as error:
        raise Rejected("body", str(error)) from None
    if sum(len(element.problems) for element in elements) < len(document.problems):
        raise Rejected("body", document.problems[-1])  # outside of any price
    return ParsedRequest(prices=tuple(_element_price(element, limits) for element in elements), is_list=True)


def parse_request_value(value: object, limits: TimeLimits) -> ParsedRequest:
    """As `parse_request`, of JSON that is parsed already: the text of each price is written anew."""
    if json_text.nested_deeper(value, json_text.MAX_NESTING):
        raise Rejected("body", json_text.TOO_DEEP)
    listed, _ = price_list_in(value)
    if listed is None:
        return ParsedRequest(prices=(_rewritten_price(value, limits),), is_list=False)
    check_count(listed)
    return ParsedRequest(prices=tuple(_rewritten_price(record, limits) for record in listed), is_list=True)


def parse_price(fields: Mapping[str, Any], raw: str, limits: TimeLimits) -> Price:
    """One price from its parsed fields. Raises Rejected, which names the first field that is wrong."""
    if len(raw.encode()) > MAX_PRICE_BYTES:
        raise TooLarge("price", f"its text has more than {MAX_PRICE_BYTES} bytes")
    return Price(
        symbol=_name_field(fields, "symbol", stored_symbol),
        price=_positive(fields),
        exchange=_name_field(fields, "exchange", stored_exchange),
        volume=_volume(fields),
        timestamp_ms=_timestamp_ms(fields, limits),
        id=_id(fields),
        raw=raw,
        occurrence=None if "id" in fields else _occurrence(fields),
        timed_by_arrival="timestamp" not in fields,
    )


def _rewritten_price(value: object, limits: TimeLimits) -> Price | Rejected:
    try:
        raw = json.dumps(value)
    except ValueError:  # an integer of more digits than Python writes
        return Rejected("price", "cannot be written as JSON")
    return _price_or_refusal(value, raw, limits)


def price_list_in(value: object) -> tuple[Sequence[object] | None, str | None]:
    """The list of prices in a request, and the member it stands in; None where it is one price.

    Raises Rejected where that member is no list, or a price stands beside it, which would be lost.
    """
    if isinstance(value, list):
        return value, None
    if isinstance(value, dict) and "prices" in value:
        if not isinstance(value["prices"], list):
            raise Rejected("prices", "must be a list")
        if value.get("price") is not None:
            raise Rejected("prices", "stands beside price: send one price, or a list of them")
        return value["prices"], "prices"
    return None, None


def check_count(prices: Sequence[object]) -> None:
    """Raises Rejected for no prices, and TooLarge for more than are taken at once."""
    if not prices:
        raise Rejected("prices", "the list is empty")
    if len(prices) > MAX_PRICES:
        raise TooLarge("prices", f"{len(prices)} prices; at most {MAX_PRICES} are taken at once")


def _element_price(element: json_text.Element, limits: TimeLimits) -> Price | Rejected:
    if element.problems:
        return Rejected("price", element.problems[0])
    return _price_or_refusal(element.value, element.raw, limits)


def _price_or_refusal(value: object, raw: str, limits: TimeLimits) -> Price | Rejected:
    if not isinstance(value, dict):
        return Rejected("price", "must be a JSON object")
    try:
        return parse_price(value, raw, limits)
    except Rejected as rejected:
        return rejected


def _name_field(fields: Mapping[str, Any], name: str, stored: Callable[[str], str]) -> str:
    if name not in fields:
        raise Rejected(name, "is missing")
    value = fields[name]
    if not isinstance(value, str) or isinstance(value, JsonNumber):
        raise Rejected(name, "must be text")
    try:
        return stored(value)
    except BadName as error:
        raise Rejected(name, str(error)) from None


def _number(fields: Mapping[str, Any], name: str) -> Decimal:
    try:
        return decimal_from(fields[name])
    except NumberError as error:
        raise Rejected(name, str(error)) from None


def _positive(fields: Mapping[str, Any]) -> Decimal:
    if "price" not in fields:
        raise Rejected("price", "is missing")
    price = _number(fields, "price")
    if price <= 0:
        raise Rejected("price", "must be greater than 0")
    return price


def _volume(fields: Mapping[str, Any]) -> Decimal:
    volume = _number(fields, "volume") if "volume" in fields else Decimal(0)
    if volume < 0:
        raise Rejected("volume", "must not be negative")
    return volume


def _id(fields: Mapping[str, Any]) -> str | None:
    if "id" not in fields:
        return None
    value = fields["id"]
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() < 1000:
        value = str(value)
    elif isinstance(value, JsonNumber) and not _WHOLE_NUMBER.fullmatch(value):
        raise Rejected("id", "a number must be whole")
    if not isinstance(value, str):
        raise Rejected("id", "must be text or a whole number")
    value = value.strip()
    if not 0 < len(value) <= MAX_ID_LENGTH:
        raise Rejected("id", f"must have 1 to {MAX_ID_LENGTH} characters")
    if not _ID.fullmatch(value):
        raise Rejected("id", "has a character that is not printable ASCII")
    return str(value)


def _occurrence(fields: Mapping[str, Any]) -> int | None:
    if "occurrence" not in fields:
        return None
    value = fields["occurrence"]
    if isinstance(value, (int, JsonNumber)) and not isinstance(value, bool):
        text = str(value) if isinstance(value, JsonNumber) or value.bit_length() < 1000 else ""
        if _WHOLE_NUMBER.fullmatch(text) and 1 <= int(text[:20]) <= MAX_OCCURRENCE:
            return int(text)
    raise Rejected("occurrence", f"must be a whole number from 1 to {MAX_OCCURRENCE}")


def _timestamp_ms(fields: Mapping[str, Any], limits: TimeLimits) -> int:
    timestamp_ms = _milliseconds(fields["timestamp"]) if "timestamp" in fields else limits.arrival_ms
    if timestamp_ms - limits.now_ms > MAX_AHEAD // _MILLISECOND:
        raise Rejected("timestamp", f"lies more than {MAX_AHEAD.seconds // 60} minutes ahead of the clock")
    if limits.now_ms - timestamp_ms > limits.max_behind / _MILLISECOND:
        raise Rejected("timestamp", f"lies more than {limits.max_behind.days} days back")
    return timestamp_ms


def _milliseconds(value: object) -> int:
    """Epoch seconds, epoch milliseconds or ISO 8601 with an offset; what is finer is cut off."""
    if (
        isinstance(value, str)
        and not isinstance(value, JsonNumber)
        and not _EPOCH_NUMBER.fullmatch(value.strip())
    ):
        return _milliseconds_of_iso(value.strip())
    try:
        number = decimal_from(value)
    except NumberError as error:
        raise Rejected(
            "timestamp", f"{error}, nor ISO 8601" if isinstance(value, str) else str(error)
        ) from None
    if not 0 <= number <= keys.MAX_MILLISECOND:
        raise Rejected("timestamp", "is no time in seconds or milliseconds since 1970")
    return int(EXACT.multiply(number, 1000) if number < MILLISECONDS_FROM else number)


def _milliseconds_of_iso(text: str) -> int:
    try:
        moment = parse_iso_8601(text)
    except ValueError:
        raise Rejected("timestamp", "neither epoch seconds, epoch milliseconds nor ISO 8601") from None
    if moment.tzinfo is None:
        end = "Z or +00:00" if len(text) > len("2024-01-31") else "T00:00Z"
        raise Rejected("timestamp", f"says no offset from UTC; end it with {end}")
    milliseconds = (moment - _EPOCH) // timedelta(milliseconds=1)
    if milliseconds < 0:
        raise Rejected("timestamp", "lies before 1970")
    return milliseconds
