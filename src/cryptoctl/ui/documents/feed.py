"""What `feed` followed."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from cryptoctl.ui.documents.document import CommandDocument, Part


class FeedLineDocument(Part):
    """A symbol at an exchange, as it is followed. Numbers of prices are text, with all their digits."""

    time: Annotated[str, Field(description="when this was so")]
    exchange: Annotated[str, Field(description="the exchange")]
    symbol: Annotated[str, Field(description="the symbol, as it is stored")]
    state: Annotated[
        str,
        Field(
            description="`following` (the websocket), `polling` (REST, at the end of the tape), or `filling`"
        ),
    ]
    price: Annotated[str | None, Field(description="the last price that was stored")]
    timestamp: Annotated[int | None, Field(description="its time, in milliseconds since 1970")]
    id: Annotated[str | None, Field(description="the exchange's id of the trade")]
    lag_ms: Annotated[
        int | None, Field(description="how old it was when it was stored, by this machine's clock")
    ]
    rate_per_s: Annotated[float, Field(description="prices a second, over the last ten seconds")]
    stored: Annotated[int, Field(description="how many prices were stored")]
    duplicate: Annotated[int, Field(description="how many were stored before")]
    refused: Annotated[int, Field(description="how many were not accepted")]
    filled: Annotated[int, Field(description="how many gaps of the websocket were filled")]
    missing: Annotated[
        int,
        Field(description="trades that the exchange does not give (1 for each hole where it does not count)"),
    ]
    waiting: Annotated[int, Field(description="prices that wait to be sent")]
    problem: Annotated[str | None, Field(description="what does not work just now")]


class FeedRefusalDocument(Part):
    """A trade that was not accepted."""

    exchange: Annotated[str, Field(description="the exchange")]
    symbol: Annotated[str, Field(description="the symbol")]
    id: Annotated[str, Field(description="the exchange's id of the trade")]
    reason: Annotated[str, Field(description="why")]


class FeedDocument(CommandDocument):
    """`feed`; every 10 seconds a document for each symbol on a line of its own, and this one ends them"""

    lines: Annotated[list[FeedLineDocument], Field(description="each symbol, at the end")] = []
    refusals: Annotated[
        list[FeedRefusalDocument], Field(description="the trades that were not accepted, the first 1000")
    ] = []
    unsent: Annotated[
        int, Field(description="prices that were received and not sent; the next feed fetches them")
    ] = 0
