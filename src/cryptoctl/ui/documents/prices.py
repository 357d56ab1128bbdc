"""Prices and logs."""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict

from cryptoctl.ui.documents.document import CommandDocument, Part, about


class SentDocument(Part):
    """The result of sending a price."""

    model_config = ConfigDict(extra="ignore")

    status: str = about("stored or duplicate")
    symbol: str = about("the symbol, in upper case")
    timestamp: int = about("the price's time, in milliseconds since 1970")
    sort_key: str = about("the exact key in the table")
    differs: bool = about("whether another price or volume is stored under its id; that stays", False)


class FailedLineDocument(Part):
    """A line of a file that was not accepted."""

    file: str = about("the file")
    line: int = about("its number")
    reason: str = about("why")


class SourceFileDocument(Part):
    """A file of prices, and how it was read."""

    name: str = about("the file")
    format: str = about("such as `CSV with commas` or `Parquet`")
    recognised: str | None = about("the dump that its shape is known from")
    fields: dict[str, str] = about("which column, member or expression is which field of a price")
    constants: dict[str, str] = about("what --symbol and --exchange say")
    unused: list[str] = about("columns that are used for nothing")
    time_unit: str | None = about("s, ms, us, ns or ISO 8601; null with --now")
    records: int | None = about("how many records it has; null for a stream")


class FileDocument(Part):
    """The results of sending files of prices."""

    stored: int = about("how many were stored")
    duplicate: int = about("how many were stored before")
    differing: int = about("how many of those have another price or volume than is stored")
    refused: int = about("how many were not accepted")
    failed: list[FailedLineDocument] = about("the lines that were not accepted, the first 10000")
    last_line: int = about("all up to this line of the last file is settled, and perhaps a batch after it")
    files: list[SourceFileDocument] = about("the files, in order")
    passed_over: list[str] = about("what lies beside them and was not read")


class PreviewPriceDocument(Part):
    """A price as it would be stored. Numbers are text, with all their digits."""

    line: int = about("its line or record in the file")
    symbol: str = about("the symbol")
    time: str = about("its time in UTC")
    timestamp: int = about("the same in milliseconds since 1970")
    price: str = about("the price")
    volume: str = about("the volume")
    exchange: str = about("the exchange")
    id: str | None = about("the exchange's id of the trade")
    occurrence: int | None = about("which of several equal trades it is, from the second on")


class RefusedLinesDocument(Part):
    """Lines that would be refused for one reason."""

    count: int = about("how many")
    file: str = about("the file of the first")
    line: int = about("its line or record")
    reason: str = about("why")


class DryRunDocument(Part):
    """What would be sent of files of prices."""

    prices: int = about("how many prices would be sent")
    refused: int = about("how many lines would be refused")
    first: list[PreviewPriceDocument] = about("the first of them")
    last: list[PreviewPriceDocument] = about("the last, after those")
    earliest: str | None = about("the earliest time")
    latest: str | None = about("the latest time")
    reasons: list[RefusedLinesDocument] = about("why lines would be refused")
    files: list[SourceFileDocument] = about("the files, in order")
    passed_over: list[str] = about("what lies beside them and was not read")


class SendPriceDocument(CommandDocument, commands=["send-price"]):
    """`send-price`"""

    price: SentDocument | None = about("the result for a single price", None)
    request_id: str | None = about("with --async: the request that was queued", None)
    file: FileDocument | None = about("with --file: the results of its lines", None)
    dry_run: DryRunDocument | None = about("with --dry-run: what would be sent", None)


class PriceDocument(Part):
    """A stored price. Numbers are text, with all their digits."""

    symbol: str = about("the symbol")
    timestamp: int = about("its time, in milliseconds since 1970")
    sort_key: str = about("the exact key in the table")
    exchange: str = about("the exchange")
    price: str = about("the price")
    volume: str = about("the volume")
    ma_5: str | None = about("the average of the last 5; null with too little history")
    ma_20: str | None = about("the average of the last 20; null with too little history")
    volatility: str | None = about("the standard deviation of the last 10; null with too little history")
    processed: bool = about("whether it is enriched")
    enriched_at: str | None = about("when it was enriched")
    id: str | None = about("the exchange's id of the trade")


class PricesDocument(CommandDocument, commands=["prices"]):
    """`prices`"""

    prices: list[PriceDocument] = about("the oldest first", [])


class SymbolDocument(Part):
    """A symbol as it stands. Numbers are text, with all their digits; changes are in percent."""

    symbol: str = about("the symbol")
    exchange: str = about("the exchange of the last price")
    price: str = about("the last price")
    timestamp: int = about("its time, in milliseconds since 1970")
    sort_key: str = about("its exact key in the table")
    processed: bool = about("whether it is enriched")
    change_5m_percent: str | None = about("its change in 5 minutes; null without a price from before")
    change_1h_percent: str | None = about("its change in an hour; null without a price from before")


class ChartDocument(CommandDocument, commands=["chart"]):
    """`chart`"""

    prices: list[PriceDocument] = about("what is drawn, the oldest first", [])


class CandleDocument(Part):
    """The prices of one interval that has any. Numbers are text, with all their digits."""

    time: str = about("when the interval began")
    open: str = about("the first price")
    high: str = about("the highest price")
    low: str = about("the lowest price")
    close: str = about("the last price")
    volume: str = about("the sum of the volumes")
    trades: int = about("how many prices there are")


class CandlesDocument(CommandDocument, commands=["candles"]):
    """`candles`"""

    interval: str | None = about("1m, 5m, 1h or 1d", None)
    candles: list[CandleDocument] = about("the oldest first", [])


class SymbolsDocument(CommandDocument, commands=["symbols"]):
    """`symbols`"""

    symbols: list[SymbolDocument] = about("the one with the newest price first", [])


class LogLineDocument(Part):
    """A line of a function's log."""

    time: str = about("when it was logged")
    function: str = about("the function")
    message: Any = about("the line: an object where it is JSON, else text")


class LogsDocument(CommandDocument, commands=["logs"]):
    """`logs`; with --follow each line is a document on a line of its own, and this one ends them"""

    lines: list[LogLineDocument] = about(
        "in order of time; with --last those of the entries that the table has", []
    )
