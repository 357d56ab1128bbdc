"""What a trace is made of: the price that is meant, and the events of its way. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any

from cryptoctl.ops.log_entries import LogEntry

Item = Mapping[str, Mapping[str, Any]]


class Stage(StrEnum):
    """What happened. The order is that of events at the same time."""

    TRADED = "price's own time"
    RECEIVED = "received"
    STORED = "stored"
    ANSWERED = "answered"
    DUPLICATE = "duplicate"
    STARTED = "pass began"
    ANNOUNCED = "announced"
    ENRICHED = "enriched"
    CORRECTED = "corrected"
    FAILED = "failed"
    DEAD_LETTER = "dead letter"


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What is traced: a price by its exact keys, whatever a millisecond range holds, or what requests did.

    `requests` are known to concern it although their lines may not name it.
    """

    symbol: str | None = None
    sort_keys: Collection[str] = ()
    between_ms: tuple[int, int] | None = None
    requests: Collection[str] = ()

    def field_naming(self, entry: LogEntry) -> str | None:
        """The field by which a line names it: keys, repeated or corrections; None where none does."""
        if self.symbol is None:
            return next(iter(entry.prices), None) if entry.request in self.requests else None
        for name, symbols in entry.prices.items():
            sort_keys = symbols.get(self.symbol)
            if isinstance(sort_keys, list) and any(map(self._is_key, sort_keys)):
                return name
        return None

    def _is_key(self, text: Any) -> bool:
        if self.sort_keys or self.between_ms is None:
            return isinstance(text, str) and text in self.sort_keys
        first_ms, last_ms = self.between_ms
        try:  # without int(), which takes minutes for 1e5000000
            return first_ms <= Decimal(text) < last_ms + 1
        except (InvalidOperation, TypeError, ValueError):
            return False


@dataclass(frozen=True)
class TraceEvent:
    """Something that happened to the price. `lag_ms`: since the event before; None of the first."""

    time_ms: int
    component: str
    stage: Stage
    detail: str = ""
    request: str = ""
    lag_ms: int | None = None


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """The events in order of time, and how long the parts of the way took, in milliseconds, where known."""

    events: tuple[TraceEvent, ...]
    arrival_ms: int | None
    """from the price's own time to its first arrival"""
    storing_ms: int | None
    """from its first arrival to its item"""
    enriching_ms: int | None
    """from its item to its indicators"""
    total_ms: int | None
    """from its first arrival to its announcement"""
    requests: tuple[str, ...]

    def first(self, *stages: Stage) -> TraceEvent | None:
        """The first event of these kinds."""
        return next((event for event in self.events if event.stage in stages), None)
