"""Prices and logs."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import ConfigDict

from cryptoctl.ui.documents.document import CommandDocument, Part, about


class SentDocument(Part):
    """The result of sending a price."""

    model_config = ConfigDict(extra="ignore")

    status: Annotated[str, about("stored or duplicate")]
    symbol: Annotated[str, about("the symbol, in upper case")]
    timestamp: Annotated[int, about("the price's time, in milliseconds since 1970")]
    sort_key: Annotated[str, about("the exact key in the table")]
    differs: Annotated[bool, about("whether another price or volume is stored under its id; that stays")] = (
        False
    )


class FailedLineDocument(Part):
    """A line of a file that was not accepted."""

    file: Annotated[str, about("the file")]
    line: Annotated[int, about("its number")]
    reason: Annotated[str, about("why")]


class SourceFileDocument(Part):
    """A file of prices, and how it was read."""

    name: Annotated[str, about("the file")]
    format: Annotated[str, about("such as `CSV with commas` or `Parquet`")]
    recognised: Annotated[str | None, about("the dump that its shape is known from")]
    fields: Annotated[dict[str, str], about("which column, member or expression is which field of a price")]
    constants: Annotated[dict[str, str], about("what --symbol and --exchange say")]
    unused: Annotated[list[str], about("columns that are used for nothing")]
    time_unit: Annotated[str | None, about("s, ms, us, ns or ISO 8601; null with --now")]
    records: Annotated[int | None, about("how many records it has; null for a stream")]


class FileDocument(Part):
    """The results of sending files of prices."""

    stored: Annotated[int, about("how many were stored")]
    duplicate: Annotated[int, about("how many were stored before")]
    differing: Annotated[
        int,
        about("how many of those have another price or volume than is stored"),
    ]
    refused: Annotated[int, about("how many were not accepted")]
    failed: Annotated[list[FailedLineDocument], about("the lines that were not accepted, the first 10000")]
    last_line: Annotated[
        int,
        about("all up to this line of the last file is settled, and perhaps a batch after it"),
    ]
    files: Annotated[list[SourceFileDocument], about("the files, in order")]
    passed_over: Annotated[list[str], about("what lies beside them and was not read")]


class PreviewPriceDocument(Part):
    """A price as it would be stored. Numbers are text, with all their digits."""

    line: Annotated[int, about("its line or record in the file")]
    symbol: Annotated[str, about("the symbol")]
    time: Annotated[str, about("its time in UTC")]
    timestamp: Annotated[int, about("the same in milliseconds since 1970")]
    price: Annotated[str, about("the price")]
    volume: Annotated[str, about("the volume")]
    exchange: Annotated[str, about("the exchange")]
    id: Annotated[str | None, about("the exchange's id of the trade")]
    occurrence: Annotated[int | None, about("which of several equal trades it is, from the second on")]


class RefusedLinesDocument(Part):
    """Lines that would be refused for one reason."""

    count: Annotated[int, about("how many")]
    file: Annotated[str, about("the file of the first")]
    line: Annotated[int, about("its line or record")]
    reason: Annotated[str, about("why")]


class DryRunDocument(Part):
    """What would be sent of files of prices."""

    prices: Annotated[int, about("how many prices would be sent")]
    refused: Annotated[int, about("how many lines would be refused")]
    first: Annotated[list[PreviewPriceDocument], about("the first of them")]
    last: Annotated[list[PreviewPriceDocument], about("the last, after those")]
    earliest: Annotated[str | None, about("the earliest time")]
    latest: Annotated[str | None, about("the latest time")]
    reasons: Annotated[list[RefusedLinesDocument], about("why lines would be refused")]
    files: Annotated[list[SourceFileDocument], about("the files, in order")]
    passed_over: Annotated[list[str], about("what lies beside them and was not read")]


class SendPriceDocument(CommandDocument):
    """`send-price`"""

    price: Annotated[SentDocument | None, about("the result for a single price")] = None
    request_id: Annotated[str | None, about("with --async: the request that was queued")] = None
    file: Annotated[FileDocument | None, about("with --file: the results of its lines")] = None
    dry_run: Annotated[DryRunDocument | None, about("with --dry-run: what would be sent")] = None


class PriceDocument(Part):
    """A stored price. Numbers are text, with all their digits."""

    symbol: Annotated[str, about("the symbol")]
    timestamp: Annotated[int, about("its time, in milliseconds since 1970")]
    sort_key: Annotated[str, about("the exact key in the table")]
    exchange: Annotated[str, about("the exchange")]
    price: Annotated[str, about("the price")]
    volume: Annotated[str, about("the volume")]
    ma_5: Annotated[str | None, about("the average of the last 5; null with too little history")]
    ma_20: Annotated[str | None, about("the average of the last 20; null with too little history")]
    volatility: Annotated[
        str | None, about("the standard deviation of the last 10; null with too little history")
    ]
    processed: Annotated[bool, about("whether it is enriched")]
    enriched_at: Annotated[str | None, about("when it was enriched")]
    id: Annotated[str | None, about("the exchange's id of the trade")]


class PricesDocument(CommandDocument):
    """`prices`"""

    prices: Annotated[list[PriceDocument], about("the oldest first")] = []


class SymbolDocument(Part):
    """A symbol as it stands. Numbers are text, with all their digits; changes are in percent."""

    symbol: Annotated[str, about("the symbol")]
    exchange: Annotated[str, about("the exchange of the last price")]
    price: Annotated[str, about("the last price")]
    timestamp: Annotated[int, about("its time, in milliseconds since 1970")]
    sort_key: Annotated[str, about("its exact key in the table")]
    processed: Annotated[bool, about("whether it is enriched")]
    change_5m_percent: Annotated[
        str | None, about("its change in 5 minutes; null without a price from before")
    ]
    change_1h_percent: Annotated[str | None, about("its change in an hour; null without a price from before")]


class ChartDocument(CommandDocument):
    """`chart`"""

    prices: Annotated[list[PriceDocument], about("what is drawn, the oldest first")] = []


class CandleDocument(Part):
    """The prices of one interval that has any. Numbers are text, with all their digits."""

    time: Annotated[str, about("when the interval began")]
    open: Annotated[str, about("the first price")]
    high: Annotated[str, about("the highest price")]
    low: Annotated[str, about("the lowest price")]
    close: Annotated[str, about("the last price")]
    volume: Annotated[str, about("the sum of the volumes")]
    trades: Annotated[int, about("how many prices there are")]


class CandlesDocument(CommandDocument):
    """`candles`"""

    interval: Annotated[str | None, about("1m, 5m, 1h or 1d")] = None
    candles: Annotated[list[CandleDocument], about("the oldest first")] = []


class SymbolsDocument(CommandDocument):
    """`symbols`"""

    symbols: Annotated[list[SymbolDocument], about("the one with the newest price first")] = []


class LogLineDocument(Part):
    """A line of a function's log."""

    time: Annotated[str, about("when it was logged")]
    function: Annotated[str, about("the function")]
    message: Annotated[Any, about("the line: an object where it is JSON, else text")]


class LogsDocument(CommandDocument):
    """`logs`; with --follow each line is a document on a line of its own, and this one ends them"""

    lines: Annotated[
        list[LogLineDocument], about("in order of time; with --last those of the entries that the table has")
    ] = []
