"""Tags as the services spell them: a mapping here, lists of pairs there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptoctl.aws_errors import PERMISSION_MISSING
from cryptoctl.reconcile import Delta, Remedy, Value

# Some seconds, as DynamoDB says of its own; the clocks of AWS and of this machine may differ by minutes.
SHOWN_AFTER = timedelta(minutes=5)


def may_be_late(made: datetime | None) -> bool:
    """Whether what was made then is so new that AWS may not show its tags yet."""
    return made is not None and datetime.now(UTC) - made < SHOWN_AFTER


def changed_tags(delta: Delta) -> dict[str, Value]:
    """The tags that must be set."""
    return {change.key: change.new for change in delta.keys("Tags") if change.key and change.new is not None}


def key_values(tags: Mapping[str, str], key: str = "Key", value: str = "Value") -> tuple[dict[str, str], ...]:
    """A mapping as a service's list of pairs."""
    return tuple({key: name, value: text} for name, text in tags.items())


def mapped(tags: Iterable[Mapping[str, Any]], key: str = "Key", value: str = "Value") -> dict[str, str]:
    """A service's list of pairs as a mapping."""
    return {tag[key]: tag[value] for tag in tags}


def without_our_tags(kind: str, *operations: str) -> Remedy:
    """For a right that the printed policies give only on what has the environment's tags."""
    return Remedy(
        codes=("AccessDeniedException",),
        contains="identity-based policy allows",
        operations=operations,
        hint=f"{PERMISSION_MISSING} It applies only to a {kind} with the environment's tags: tag one "
        "that was made by other means by hand first, or adopt it once with broader permissions "
        "(`cryptoctl up --adopt`).",
    )
