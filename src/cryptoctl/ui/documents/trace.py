"""What `trace` writes with --output json."""

from __future__ import annotations

from typing import Any

from cryptoctl.ui.documents.document import CommandDocument, Notes, Part, about
from cryptoctl.ui.documents.prices import LogLineDocument


class TracedPriceDocument(Part):
    """What became of the price."""

    outcome: str = about("announced, waiting (to be enriched), not enriched, not stored or deleted")
    message: str = about("the same as a sentence")


class TraceEventDocument(Part):
    """Something that happened to the price."""

    time: str = about("when")
    lag_ms: int | None = about("milliseconds since the event before; null of the first")
    where: str = about("the exchange, function, table, topic or queue")
    what: str = about(
        "price's own time, received, stored, answered, duplicate, pass began, announced, "
        "enriched, corrected, failed or dead letter"
    )
    detail: str = about("more about it")
    request: str | None = about("the request that did it, where one is known")


class LagsDocument(Part):
    """How long the parts of the way took, in milliseconds; null where an end of it is not known."""

    arrival_ms: int | None = about("from the price's own time to its first arrival")
    storing_ms: int | None = about("from its first arrival to its item")
    enriching_ms: int | None = about("from its item to its indicators")
    total_ms: int | None = about("from its first arrival to its announcement")


class NamedPriceDocument(Part):
    """A price that a request names, or one of several that are meant."""

    symbol: str = about("the symbol")
    sort_key: str = about("the exact key in the table")
    outcome: str = about("done, stored, stored before, corrected or failed")


class TraceDocument(CommandDocument, commands=["trace"]):
    """`trace`"""

    price: TracedPriceDocument | None = about("what became of it; null where one was not found alone", None)
    item: dict[str, Any] | None = about(
        "its item; numbers are text with all their digits, and times are in UTC", None
    )
    events: list[TraceEventDocument] = about("its way, in order of time", [])
    lags: LagsDocument | None = about("how long the parts of it took", None)
    requests: list[str] = about("the requests that had to do with it", [])
    named: list[NamedPriceDocument] = about("where several prices are meant: which they are", [])
    dead_letters: list[dict[str, Any]] = about("the dead letters about it, as `dlq peek` has them", [])
    lines: list[LogLineDocument] = about("the log lines of its requests", [])
    notes: Notes = []
