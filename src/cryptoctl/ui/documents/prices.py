"""Prices and logs."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import ConfigDict, Field

from cryptoctl.ui.documents.document import CommandDocument, Part


class SentDocument(Part):
    """The result of sending a price."""

    model_config = ConfigDict(extra="ignore")

    status: Annotated[str, Field(description="stored or duplicate")]
    symbol: Annotated[str, Field(description="the symbol, in upper case")]
    timestamp: Annotated[int, Field(description="the price's time, in milliseconds since 1970")]
    sort_key: Annotated[str, Field(description="the exact key in the table")]


class FailedLineDocument(Part):
    """A line of a file that was not accepted."""

    line: Annotated[int, Field(description="its number")]
    reason: Annotated[str, Field(description="why")]


class FileDocument(Part):
    """The results of sending a file of prices."""

    stored: Annotated[int, Field(description="how many were stored")]
    duplicate: Annotated[int, Field(description="how many were stored before")]
    failed: Annotated[list[FailedLineDocument], Field(description="the lines that were not accepted")]
    last_line: Annotated[int, Field(description="the last line that is settled; nothing after it was sent")]


class SendPriceDocument(CommandDocument):
    """`send-price`"""

    price: Annotated[SentDocument | None, Field(description="the result for a single price")] = None
    request_id: Annotated[str | None, Field(description="with --async: the request that was queued")] = None
    file: Annotated[FileDocument | None, Field(description="with --file: the results of its lines")] = None


class PriceDocument(Part):
    """A stored price. Numbers are text, with all their digits."""

    symbol: Annotated[str, Field(description="the symbol")]
    timestamp: Annotated[int, Field(description="its time, in milliseconds since 1970")]
    sort_key: Annotated[str, Field(description="the exact key in the table")]
    exchange: Annotated[str, Field(description="the exchange")]
    price: Annotated[str, Field(description="the price")]
    volume: Annotated[str, Field(description="the volume")]
    ma_5: Annotated[str | None, Field(description="the average of the last 5; null with too little history")]
    ma_20: Annotated[
        str | None, Field(description="the average of the last 20; null with too little history")
    ]
    volatility: Annotated[
        str | None, Field(description="the standard deviation of the last 10; null with too little history")
    ]
    processed: Annotated[bool, Field(description="whether it is enriched")]
    enriched_at: Annotated[str | None, Field(description="when it was enriched")]
    id: Annotated[str | None, Field(description="the exchange's id of the trade")]


class PricesDocument(CommandDocument):
    """`prices`"""

    prices: Annotated[list[PriceDocument], Field(description="the oldest first")] = []


class LogLineDocument(Part):
    """A line of a function's log."""

    time: Annotated[str, Field(description="when it was logged")]
    function: Annotated[str, Field(description="the function")]
    message: Annotated[Any, Field(description="the line: an object where it is JSON, else text")]


class LogsDocument(CommandDocument):
    """`logs`; with --follow each line is a document on a line of its own, and this one ends them"""

    lines: Annotated[list[LogLineDocument], Field(description="in order of time")] = []
