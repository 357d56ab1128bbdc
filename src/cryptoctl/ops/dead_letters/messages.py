"""What a dead-letter queue holds: an event, a pointer into the stream, a record, or something else."""

from __future__ import annotations

import base64
import binascii
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from functools import cached_property
from typing import Any

from cryptoctl.core.json_text import nested_deeper
from cryptoctl.core.names import folded_symbol
from cryptoctl.core.times import parse_iso_8601
from cryptoctl.core.webhook_messages import is_message
from cryptoctl.ops.causes import cause_of
from cryptoctl.ops.times import DAY_MS, iso_of_ms

# A stream keeps its records for a day; then a pointer points at nothing.
STREAM_KEEPS_MS = DAY_MS


class QueueName(StrEnum):
    """The two dead-letter queues, by the function whose failures they hold."""

    WEBHOOK = "webhook"
    ENRICHER = "enricher"


class Shape(StrEnum):
    """What a message is."""

    EVENT = "event"
    """a failed invocation: the body is the event, the attributes hold the reason"""
    POINTER = "pointer"
    """a range of the table's stream that the mapping gave up on; it holds no records itself"""
    RECORD = "record"
    """a stream record that the enricher set aside, whole, with its reason"""
    UNKNOWN = "unknown"
    """anything else: shown as it is, never replayed, deleted only by its id"""


Attributes = Mapping[str, Mapping[str, str]]


def message_key(queue: QueueName, id: str) -> str:  # noqa: A002
    """The key of the message with that id."""
    return f"{queue}/{id}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """A message as received from SQS.

    `attributes` is name → DataType and StringValue or BinaryValue (base64); `sent_ms` is since 1970.
    """

    queue: QueueName
    id: str
    body: str
    attributes: Attributes
    sent_ms: int
    receives: int
    receipt: str = ""

    @property
    def key(self) -> str:
        """Unique over both queues."""
        return message_key(self.queue, self.id)

    def attribute(self, name: str) -> str:
        """The text of an attribute; empty if it has none."""
        return self.attributes.get(name, {}).get("StringValue", "")


@dataclass(frozen=True, kw_only=True)
class DeadLetter:
    """A message with its meaning: its shape, why it failed, which prices it concerns."""

    message: Message
    shape: Shape
    content: Any
    """the body as JSON; None if it is not JSON"""

    @property
    def function(self) -> str:
        """The function that failed, without the environment's suffix."""
        webhook = self.message.queue is QueueName.WEBHOOK and self.shape in (Shape.EVENT, Shape.UNKNOWN)
        return "webhook-processor" if webhook else "price-enricher"

    @property
    def request_id(self) -> str:
        """Lambda's id of the failed request; empty if unknown."""
        if self.shape is Shape.POINTER:
            return _text(self.content.get("requestContext"), "requestId")
        return self.message.attribute("RequestID")

    @property
    def error(self) -> str:
        """Why it failed, as the sender of the message wrote it."""
        if self.shape is Shape.POINTER:
            reasons = [
                _text(self.content.get("requestContext"), "condition"),
                _text(self.content.get("responseContext"), "functionError"),
            ]
            return ": ".join(reason for reason in reasons if reason) or "the mapping gave up"
        if self.shape is Shape.RECORD:
            return _text(self.content, "reason") or self.message.attribute("Reason") or "set aside"
        return self.message.attribute("ErrorMessage") or self.message.attribute("Reason")

    @cached_property
    def cause(self) -> str:
        """What errors of the same kind share; `list` groups by it."""
        return cause_of(self.error) if self.error else "no reason given"

    @cached_property
    def symbols(self) -> tuple[str, ...]:
        """The symbols it names, upper case, sorted."""
        return _distinct(price.get("symbol") for price in self._prices())

    @cached_property
    def exchanges(self) -> tuple[str, ...]:
        """The exchanges it names, sorted."""
        return _distinct((price.get("exchange") for price in self._prices()), upper=False)

    @property
    def holds_prices(self) -> bool:
        """Whether it is an event of the webhook processor, whichever queue it is in."""
        if self.shape is not Shape.EVENT:
            return False
        has_body = isinstance(self.content, dict) and "body" in self.content
        return has_body or any("symbol" in price for price in event_prices(self.content))

    def readable_until_ms(self) -> int | None:
        """For a pointer: when its first record leaves the stream, since 1970; None for other shapes."""
        if self.shape is not Shape.POINTER:
            return None
        arrived_ms = epoch_ms(_text(self.content["DDBStreamBatchInfo"], "approximateArrivalOfFirstRecord"))
        return (arrived_ms if arrived_ms is not None else self.message.sent_ms) + STREAM_KEEPS_MS

    def document(self, now_ms: int) -> dict[str, Any]:
        """What `peek --output json` shows, and what --where is evaluated on.

        queue, id, shape, function, cause, error, request_id (texts), symbols, exchanges (lists), sent_at
        (ISO 8601, UTC), age_s, receives, readable_for_s (pointers, else null), attributes, body (JSON if it
        is JSON, else text; a number of more digits than a float holds is a text).
        """
        until_ms = self.readable_until_ms()
        return {
            "queue": self.message.queue.value,
            "id": self.message.id,
            "shape": self.shape.value,
            "function": self.function,
            "cause": self.cause,
            "error": self.error,
            "request_id": self.request_id,
            "symbols": list(self.symbols),
            "exchanges": list(self.exchanges),
            "sent_at": iso_of_ms(self.message.sent_ms),
            "age_s": max(0, now_ms - self.message.sent_ms) // 1000,
            "receives": self.message.receives,
            "readable_for_s": None if until_ms is None else max(0, until_ms - now_ms) // 1000,
            "attributes": {name: dict(value) for name, value in self.message.attributes.items()},
            "body": self.message.body if self.content is None else self.content,
        }

    @property
    def records(self) -> list[Any]:
        """The stream records that it holds, of whatever form."""
        if self.shape is Shape.RECORD:
            return [self.content["record"]]
        records = self.content.get("Records") if isinstance(self.content, dict) else None
        return records if isinstance(records, list) else []

    def _prices(self) -> Iterator[Mapping[str, Any]]:
        if self.shape is Shape.EVENT:
            yield from event_prices(self.content)
        yield from _record_prices(self.records)
        if self.message.attribute("Symbol"):
            yield {"symbol": self.message.attribute("Symbol")}


