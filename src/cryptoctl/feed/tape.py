"""The tape of one symbol at one exchange, put together from two sources: values in, values out, no I/O.

REST gives pages of the past, the websocket what happens now; either may repeat, reorder, lag or break off.
What is *settled* is a beginning of the exchange's tape without a hole, and only that is handed on. So what is
in the table at any moment is such a beginning, and after a process has died another one can go on from there.

Trades of the websocket wait in `_live` until they are *joined* to what is settled: by their number where the
exchange counts its trades, else by a new trade that both sources have. Until then pages are asked for. A page
is the exchange's word: a hole that it shows again and again is one of the exchange's, and is counted.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cryptoctl.feed.seek import Seek
from cryptoctl.feed.trade import Fetch, TapeRules, Trade, number_of

MAX_LIVE = 50_000  # trades of the websocket that wait to be joined
MAX_READY = 20_000  # trades that wait to be sent; beyond that the websocket's are left to be fetched later
ENOUGH_READY = 2_000  # no page is asked for while so many wait to be sent
MAX_RECENT = 20_000  # ids that are known to be settled
DISORDER_S = 1.0  # so long a hole in the websocket's numbers may be mere disorder
FIRST_POLL_S = 0.5  # between pages at the end of the tape, longer each time that nothing is new
MAX_POLL_S = 5.0
QUIET_S = 30.0  # a joined websocket that says nothing for so long is checked with a page
# A hole is looked at again, each time from further back: trades may stand out of the order of their times.
BACK_MS = (0, 1_000, 60_000)
# The same before the beginning: a trade from before it shows that a page reaches back.
BEFORE_MS = (0, 60_000, 3_600_000)


@dataclass(kw_only=True, slots=True)
class TapeCounts:
    """What has happened to a tape so far."""

    settled: int = 0
    filled: int = 0
    """gaps of the websocket that were filled by pages"""
    missing: int = 0
    """trades that the exchange does not give; where it does not number them, 1 for each hole"""


class Tape:
    """The trades of a symbol in the exchange's order, each once.

    `since_ms` says where to begin; None means at the newest trade. `stored_ids` are in the table already.
    """

    def __init__(
        self, rules: TapeRules, *, since_ms: int | None = None, stored_ids: Iterable[str] = ()
    ) -> None:
        self.rules, self.counts = rules, TapeCounts()
        self.last: Trade | None = None
        """the last settled trade"""
        self.sources_differ = False
        """whether the websocket told a trade otherwise than a page: then it joins nothing"""
        self._since_ms, self._cursor_ms = since_ms, since_ms
        self._stored_ids = frozenset(stored_ids)
        self._recent: dict[str, None] = dict.fromkeys(self._stored_ids)
        self._ready: deque[Trade] = deque()
        self._live: dict[str, Trade] = {}
        self._stale: frozenset[str] = frozenset()  # told by the connections before: they join nothing
        self._joined, self._gap, self._holes_seen = False, False, 0
        self._hole_since_s: float | None = None
        self._behind_hole: dict[str, Trade] = {}
        self._next_page_s, self._poll_s, self._heard_s = 0.0, FIRST_POLL_S, 0.0
        self._seek: Seek | None = None

    @property
    def joined(self) -> bool:
        """Whether the websocket's trades follow what is settled."""
        return self._joined

    @property
    def at_end(self) -> bool:
        """Whether the last page brought nothing new."""
        return self._poll_s > FIRST_POLL_S

    @property
    def ready(self) -> Sequence[Trade]:
        """The settled trades that wait to be taken."""
        return self._ready

    def take(self, limit: int) -> list[Trade]:
        """The next settled trades, at most so many."""
        return [self._ready.popleft() for _ in range(min(limit, len(self._ready)))]

    # The websocket.

    def note_loss(self) -> None:
        """The connection is lost, or something of it: what comes next does not follow."""
        self._gap = self._gap or self._joined
        self._unjoin()
        if not self.rules.consecutive:
            stale = self._stale.union(self._live)
            self._stale = stale if len(stale) <= MAX_LIVE else frozenset(self._live)
        self._live.clear()
        self._hole_since_s = None

    def receive(self, trades: Sequence[Trade], now_s: float) -> None:
        """Trades of the websocket, in its order; `now_s` is a clock that never goes back."""
        self._heard_s = now_s
        if len(self._ready) >= MAX_READY or len(self._live) + len(trades) > MAX_LIVE:
            self.note_loss()
            return
        for trade in trades:
            if not self._is_new(trade):
                continue
            if self._joined and not self.rules.consecutive:
                self._settle(trade)
            else:
                self._live[self._key(trade)] = trade
        self._follow_numbers(now_s)

    def _follow_numbers(self, now_s: float) -> None:
        """Settles of the websocket's trades what comes next by number; notes a hole before the others."""
        if not self.rules.consecutive or self.last is None:
            return
        while (trade := self._live.get(str(number_of(self.last) + 1))) is not None:
            self._settle(trade)
            self._join()
        if not self._live:
            self._hole_since_s = None
        elif self._hole_since_s is None:
            self._hole_since_s = now_s

    def _join(self) -> None:
        if self._joined:
            return
        self._joined, self._cursor_ms, self._stale = True, None, frozenset()
        if not self.rules.consecutive:
            for trade in list(self._live.values()):
                self._settle(trade)

    def _unjoin(self) -> None:
        self._joined, self._cursor_ms = False, None
        self._next_page_s, self._poll_s = 0.0, FIRST_POLL_S

    # REST.

    def next_fetch(self, now_s: float) -> Fetch | None:
        """The page that is needed now; None while nothing is."""
        if len(self._ready) >= ENOUGH_READY or now_s < self._next_page_s or not self._needs_page(now_s):
            return None
        if self.rules.from_id and self.last is not None:
            return Fetch(from_id=number_of(self.last) + 1)
        if self.rules.from_id:
            return Fetch(from_id=None if self._seek is None else self._seek.ask)
        return Fetch(since_ms=self._back_ms() if self._cursor_ms is None else self._cursor_ms)

    def _needs_page(self, now_s: float) -> bool:
        if self.last is None or not self._joined:
            return True
        if self._hole_since_s is not None and now_s - self._hole_since_s >= DISORDER_S:
            return True
        return now_s - self._heard_s >= QUIET_S

    def receive_page(self, fetch: Fetch, trades: Sequence[Trade], now_s: float) -> None:
        """What REST has answered to `fetch`."""
        ordered = sorted(trades, key=self._order)
        holes, had_hole = self._holes_seen, self._hole_since_s is not None
        if self._seek_start(ordered):
            progress = bool(ordered)
        else:
            progress = self._settle_page(ordered)
            if self._holes_seen > holes:
                self._cursor_ms, self._next_page_s = self._back_ms(), now_s + FIRST_POLL_S
                return
            progress = self._advance_cursor(fetch, ordered) or progress
        self._follow_numbers(now_s)
        self.counts.filled += had_hole and self._hole_since_s is None
        if progress:
            self._next_page_s, self._poll_s = 0.0, FIRST_POLL_S
            return
        self._cursor_ms, self._next_page_s = None, now_s + self._poll_s
        self._poll_s = min(self._poll_s * 1.5, MAX_POLL_S)
        if self._joined and self._hole_since_s is None:
            self._heard_s = now_s

    def _seek_start(self, trades: Sequence[Trade]) -> bool:
        """Looks by ids for a page that begins a little before the time that is wanted; False once found.

        The times of an interface with ids are of no use for that: Binance's reach an hour, and give its end.
        """
        if self.last is not None or self._since_ms is None or not self.rules.from_id:
            return False
        if trades:
            seek = self._seek or Seek(ask=number_of(trades[0]), above=number_of(trades[0]))
            self._seek = seek.after(begins_before=trades[0].timestamp_ms < self._since_ms)
            return self._seek is not None
        return True

    def _settle_page(self, trades: Sequence[Trade]) -> bool:
        """Settles what is new in a page and follows. False where nothing does, and nothing is to be done."""
        new = [trade for trade in trades if self._is_new(trade)]
        if new and self.last is None and self._since_ms is None:
            new = self._begin_at_newest(new)
        if not new:
            return False
        if not self._follows(trades, new[0]):
            self._holes_seen += 1
            # Where a page is always one of the newest trades, the next one has lost some of this one's. Where
            # it ends before an earlier one, there may be others between the two, which the next one has.
            self._behind_hole.update((trade.id, trade) for trade in new)
            if self._holes_seen <= len(BACK_MS):
                return False
            end, candidates = self._order(new[-1])[0], sorted(self._behind_hole.values(), key=self._order)
            new = [trade for trade in candidates if self._order(trade)[0] <= end]
            last = self.rules.consecutive and self.last
            self.counts.missing += number_of(new[0]) - number_of(last) - 1 if last else 1
        if self._gap:
            self._gap = False
            self.counts.filled += 1
        told = [(trade, self._live.get(self._key(trade))) for trade in new if trade.id not in self._stale]
        overlaps = [(trade, live) for trade, live in told if live is not None]
        if not self.rules.consecutive:
            self.sources_differ |= not all(trade.is_told_alike(live) for trade, live in overlaps)
        self._settle_run(new)
        if overlaps and not self.sources_differ:
            self._join()
        elif self._joined and self._hole_since_s is None:
            self._unjoin()  # the websocket has not told these: it does not follow any more
            self.counts.filled += 1
        return True

    def _begin_at_newest(self, new: Sequence[Trade]) -> list[Trade]:
        """The beginning, where none was given. A websocket may begin with trades from before it."""
        if not self.rules.consecutive:
            self._since_ms = new[-1].timestamp_ms
            self._recent.update(dict.fromkeys(trade.id for trade in new[:-1]))
        return list(new[-1:])

    def _settle_run(self, new: Sequence[Trade]) -> None:
        for number, trade in enumerate(new):
            if number and self.rules.consecutive and number_of(trade) != number_of(new[number - 1]) + 1:
                return  # a hole inside: the next page begins before it
            self._settle(trade)

    def _is_new(self, trade: Trade) -> bool:
        if not self.rules.consecutive:
            return trade.id not in self._recent
        return self.last is None or number_of(trade) > number_of(self.last)

    def _follows(self, trades: Sequence[Trade], first: Trade) -> bool:
        """Whether the first new trade of a page is the next one of the tape."""
        if self.rules.consecutive and self.last is not None:
            return number_of(first) == number_of(self.last) + 1
        if self.rules.reaches_back:
            return True
        if self._recent:
            return any(trade.id in self._recent for trade in trades)
        return self._since_ms is None or trades[0].timestamp_ms <= self._since_ms

    def _advance_cursor(self, fetch: Fetch, trades: Sequence[Trade]) -> bool:
        """Where the next page since a time begins. False where that is where this one did."""
        if fetch.since_ms is None:
            return False
        reached_ms = fetch.since_ms
        if trades:
            first_ms, reached_ms = trades[0].timestamp_ms, max(trade.timestamp_ms for trade in trades)
            if first_ms == reached_ms == fetch.since_ms and len(trades) > 1:
                reached_ms += 1  # a page may be full of one millisecond
        if reached_ms <= fetch.since_ms:
            return False
        self._cursor_ms = reached_ms
        return True

    def _back_ms(self) -> int | None:
        """Where to begin again: at the last settled trade, after a hole further back."""
        if self.last is not None:
            return self.last.timestamp_ms - BACK_MS[min(self._holes_seen, len(BACK_MS) - 1)]
        if self._since_ms is None:
            return None
        return max(0, self._since_ms - BEFORE_MS[min(self._holes_seen, len(BEFORE_MS) - 1)])

    # Both.

    def _key(self, trade: Trade) -> str:
        return str(number_of(trade)) if self.rules.consecutive else trade.id

    def _order(self, trade: Trade) -> tuple[int, int, str]:
        return (number_of(trade), 0, "") if self.rules.consecutive else trade.order

    def _settle(self, trade: Trade) -> None:
        self._live.pop(self._key(trade), None)
        if not self.rules.consecutive and trade.id in self._recent:
            return
        self.last, self._holes_seen = trade, 0
        self._behind_hole.clear()
        self._recent[trade.id] = None
        if len(self._recent) > MAX_RECENT:
            del self._recent[next(iter(self._recent))]
        too_early = self._since_ms is not None and trade.timestamp_ms < self._since_ms
        if not too_early and trade.id not in self._stored_ids:
            self.counts.settled += 1
            self._ready.append(trade)
