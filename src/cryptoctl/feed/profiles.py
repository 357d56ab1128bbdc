"""What is known of single exchanges beyond what ccxt says of all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptoctl.feed.trade import Fetch, TapeRules


@dataclass(frozen=True, kw_only=True)
class Profile:
    """How an exchange is asked, and what its trades keep to. The default is true of any exchange."""

    rules: TapeRules = field(default_factory=TapeRules)
    limit: int | None = None
    """trades in a page, at most"""
    watch_parameters: Mapping[str, Any] = field(default_factory=dict)
    """further parameters of a subscription"""
    can_watch: bool = True
    """its websocket tells the trades that its pages have; else pages alone are asked for"""
    unit_ms: int = 1
    """times are cut to so many milliseconds, where its pages and its websocket write them differently"""
    newest_only: bool = False
    """a page is always one of the newest trades; no time is asked for"""
    since_ns: bool = False
    """pages begin at a nanosecond, given as `since`"""

    def request(self, fetch: Fetch) -> tuple[int | None, dict[str, Any]]:
        """What ccxt's `fetch_trades` is called with: `since` and the exchange's own parameters."""
        if fetch.from_id is not None:
            return None, {"fromId": fetch.from_id}
        if self.newest_only:
            return None, {}
        if fetch.since_ms is not None and self.since_ns:
            # Whether it includes the moment itself is not documented; one nanosecond earlier includes it.
            return None, {"since": str(max(0, fetch.since_ms * 1_000_000 - 1))}
        return fetch.since_ms, {}


# ccxt reads Binance's past as aggregated trades, but follows single ones, whose ids are others.
_BINANCE = Profile(
    rules=TapeRules(consecutive=True, from_id=True, reaches_back=True),
    limit=1000,
    watch_parameters={"name": "aggTrade"},
)
_PROFILES = {
    **dict.fromkeys(("binance", "binanceus", "binanceusdm", "binancecoinm"), _BINANCE),
    # ccxt asks for no time without a later one, which would be this clock's; between both Coinbase gives the
    # newest trades as well.
    "coinbase": Profile(newest_only=True, limit=1000),
    # Its websocket adds up the trades of an order at one price under the last one's id; its pages have each.
    # The channel that does not needs an account in ccxt.
    **dict.fromkeys(("okx", "myokx", "okxus"), Profile(newest_only=True, limit=500, can_watch=False)),
    # Its websocket tells when the message was written, in place of the trade's time.
    "upbit": Profile(newest_only=True, limit=500, can_watch=False),
    # ccxt keeps of its websocket the last message alone: of two that come at once, the first is lost.
    "deribit": Profile(can_watch=False, limit=1000),
    # Their pages have whole seconds, their websockets more; by another time a trade is another price.
    **dict.fromkeys(("bitstamp", "whitebit"), Profile(unit_ms=1000)),
    "kraken": Profile(rules=TapeRules(consecutive=True, reaches_back=True), limit=1000, since_ns=True),
}


def profile(exchange: str) -> Profile:
    """The profile of an exchange, by ccxt's name."""
    return _PROFILES.get(exchange, Profile())
