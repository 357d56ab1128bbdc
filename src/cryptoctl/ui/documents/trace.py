"""What `trace` writes with --output json."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from cryptoctl.ui.documents.document import CommandDocument, Notes, Part
from cryptoctl.ui.documents.prices import LogLineDocument


class TracedPriceDocument(Part):
    """What became of the price."""

    outcome: Annotated[
        str, Field(description="announced, waiting (to be enriched), not enriched, not stored or deleted")
    ]
    message: Annotated[str, Field(description="the same as a sentence")]


class TraceEventDocument(Part):
    """Something that happened to the price."""

    time: Annotated[str, Field(description="when")]
    lag_ms: Annotated[int | None, Field(description="milliseconds since the event before; null of the first")]
    where: Annotated[str, Field(description="the exchange, function, table, topic or queue")]
    what: Annotated[
        str,
        Field(
            description="price's own time, received, stored, answered, duplicate, pass began, announced, "
            "enriched, corrected, failed or dead letter"
        ),
    ]
    detail: Annotated[str, Field(description="more about it")]
    request: Annotated[str | None, Field(description="the request that did it, where one is known")]


class LagsDocument(Part):
    """How long the parts of the way took, in milliseconds; null where an end of it is not known."""

    arrival_ms: Annotated[int | None, Field(description="from the price's own time to its first arrival")]
    storing_ms: Annotated[int | None, Field(description="from its first arrival to its item")]
    enriching_ms: Annotated[int | None, Field(description="from its item to its indicators")]
    total_ms: Annotated[int | None, Field(description="from its first arrival to its announcement")]


class NamedPriceDocument(Part):
    """A price that a request names, or one of several that are meant."""

    symbol: Annotated[str, Field(description="the symbol")]
    sort_key: Annotated[str, Field(description="the exact key in the table")]
    outcome: Annotated[str, Field(description="done, stored, stored before, corrected or failed")]


class TraceDocument(CommandDocument):
    """`trace`"""

    price: Annotated[
        TracedPriceDocument | None, Field(description="what became of it; null where one was not found alone")
    ] = None
    item: Annotated[
        dict[str, Any] | None, Field(description="its item; numbers are text, with all their digits")
    ] = None
    events: Annotated[list[TraceEventDocument], Field(description="its way, in order of time")] = []
    lags: Annotated[LagsDocument | None, Field(description="how long the parts of it took")] = None
    requests: Annotated[list[str], Field(description="the requests that had to do with it")] = []
    named: Annotated[
        list[NamedPriceDocument], Field(description="where several prices are meant: which they are")
    ] = []
    dead_letters: Annotated[
        list[dict[str, Any]], Field(description="the dead letters about it, as `dlq peek` has them")
    ] = []
    lines: Annotated[list[LogLineDocument], Field(description="the log lines of its requests")] = []
    notes: Notes = []
