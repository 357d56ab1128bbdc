"""What `feed` followed."""

from __future__ import annotations

from cryptoctl.ui.documents.document import CommandDocument, Part, about


class FollowedSymbolDocument(Part):
    """A symbol at an exchange, as it is followed. Numbers of prices are text, with all their digits."""

    time: str = about("when this was so")
    exchange: str = about("the exchange")
    symbol: str = about("the symbol, as it is stored")
    state: str = about(
        "`following` (the websocket), `polling` (REST, at the end of the tape), `filling`, or `ended` "
        "(it cannot be followed)"
    )
    price: str | None = about("the last price that was stored")
    timestamp: int | None = about("its time, in milliseconds since 1970")
    id: str | None = about("the exchange's id of the trade")
    lag_ms: int | None = about("how old it was when it was stored, by this machine's clock")
    rate_per_s: float = about("prices a second, over the last ten seconds")
    stored: int = about("how many prices were stored")
    duplicate: int = about("how many were stored before")
    differing: int = about("how many of those have another price or volume than is stored")
    refused: int = about("how many were not accepted")
    filled: int = about("how many gaps of the websocket were filled")
    missing: int = about("trades that the exchange does not give (1 for each hole where it does not count)")
    waiting: int = about("prices that wait to be sent")
    problem: str | None = about("what does not work just now")


class FeedRefusalDocument(Part):
    """A trade that was not accepted."""

    exchange: str = about("the exchange")
    symbol: str = about("the symbol")
    id: str = about("the exchange's id of the trade")
    reason: str = about("why")


class UnfollowedDocument(Part):
    """An exchange, or one of its symbols, that was not followed."""

    exchange: str = about("the exchange")
    symbol: str | None = about("the symbol, as it was typed; null for all of the exchange's")
    problem: str = about("why")


class FeedDocument(CommandDocument, commands=["feed"]):
    """`feed`; every 10 seconds a document for each symbol on a line of its own, and this one ends them"""

    lines: list[FollowedSymbolDocument] = about("each symbol, at the end", [])
    not_followed: list[UnfollowedDocument] = about(
        "the exchanges that have not given their symbols, and the symbols that are not listed", []
    )
    refusals: list[FeedRefusalDocument] = about("the trades that were not accepted, the first 1000", [])
    unsent: int = about("prices that were received and not sent", 0)
