"""Reads overviews: their parts at the same time, each as often as it is worth its requests."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from cryptoctl.aws import Aws, AwsError
from cryptoctl.ops import logs, recent_symbols, status, symbols
from cryptoctl.ops.activity import activity
from cryptoctl.ops.alarms import alarm_states
from cryptoctl.ops.log_entries import LogEntry, entries
from cryptoctl.ops.overview import Overview
from cryptoctl.ops.queue_depth import QueueDepth, depth
from cryptoctl.ops.status import MappingState
from cryptoctl.ops.symbols import SymbolState
from cryptoctl.ops.times import HOUR_MS, now_ms
from cryptoctl.provisioners.function import Function
from cryptoctl.provisioners.table import NOT_FOUND as NO_SUCH_TABLE
from cryptoctl.stack import Stack

MAX_SYMBOLS = 12
THE_ERRORS, THE_SYMBOLS = "the errors", "the symbols with recent prices"
REQUIRED = ("the resources", "the queues", "the stream mapping")


@dataclass(frozen=True, kw_only=True)
class RefreshIntervals:
    """How old a part may be; one that is older is read again. Queues and prices are read each time."""

    inventory_s: float = 0.0
    activity_s: float = 0.0
    mapping_s: float = 0.0
    errors_s: float = 0.0
    names_s: float = 0.0


# On AWS each part is refreshed as often as it can change and its requests are worth (docs/performance.md).
ON_AWS = RefreshIntervals(inventory_s=60, activity_s=30, mapping_s=30, errors_s=10, names_s=60)
ON_THE_ENGINE = RefreshIntervals(inventory_s=15, activity_s=5, mapping_s=2, errors_s=2, names_s=5)


class OverviewReader:
    """Reads overviews, again and again; each at most three round trips behind one another.

    `engine_problems` gives what does not work in the embedded engine.
    """

    def __init__(
        self,
        aws: Aws,
        stack: Stack,
        intervals: RefreshIntervals | None = None,
        engine_problems: Callable[[], tuple[str, ...]] = tuple,
    ) -> None:
        self._aws, self._stack, self._engine_problems = aws, stack, engine_problems
        self._intervals = intervals or RefreshIntervals()
        self._read: dict[str, tuple[float, Any]] = {}
        self._unread: set[str] = set()
        self._complete: dict[str, bool] = {}

    def overview(self) -> Overview:
        """The environment now. What the credentials may not read is left out."""
        aws, stack, intervals = self._aws, self._stack, self._intervals
        # By the field of Overview: what the part is called, how old it may be, and what reads it.
        parts: dict[str, tuple[str, float, Callable[[], Any]]] = {
            "inventory": ("the resources", intervals.inventory_s, lambda: status.inventory(stack, aws)),
            "activity": ("the metrics", intervals.activity_s, lambda: activity(aws, stack)),
            "mappings": ("the stream mapping", intervals.mapping_s, self._mappings),
            "errors": (THE_ERRORS, intervals.errors_s, self._errors),
            "alarms": ("the alarms", intervals.mapping_s, lambda: alarm_states(aws, stack)),
            "queues": ("the queues", 0.0, self._queues),
            "symbols": ("the prices", 0.0, self._symbols),
        }
        values = aws.map(lambda part: self._part(*part), parts.values())
        fields: dict[str, Any] = dict(zip(parts, values, strict=True))
        _, names = self._read.get(THE_SYMBOLS, (0.0, None))
        part_names = [*(name for name, *_ in parts.values()), THE_SYMBOLS]
        more_symbols = max(0, len(names or ()) - MAX_SYMBOLS)
        return Overview(
            environment=stack.scope.environment,
            at_ms=now_ms(),
            more_symbols=0 if fields["symbols"] is None else more_symbols,
            unread=tuple(name for name in part_names if name in self._unread),
            engine_problems=self._engine_problems(),
            incomplete=tuple(name for name, complete in sorted(self._complete.items()) if not complete),
            **fields,
        )

    def _part(self, name: str, interval_s: float, read: Callable[[], Any]) -> Any:
        read_at_s, value = self._read.get(name, (float("-inf"), None))
        if time.monotonic() - read_at_s < interval_s:
            return value
        try:
            fresh = read()
        except AwsError as error:
            if error.throttled and name in self._read:
                return value
            if not error.denied or name in REQUIRED:
                raise
            fresh = None
            self._unread.add(name)
        else:
            self._unread.discard(name)
        self._read[name] = (time.monotonic(), fresh)
        return fresh

    def _queues(self) -> tuple[QueueDepth, ...]:
        queues = (self._stack.webhook_dead_letters, self._stack.enricher_dead_letters)
        depths = self._aws.map(lambda queue: depth(self._aws, queue), queues)
        return tuple(queue_depth for queue_depth in depths if queue_depth)

    def _mappings(self) -> tuple[MappingState, ...]:
        mapping = status.mapping_state(self._aws, self._stack.prices_to_enricher)
        return (mapping,) if mapping else ()

    def _errors(self) -> tuple[LogEntry, ...]:
        functions = (self._stack.webhook, self._stack.enricher)
        lines = self._matching_lines(THE_ERRORS, functions, self._stack.webhook_errors.pattern)
        return tuple(entry for entry in entries(lines) if entry.level != "WARNING")

    def _symbols(self) -> tuple[SymbolState, ...] | None:
        names = self._part(THE_SYMBOLS, self._intervals.names_s, self._names)
        if names is None:
            return None
        try:
            return tuple(symbols.states(self._aws, self._stack.prices, names[:MAX_SYMBOLS], now_ms()))
        except AwsError as error:
            # There is no table, or somebody's with other keys, of which the resources tell.
            if error.code in (NO_SUCH_TABLE, "ValidationException"):
                return None
            raise

    def _names(self) -> Sequence[str]:
        """Of what the log names, that of a table that was deleted since is left out."""
        lines, created_ms = self._aws.gather(
            lambda: self._matching_lines(THE_SYMBOLS, (self._stack.webhook,), recent_symbols.PATTERN),
            self._table_created_ms,
        )
        return recent_symbols.stored_symbols(line for line in lines if line.time_ms >= created_ms)

    def _table_created_ms(self) -> float:
        """Since 1970; 0 where it is a restored one, which holds older prices, or there is none."""
        described = self._aws.find(
            "dynamodb", "DescribeTable", not_found=NO_SUCH_TABLE, TableName=self._stack.prices.name
        )
        table = described["Table"] if described else {}
        created = None if "RestoreSummary" in table else table.get("CreationDateTime")
        return created.timestamp() * 1000 if created else 0.0

    def _matching_lines(self, name: str, functions: Sequence[Function], pattern: str) -> Sequence[logs.Line]:
        matches = logs.matching(self._aws, functions, now_ms() - HOUR_MS, pattern)
        self._complete[name] = matches.complete
        return matches.lines
