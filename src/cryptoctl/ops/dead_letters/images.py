"""An item of the table as a person mends it: attribute values in DynamoDB's own JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from cryptoctl.core.numbers import JsonNumber, NumberError, decimal_from, plain
from cryptoctl.ops.dead_letters.payloads import UnmendableError, loads

KEYS = ("symbol", "timestamp")


def typed(name: str, text: str) -> dict[str, Any]:
    """The attribute value of a JSON value: 5 is {"N": "5"}. Raises UnmendableError."""
    if name in KEYS:
        raise UnmendableError(f"{name} is part of the item's key and cannot be changed")
    value = loads(text)
    if isinstance(value, JsonNumber):
        try:
            return {"N": plain(decimal_from(value))}
        except NumberError as error:
            raise UnmendableError(f"{name}: {error}") from None
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, str):
        return {"S": value}
    raise UnmendableError(f"{name}: only a number, a text, true or false can be set")


def image_text(image: Mapping[str, Any]) -> str:
    """The item for the editor."""
    return json.dumps(image, indent=2, sort_keys=True, default=str)


def image_changes(image: Mapping[str, Any], text: str) -> dict[str, Any]:
    """What the editor changed: attribute → new value, None where it was taken out. Raises UnmendableError."""
    edited = json.loads(text)
    if not isinstance(edited, dict):
        raise UnmendableError("what the editor left is no item")
    before = json.loads(image_text(image))
    changes: dict[str, Any] = {name: None for name in before if name not in edited}
    changes |= {name: value for name, value in edited.items() if before.get(name) != value}
    for name, value in changes.items():
        if name in KEYS:
            raise UnmendableError(f"{name} is part of the item's key and cannot be changed")
        if value is not None and not (isinstance(value, dict) and len(value) == 1):
            raise UnmendableError(f'{name}: write it as DynamoDB does, such as {{"N": "5"}}')
    return changes
