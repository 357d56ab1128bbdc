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
    differs: Annotated[
        bool, Field(description="whether another price or volume is stored under its id; that stays")
    ] = False


class FailedLineDocument(Part):
    """A line of a file that was not accepted."""

    file: Annotated[str, Field(description="the file")]
    line: Annotated[int, Field(description="its number")]
    reason: Annotated[str, Field(description="why")]


class SourceFileDocument(Part):
    """A file of prices, and how it was read."""

    name: Annotated[str, Field(description="the file")]
    format: Annotated[str, Field(description="such as `CSV with commas` or `Parquet`")]
    recognised: Annotated[str | None, Field(description="the dump that its shape is known from")]
    fields: Annotated[
        dict[str, str], Field(description="which column, member or expression is which field of a price")
    ]
    constants: Annotated[dict[str, str], Field(description="what --symbol and --exchange say")]
    unused: Annotated[list[str], Field(description="columns that are used for nothing")]
    time_unit: Annotated[str | None, Field(description="s, ms, us, ns or ISO 8601; null with --now")]
    records: Annotated[int | None, Field(description="how many records it has; null for a stream")]


class FileDocument(Part):
    """The results of sending files of prices."""

    stored: Annotated[int, Field(description="how many were stored")]
    duplicate: Annotated[int, Field(description="how many were stored before")]
    differing: Annotated[
        int,
        Field(description="how many of those have another price or volume than is stored"),
    ]
    refused: Annotated[int, Field(description="how many were not accepted")]
    failed: Annotated[
        list[FailedLineDocument], Field(description="the lines that were not accepted, the first 10000")
    ]
    last_line: Annotated[
        int,
        Field(description="all up to this line of the last file is settled, and perhaps a batch after it"),
    ]
    files: Annotated[list[SourceFileDocument], Field(description="the files, in order")]


class PreviewPriceDocument(Part):
    """A price as it would be stored. Numbers are text, with all their digits."""

    line: Annotated[int, Field(description="its line or record in the file")]
    symbol: Annotated[str, Field(description="the symbol")]
    time: Annotated[str, Field(description="its time in UTC")]
    timestamp: Annotated[int, Field(description="the same in milliseconds since 1970")]
    price: Annotated[str, Field(description="the price")]
    volume: Annotated[str, Field(description="the volume")]
    exchange: Annotated[str, Field(description="the exchange")]
    id: Annotated[str | None, Field(description="the exchange's id of the trade")]
    occurrence: Annotated[
        int | None, Field(description="which of several equal trades it is, from the second on")
    ]


class RefusedLinesDocument(Part):
    """Lines that would be refused for one reason."""

    count: Annotated[int, Field(description="how many")]
    file: Annotated[str, Field(description="the file of the first")]
    line: Annotated[int, Field(description="its line or record")]
    reason: Annotated[str, Field(description="why")]


class DryRunDocument(Part):
    """What would be sent of files of prices."""

    prices: Annotated[int, Field(description="how many prices would be sent")]
    refused: Annotated[int, Field(description="how many lines would be refused")]
    first: Annotated[list[PreviewPriceDocument], Field(description="the first of them")]
    last: Annotated[list[PreviewPriceDocument], Field(description="the last, after those")]
    earliest: Annotated[str | None, Field(description="the earliest time")]
    latest: Annotated[str | None, Field(description="the latest time")]
    reasons: Annotated[list[RefusedLinesDocument], Field(description="why lines would be refused")]
    files: Annotated[list[SourceFileDocument], Field(description="the files, in order")]


class SendPriceDocument(CommandDocument):
    """`send-price`"""

    price: Annotated[SentDocument | None, Field(description="the result for a single price")] = None
    request_id: Annotated[str | None, Field(description="with --async: the request that was queued")] = None
    file: Annotated[FileDocument | None, Field(description="with --file: the results of its lines")] = None
    dry_run: Annotated[DryRunDocument | None, Field(description="with --dry-run: what would be sent")] = None


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


class SymbolDocument(Part):
    """A symbol as it stands. Numbers are text, with all their digits; changes are in percent."""

    symbol: Annotated[str, Field(description="the symbol")]
    exchange: Annotated[str, Field(description="the exchange of the last price")]
    price: Annotated[str, Field(description="the last price")]
    timestamp: Annotated[int, Field(description="its time, in milliseconds since 1970")]
    sort_key: Annotated[str, Field(description="its exact key in the table")]
    processed: Annotated[bool, Field(description="whether it is enriched")]
    change_5m_percent: Annotated[
        str | None, Field(description="its change in 5 minutes; null without a price from before")
    ]
    change_1h_percent: Annotated[
        str | None, Field(description="its change in an hour; null without a price from before")
    ]


class ChartDocument(CommandDocument):
    """`chart`"""

    prices: Annotated[list[PriceDocument], Field(description="what is drawn, the oldest first")] = []


class CandleDocument(Part):
    """The prices of one interval that has any. Numbers are text, with all their digits."""

    time: Annotated[str, Field(description="when the interval began")]
    open: Annotated[str, Field(description="the first price")]
    high: Annotated[str, Field(description="the highest price")]
    low: Annotated[str, Field(description="the lowest price")]
    close: Annotated[str, Field(description="the last price")]
    volume: Annotated[str, Field(description="the sum of the volumes")]
    trades: Annotated[int, Field(description="how many prices there are")]


class CandlesDocument(CommandDocument):
    """`candles`"""

    interval: Annotated[str | None, Field(description="1m, 5m, 1h or 1d")] = None
    candles: Annotated[list[CandleDocument], Field(description="the oldest first")] = []


class SymbolsDocument(CommandDocument):
    """`symbols`"""

    symbols: Annotated[list[SymbolDocument], Field(description="the one with the newest price first")] = []


class LogLineDocument(Part):
    """A line of a function's log."""

    time: Annotated[str, Field(description="when it was logged")]
    function: Annotated[str, Field(description="the function")]
    message: Annotated[Any, Field(description="the line: an object where it is JSON, else text")]


class LogsDocument(CommandDocument):
    """`logs`; with --follow each line is a document on a line of its own, and this one ends them"""

    lines: Annotated[list[LogLineDocument], Field(description="in order of time")] = []
