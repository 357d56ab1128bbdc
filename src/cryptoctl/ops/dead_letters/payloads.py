"""The event that brings a failed invocation back: the original, at its original time, mended where asked.

What is not touched stays as it was written, digit for digit: it becomes the price's raw_data.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cryptoctl.core import json_text
from cryptoctl.core.numbers import JsonNumber
from cryptoctl.ops.dead_letters.messages import event_text


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
    return any("timestamp" not in each.value for each in _parts(prices.text)[0] if each.good)


def stamped(prices: Prices, timestamp_ms: int) -> Prices:
    """The same with that time in each price that has none."""
    return _rebuilt(prices, lambda value, raw: raw if "timestamp" in value else _with_time(raw, timestamp_ms))


def mended(prices: Prices, changes: Mapping[str, str]) -> Prices:
    """The same with members set in every price; `changes` is name → JSON text. Raises UnmendableError."""
    if not changes:
        return prices
    if not any(each.good for each in _parts(prices.text)[0]):
        raise UnmendableError("its body holds no price as a JSON object; use --edit")
    parsed = {name: loads(text) for name, text in changes.items()}
    return _rebuilt(prices, lambda value, _: dumps({**value, **parsed}))


def settings(assignments: list[str]) -> dict[str, str]:
    """The changes of `--set NAME=VALUE`: JSON where the value is JSON, else text. Raises UnmendableError."""
    found = {}
    for each in assignments:
        name, equals, value = each.partition("=")
        if not equals or not name.strip():
            raise UnmendableError(f"{each!r} is not NAME=VALUE")
        try:
            loads(value)
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


def loads(text: str) -> Any:
    """The value of a JSON text, numbers as they are written. Raises JsonError where the handler refuses."""
    document = json_text.Document(text)
    if document.problems:
        raise json_text.JsonError(document.problems[0])
    return document.value


@dataclass(frozen=True, kw_only=True, slots=True)
class _Part:
    """One price's text; `good` where it is an object that the handler would read."""

    value: Any
    raw: str
    good: bool


def _parts(text: str) -> tuple[list[_Part], bool]:
    """The prices in a text, and whether they stand in a list; none where the handler would refuse it all."""
    try:
        document = json_text.Document(text)
    except json_text.JsonError:
        return [], False
    value, name = document.value, None
    if isinstance(value, dict) and isinstance(value.get("prices"), list):
        name = "prices"
    if name is None and not isinstance(value, list):
        good = isinstance(value, dict) and not document.problems
        return [_Part(value=value, raw=text.strip(), good=good)], False
    return [
        _Part(value=each.value, raw=each.raw, good=isinstance(each.value, dict) and not each.problems)
        for each in document.elements(name)
    ], True


def _rebuilt(prices: Prices, change: Callable[[Any, str], str]) -> Prices:
    parts, several = _parts(prices.text)
    texts = [change(each.value, each.raw) if each.good else each.raw for each in parts]
    if not several:
        return Prices(text=texts[0] if texts else prices.text, in_body=prices.in_body)
    # A list says the same as {"prices": [ … ]}, whose other members nobody reads.
    return Prices(text="[" + ", ".join(texts) + "]", in_body=prices.in_body)


def _with_time(raw: str, timestamp_ms: int) -> str:
    rest = raw[1:].lstrip()
    comma = "" if rest.startswith("}") else ", "
    return f'{{"timestamp": {timestamp_ms}{comma}{rest}'
