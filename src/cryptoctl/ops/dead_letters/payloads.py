"""The event that brings a failed invocation back: the original, at its original time, mended where asked.

What is not touched stays as it was written, digit for digit: it becomes the price's raw_data.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptoctl.core import json_text
from cryptoctl.core.numbers import JsonNumber
from cryptoctl.ops.dead_letters.letters import event_text


class UnmendableError(ValueError):
    """A payload in which the change asked for cannot be made; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Prices:
    """The JSON text of an event's prices, and how the event goes around it."""

    text: str
    in_body: bool

    @property
    def event(self) -> str:
        """The event that the webhook processor is invoked with.

        Without requestContext: a failure is then the invocation's own, and the message stays what it is,
        where an HTTP event would be put on the queue once more by the handler.
        """
        return json.dumps({"body": self.text}) if self.in_body else self.text


def prices_in(event: Any, original: str) -> Prices:
    """The prices of an event whose JSON text is `original`."""
    if isinstance(event, dict) and "body" in event:
        text = event_text(event)
        if text is not None:
            return Prices(text=text, in_body=True)
    return Prices(text=original, in_body=False)


def arrival_ms(event: Any) -> int | None:
    """When an HTTP event arrived; None for any other."""
    context = event.get("requestContext") if isinstance(event, dict) else None
    moment = context.get("timeEpoch") if isinstance(context, dict) else None
    return moment if isinstance(moment, int) and not isinstance(moment, bool) and moment > 0 else None


def lacks_time(prices: Prices) -> bool:
    """Whether some price takes its time from when it arrives."""
    return any("timestamp" not in value for value, _ in _objects(prices.text))


def stamped(prices: Prices, timestamp_ms: int) -> Prices:
    """The same with that time in each price that has none."""
    return _rebuilt(prices, lambda value, raw: raw if "timestamp" in value else _with_time(raw, timestamp_ms))


def mended(prices: Prices, changes: Mapping[str, str]) -> Prices:
    """The same with members set in every price; `changes` is name → JSON text. Raises UnmendableError."""
    if not changes:
        return prices
    if not _objects(prices.text):
        raise UnmendableError("its body holds no price as a JSON object; use --edit")
    parsed = {name: json_text.loads(text) for name, text in changes.items()}
    return _rebuilt(prices, lambda value, _: dumps({**value, **parsed}))


def settings(assignments: list[str]) -> dict[str, str]:
    """The changes of `--set NAME=VALUE`: JSON where the value is JSON, else text. Raises UnmendableError."""
    found = {}
    for each in assignments:
        name, equals, value = each.partition("=")
        if not equals or not name.strip():
            raise UnmendableError(f"{each!r} is not NAME=VALUE")
        try:
            json_text.loads(value)
        except json_text.JsonError:
            value = json.dumps(value)
        found[name.strip()] = value
    return found


def dumps(value: Any) -> str:
    """JSON text with each number as it was written."""
    if isinstance(value, JsonNumber):
        return str(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(name)}: {dumps(each)}" for name, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(dumps, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def _objects(text: str) -> list[tuple[dict[str, Any], str]]:
    """Each price that is a JSON object, with its own text; none where the handler would refuse it all."""
    try:
        value = json_text.loads(text)
    except json_text.JsonError:
        return []
    return [(each, raw) for each, raw in _elements(value, text) if isinstance(each, dict)]


def _elements(value: Any, text: str) -> list[tuple[Any, str]]:
    if isinstance(value, list):
        return list(json_text.elements(text))
    if isinstance(value, dict) and isinstance(value.get("prices"), list):
        return list(json_text.elements(text, "prices"))
    return [(value, text.strip())]


def _rebuilt(prices: Prices, change: Any) -> Prices:
    try:
        value = json_text.loads(prices.text)
    except json_text.JsonError:
        return prices
    parts = [
        change(each, raw) if isinstance(each, dict) else raw for each, raw in _elements(value, prices.text)
    ]
    several = isinstance(value, list) or (isinstance(value, dict) and isinstance(value.get("prices"), list))
    # A list says the same as {"prices": [ … ]}, whose other members nobody reads.
    text = "[" + ", ".join(parts) + "]" if several else parts[0]
    return Prices(text=text, in_body=prices.in_body)


def _with_time(raw: str, timestamp_ms: int) -> str:
    rest = raw[1:]
    comma = "" if rest.lstrip().startswith("}") else ", "
    return f'{{"timestamp": {timestamp_ms}{comma}{rest.lstrip()}'
