"""Tags as the services spell them: a mapping here, lists of pairs there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from cryptoctl.reconcile import (
    Delta,
    Value,
)


def pairs(delta: Delta, field: str) -> dict[str, Value]:
    """The entries of a mapping field that must be set."""
    return {change.key: change.new for change in delta.keys(field) if change.key and change.new is not None}


def listed(tags: Mapping[str, str], key: str = "Key", value: str = "Value") -> tuple[dict[str, str], ...]:
    """A mapping as a service's list of pairs."""
    return tuple({key: name, value: text} for name, text in tags.items())


def mapped(tags: Iterable[Mapping[str, Any]], key: str = "Key", value: str = "Value") -> dict[str, str]:
    """A service's list of pairs as a mapping."""
    return {tag[key]: tag[value] for tag in tags}
