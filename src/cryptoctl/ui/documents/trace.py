"""What `trace` writes with --output json."""

from __future__ import annotations

from typing import Annotated, Any

from cryptoctl.ui.documents.document import CommandDocument, Notes, Part, about
from cryptoctl.ui.documents.prices import LogLineDocument


class TracedPriceDocument(Part):
    """What became of the price."""

    outcome: Annotated[str, about("announced, waiting (to be enriched), not enriched, not stored or deleted")]
    message: Annotated[str, about("the same as a sentence")]


class TraceEventDocument(Part):
    """Something that happened to the price."""

    time: Annotated[str, about("when")]
    lag_ms: Annotated[int | None, about("milliseconds since the event before; null of the first")]
    where: Annotated[str, about("the exchange, function, table, topic or queue")]
    what: Annotated[
        str,
        about(
            "price's own time, received, stored, answered, duplicate, pass began, announced, "
            "enriched, corrected, failed or dead letter"
        ),
    ]
    detail: Annotated[str, about("more about it")]
    request: Annotated[str | None, about("the request that did it, where one is known")]


class LagsDocument(Part):
    """How long the parts of the way took, in milliseconds; null where an end of it is not known."""

    arrival_ms: Annotated[int | None, about("from the price's own time to its first arrival")]
    storing_ms: Annotated[int | None, about("from its first arrival to its item")]
    enriching_ms: Annotated[int | None, about("from its item to its indicators")]
    total_ms: Annotated[int | None, about("from its first arrival to its announcement")]


class NamedPriceDocument(Part):
    """A price that a request names, or one of several that are meant."""

    symbol: Annotated[str, about("the symbol")]
    sort_key: Annotated[str, about("the exact key in the table")]
    outcome: Annotated[str, about("done, stored, stored before, corrected or failed")]


class TraceDocument(CommandDocument):
    """`trace`"""

    price: Annotated[
        TracedPriceDocument | None, about("what became of it; null where one was not found alone")
    ] = None
    item: Annotated[
        dict[str, Any] | None, about("its item; numbers are text with all their digits, and times are in UTC")
    ] = None
    events: Annotated[list[TraceEventDocument], about("its way, in order of time")] = []
    lags: Annotated[LagsDocument | None, about("how long the parts of it took")] = None
    requests: Annotated[list[str], about("the requests that had to do with it")] = []
    named: Annotated[list[NamedPriceDocument], about("where several prices are meant: which they are")] = []
    dead_letters: Annotated[
        list[dict[str, Any]], about("the dead letters about it, as `dlq peek` has them")
    ] = []
    lines: Annotated[list[LogLineDocument], about("the log lines of its requests")] = []
    notes: Notes = []
