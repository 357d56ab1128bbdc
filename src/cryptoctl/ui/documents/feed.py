"""What `feed` followed."""

from __future__ import annotations

from typing import Annotated

from cryptoctl.ui.documents.document import CommandDocument, Part, about


class FollowedSymbolDocument(Part):
    """A symbol at an exchange, as it is followed. Numbers of prices are text, with all their digits."""

    time: Annotated[str, about("when this was so")]
    exchange: Annotated[str, about("the exchange")]
    symbol: Annotated[str, about("the symbol, as it is stored")]
    state: Annotated[
        str,
        about(
            "`following` (the websocket), `polling` (REST, at the end of the tape), `filling`, or `ended` "
            "(it cannot be followed)"
        ),
    ]
    price: Annotated[str | None, about("the last price that was stored")]
    timestamp: Annotated[int | None, about("its time, in milliseconds since 1970")]
    id: Annotated[str | None, about("the exchange's id of the trade")]
    lag_ms: Annotated[int | None, about("how old it was when it was stored, by this machine's clock")]
    rate_per_s: Annotated[float, about("prices a second, over the last ten seconds")]
    stored: Annotated[int, about("how many prices were stored")]
    duplicate: Annotated[int, about("how many were stored before")]
    differing: Annotated[int, about("how many of those have another price or volume than is stored")]
    refused: Annotated[int, about("how many were not accepted")]
    filled: Annotated[int, about("how many gaps of the websocket were filled")]
    missing: Annotated[
        int,
        about("trades that the exchange does not give (1 for each hole where it does not count)"),
    ]
    waiting: Annotated[int, about("prices that wait to be sent")]
    problem: Annotated[str | None, about("what does not work just now")]


class FeedRefusalDocument(Part):
    """A trade that was not accepted."""

    exchange: Annotated[str, about("the exchange")]
    symbol: Annotated[str, about("the symbol")]
    id: Annotated[str, about("the exchange's id of the trade")]
    reason: Annotated[str, about("why")]


class UnfollowedDocument(Part):
    """An exchange, or one of its symbols, that was not followed."""

    exchange: Annotated[str, about("the exchange")]
    symbol: Annotated[str | None, about("the symbol, as it was typed; null for all of the exchange's")]
    problem: Annotated[str, about("why")]


class FeedDocument(CommandDocument):
    """`feed`; every 10 seconds a document for each symbol on a line of its own, and this one ends them"""

    lines: Annotated[list[FollowedSymbolDocument], about("each symbol, at the end")] = []
    not_followed: Annotated[
        list[UnfollowedDocument],
        about("the exchanges that have not given their symbols, and the symbols that are not listed"),
    ] = []
    refusals: Annotated[
        list[FeedRefusalDocument], about("the trades that were not accepted, the first 1000")
    ] = []
    unsent: Annotated[int, about("prices that were received and not sent; the next feed fetches them")] = 0
