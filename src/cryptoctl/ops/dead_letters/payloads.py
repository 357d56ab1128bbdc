"""What a replay sends: the original event, its original time beside it, with the edits asked for.

What is not edited stays as it was written, digit for digit: it becomes the price's raw_data.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cryptoctl.core import json_text
from cryptoctl.core.numbers import JsonNumber, NumberError, decimal_from, plain
from cryptoctl.core.webhook_messages import Arrival, arrival_in, wrap_event
from cryptoctl.ops.dead_letters.messages import event_text

KEYS = ("symbol", "timestamp")


class EditError(ValueError):
    """A payload in which the edit asked for cannot be made; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Edits:
    """How payloads are changed first: members set (name → JSON text), then the editor (text → text)."""

    changes: Mapping[str, str] = field(default_factory=dict)
    editor: Callable[[str], str] | None = None

    def __bool__(self) -> bool:
        return bool(self.changes) or self.editor is not None

    @staticmethod
    def from_options(assignments: Sequence[str], editor: Callable[[str], str] | None) -> Edits:
        """Those of `--set NAME=VALUE` (VALUE is JSON, else text) and `--edit`. Raises EditError."""
        changes = {}
        for assignment in assignments:
            name, equals, value = assignment.partition("=")
            if not equals or not name.strip():
                raise EditError(f"{assignment!r} is not NAME=VALUE")
            try:
                loads(value)
            except json_text.JsonError:
                value = json.dumps(value)
            changes[name.strip()] = value
        return Edits(changes=changes, editor=editor)

    def apply_editor(self, text: str) -> str:
        """The JSON text after the editor. Raises EditError if what it leaves is not JSON."""
        if self.editor is None:
            return text
        changed = self.editor(text)
        try:
            loads(changed)
        except json_text.JsonError as error:
            raise EditError(f"the text after editing cannot be used: {error}") from None
        return changed.strip()

    def attribute_changes(self, item: Mapping[str, Any] | None) -> dict[str, Any]:
        """Attribute → new value in DynamoDB's JSON, None to remove it. Raises EditError.

        `item` is the item as it is; only the editor needs it.
        """
        changes: dict[str, Any] = {name: attribute_value(name, text) for name, text in self.changes.items()}
        if self.editor is None:
            return changes
        if item is None:
            raise EditError("its item is no longer in the table")
        before = {**item, **changes}
        return changes | item_changes(before, self.apply_editor(item_text(before)))


@dataclass(frozen=True, kw_only=True)
class Prices:
    """The JSON text of an event's prices, and whether the event holds it in `body`."""

    text: str
    in_body: bool

    def replay_payload(self, arrival: Arrival) -> str:
        """The JSON text to invoke the webhook processor with.

        The event in it has no requestContext: a failure is then the invocation's own, and the message stays
        as it is, whereas the handler would put a failed HTTP event on the queue once more.
        """
        return wrap_event(json.dumps({"body": self.text}) if self.in_body else self.text, arrival)


def prices_in(event: Any, original: str) -> Prices:
    """The prices of an event whose JSON text is `original`."""
    if isinstance(event, dict) and "body" in event:
        text = event_text(event)
        if text is not None:
            return Prices(text=text, in_body=True)
    return Prices(text=original, in_body=False)


def arrival_of(event: Any) -> Arrival | None:
    """When an HTTP event arrived, and whose message it is; None for any other event."""
    return arrival_in(event.get("requestContext")) if isinstance(event, dict) else None


def lacks_time(prices: Prices) -> bool:
    """Whether some price has no timestamp, and would take the time of its arrival."""
    return any("timestamp" not in part.value for part in _parts(prices.text)[0] if _is_readable(part))


def with_changes(prices: Prices, changes: Mapping[str, str]) -> Prices:
    """The same with members set in every price; `changes` is name → JSON text. Raises EditError."""
    if not changes:
        return prices
    parts, several = _parts(prices.text)
    if not any(map(_is_readable, parts)):
        raise EditError("its body has no price that is a JSON object; use --edit")
    parsed = {name: loads(text) for name, text in changes.items()}
    texts = [json_text.dumps({**part.value, **parsed}) if _is_readable(part) else part.raw for part in parts]
    # A list means the same as {"prices": [ … ]}, whose other members nobody reads.
    return Prices(text=f"[{', '.join(texts)}]" if several else texts[0], in_body=prices.in_body)