def decode(message: Message) -> DeadLetter:
    """The dead letter that a message is; any message has one."""
    content = _json(message.body)
    return DeadLetter(message=message, shape=_shape(message, content), content=content)


def _shape(message: Message, content: Any) -> Shape:
    if isinstance(content, dict):
        if isinstance(content.get("DDBStreamBatchInfo"), dict):
            return Shape.POINTER
        if content.get("kind") == "record" and isinstance(content.get("record"), dict):
            return Shape.RECORD
    from_lambda = any(name in message.attributes for name in ("RequestID", "ErrorCode", "ErrorMessage"))
    return Shape.EVENT if from_lambda and isinstance(content, dict | list) else Shape.UNKNOWN


def event_prices(event: Any) -> Iterator[Mapping[str, Any]]:
    """The prices in an event of the webhook processor, not validated."""
    inner = event
    if isinstance(event, dict) and "body" in event:
        inner = _json(event_text(event) or "")
    if isinstance(inner, dict) and isinstance(inner.get("prices"), list):
        inner = inner["prices"]
    for price in inner if isinstance(inner, list) else [inner]:
        if isinstance(price, dict):
            yield price


def event_text(event: Mapping[str, Any]) -> str | None:
    """The text of an event's body; None if it has none that can be read."""
    body = event.get("body")
    if not isinstance(body, str):
        return None
    if event.get("isBase64Encoded") is not True:
        return body
    try:
        return base64.b64decode(body, validate=True).decode()
    except (binascii.Error, ValueError):
        return None


def _record_prices(records: Iterable[Any]) -> Iterator[Mapping[str, Any]]:
    for record in records:
        stream = record.get("dynamodb") if isinstance(record, dict) else None
        if not isinstance(stream, dict):
            continue
        for image in (stream.get("Keys"), stream.get("NewImage")):
            if isinstance(image, dict) and not is_message(image):
                yield {name: _text(image.get(name), "S") for name in ("symbol", "exchange")}


# Far more than any price has, and few enough for every step of our own.
MAX_NESTING = 200


def epoch_ms(text: str) -> int | None:
    """Milliseconds since 1970 of an ISO 8601 time; None if it is not one."""
    try:
        moment = parse_iso_8601(text)
    except ValueError:
        return None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def _json(text: str) -> Any:
    """The value of a JSON text that can be written as JSON again; None if it is not one."""
    try:
        value = json.loads(text, parse_float=_float, parse_constant=str)
    except (ValueError, RecursionError):
        return None
    return None if nested_deeper(value, MAX_NESTING) else value


def _float(text: str) -> float | str:
    """What a float cannot hold, 1e999 or the digits of 0.10000000000000000001, stays its text."""
    number = float(text)
    try:
        return number if math.isfinite(number) and Decimal(repr(number)) == Decimal(text) else text
    except InvalidOperation:  # its exponent is beyond a Decimal's too
        return text


def _text(holder: Any, name: str) -> str:
    value = holder.get(name) if isinstance(holder, Mapping) else None
    return value if isinstance(value, str) else ""


def _distinct(values: Iterator[Any], *, upper: bool = True) -> tuple[str, ...]:
    texts = (value.strip() for value in values if isinstance(value, str))
    return tuple(sorted({folded_symbol(text) if upper else text for text in texts if text}))
