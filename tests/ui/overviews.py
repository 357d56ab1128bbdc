"""Overviews of an environment that is well and of one that is not, and the live screen of one."""

from __future__ import annotations

import io
from dataclasses import replace
from decimal import Decimal

from rich.console import Console

from cryptoctl.core.items import StoredPrice
from cryptoctl.ops.activity import MINUTES, Activity, FunctionActivity
from cryptoctl.ops.alarms import AlarmState
from cryptoctl.ops.log_entries import LogEntry
from cryptoctl.ops.overview import Overview
from cryptoctl.ops.queue_depth import QueueDepth
from cryptoctl.ops.status import Inventory, MappingState, ResourceReport, ResourceState
from cryptoctl.ops.symbols import SymbolState
from cryptoctl.ui.screen import Screen
from cryptoctl.ui.watch import draw
from kit.screens import shown

AT_MS = 1_700_000_000_000


NAMES = ("webhook-processor", "price-enricher")


def state(symbol: str) -> SymbolState:
    price = StoredPrice(
        symbol=symbol,
        key=Decimal(AT_MS - 3_000),
        price=Decimal("50000.12345678"),
        volume=Decimal(0),
        exchange="here",
        processed=True,
    )
    recent = tuple(Decimal(number) for number in range(60))
    return SymbolState(symbol=symbol, last=price, change_5m=Decimal("-0.013"), change_1h=None, recent=recent)


def activity(*, errors: float = 0, lag_s: float | None = 1.6) -> Activity:
    hour = tuple(float(minute) for minute in range(MINUTES))
    functions = tuple(
        FunctionActivity(function=f"{name}-dev", prices=hour, invocations=hour, errors=(errors,) * MINUTES)
        for name in NAMES
    )
    return Activity(functions=functions, iterator_age_s=lag_s, oldest_s={})


HEALTHY = Overview(
    environment="dev",
    at_ms=AT_MS,
    inventory=Inventory(
        resources=tuple(
            ResourceReport(name=f"function {name}-dev", state=ResourceState.PRESENT) for name in NAMES
        )
    ),
    queues=tuple(QueueDepth(name=f"{name}-dlq-dev", visible=0, in_flight=0, delayed=0) for name in NAMES),
    mappings=(MappingState(name="stream mapping price-enricher-dev", state="Enabled", last_result="OK"),),
    activity=activity(),
    errors=(),
    alarms=(
        AlarmState(
            name="cryptoctl-dev-price-enricher-lag",
            state="OK",
            since_ms=AT_MS - 300_000,
            meaning="Prices wait too long.",
            command="`cryptoctl logs price-enricher --env dev`",
            reason="Threshold Crossed",
        ),
    ),
    symbols=(state("BTC"), state("ETH")),
)


ERROR = LogEntry(
    time_ms=AT_MS - 1000,
    function="webhook-processor-dev",
    level="ERROR",
    message="An error occurred (ResourceNotFoundException) when calling the PutItem operation: none",
)


BROKEN = replace(
    HEALTHY,
    inventory=Inventory(
        resources=(
            ResourceReport(
                name="function webhook-processor-dev",
                state=ResourceState.DRIFTED,
                differs=("Environment.DYNAMODB_TABLE",),
            ),
            HEALTHY.inventory.resources[1],
        )
    ),
    queues=(replace(HEALTHY.queues[0], visible=4, in_flight=1, delayed=1), HEALTHY.queues[1]),
    errors=(ERROR, ERROR),
)


def on_a_terminal(overview: Overview, columns: int, rows: int, screen: Screen | None = None) -> list[str]:
    """What the live screen leaves on a terminal of that size."""
    screen, both = screen or Screen(colour=False), io.StringIO()
    screen.terminal.out = Console(
        file=both, width=columns, height=rows, force_terminal=True, soft_wrap=True, highlight=False
    )
    draw(screen, overview, "dev on this machine")
    return shown(both.getvalue(), columns, rows)