def with_edits(prices: Prices, edits: Edits) -> Prices:
    """The same after all edits. Raises EditError.

    What was edited is sent in a body, of which the handler reads every digit: the numbers of an event itself
    are floats before the handler sees them.
    """
    text = edits.apply_editor(with_changes(prices, edits.changes).text)
    in_body = prices.in_body or (text != prices.text and not _holds_body(text))
    return Prices(text=text, in_body=in_body)


def _holds_body(text: str) -> bool:
    value = json_text.Document(text).value
    return isinstance(value, dict) and "body" in value


def attribute_value(name: str, text: str) -> dict[str, Any]:
    """The attribute value of a JSON text: 5 is {"N": "5"}. Raises EditError."""
    _refuse_key(name)
    value = loads(text)
    if isinstance(value, JsonNumber):
        try:
            return {"N": plain(decimal_from(value))}
        except NumberError as error:
            raise EditError(f"{name}: {error}") from None
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, str):
        return {"S": value}
    raise EditError(f"{name}: only a number, a text, true or false can be set")


def item_text(item: Mapping[str, Any]) -> str:
    """The item for the editor, in DynamoDB's JSON."""
    return json.dumps(item, indent=2, sort_keys=True, default=json_default)


def json_default(value: Any) -> Any:
    """What JSON itself does not hold of DynamoDB's values: bytes as base64, a set as a list."""
    if isinstance(value, bytes | bytearray):
        return base64.b64encode(value).decode()
    return sorted(value) if isinstance(value, set | frozenset) else str(value)


def item_changes(item: Mapping[str, Any], text: str) -> dict[str, Any]:
    """What the editor changed: attribute → new value, None if it was removed. Raises EditError."""
    edited = json.loads(text)
    if not isinstance(edited, dict):
        raise EditError("the text after editing is not an item")
    before = json.loads(item_text(item))
    changes: dict[str, Any] = {name: None for name in before if name not in edited}
    changes |= {name: value for name, value in edited.items() if before.get(name) != value}
    for name, value in changes.items():
        _refuse_key(name)
        if value is not None and not (isinstance(value, dict) and len(value) == 1):
            raise EditError(f'{name}: write it as DynamoDB does, such as {{"N": "5"}}')
        try:
            with_bytes(value)
        except (TypeError, ValueError, AttributeError):
            raise EditError(f"{name}: write it as DynamoDB does, what is binary in base64") from None
    return changes


def with_bytes(value: Any) -> Any:
    """An attribute value of DynamoDB's JSON with what is binary in it as bytes, which boto3 takes.

    Raises TypeError, ValueError or AttributeError for what is none.
    """
    if not isinstance(value, dict) or len(value) != 1:
        return value
    ((kind, content),) = value.items()
    match kind:
        case "B":
            return {kind: base64.b64decode(content, validate=True)}
        case "BS":
            return {kind: [base64.b64decode(text, validate=True) for text in content]}
        case "M":
            return {kind: {name: with_bytes(member) for name, member in content.items()}}
        case "L":
            return {kind: [with_bytes(element) for element in content]}
    return value


def _refuse_key(name: str) -> None:
    if name in KEYS:
        raise EditError(f"{name} is part of the item's key and cannot be changed")


def loads(text: str) -> Any:
    """The value of a JSON text, numbers as they are written. Raises JsonError where the handler refuses."""
    document = json_text.Document(text)
    if document.problems:
        raise json_text.JsonError(document.problems[0])
    return document.value


def _parts(text: str) -> tuple[list[json_text.Element], bool]:
    """The prices in a text, and whether they stand in a list; none if the handler refuses all of it."""
    try:
        document = json_text.Document(text)
        value, name = document.value, None
        if isinstance(value, dict) and isinstance(value.get("prices"), list):
            name = "prices"
        if name is None and not isinstance(value, list):
            return [json_text.Element(value=value, raw=text.strip(), problems=document.problems)], False
        return list(document.elements(name)), True
    except json_text.JsonError:
        return [], False


def _is_readable(part: json_text.Element) -> bool:
    """Whether it is an object that the handler reads."""
    return isinstance(part.value, dict) and not part.problems
