"""A feed as it runs: a line for each symbol, and a summary at the end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.text import Text

from cryptoctl.feed.followed_symbol import FollowedSymbol
from cryptoctl.feed.following import Feed
from cryptoctl.feed.market import Market
from cryptoctl.feed.resuming import StartPoint
from cryptoctl.ops.times import iso_of_ms, now_ms
from cryptoctl.reminder import Reminder
from cryptoctl.ui.screen import Screen
from cryptoctl.ui.styles import NOTE
from cryptoctl.ui.tables import Column
from cryptoctl.ui.text import age, printable
from cryptoctl.wording import pluralize

JSON_EVERY_S = 10.0
TOLD_EVERY_S = 60.0
WAITING = "its symbols have not come yet"


class FeedReport:
    """Tells how a feed goes on: drawn on a terminal, as JSON lines, or a line now and then."""

    def __init__(self, screen: Screen, feed: Feed, not_followed: Mapping[str, str], now_s: float) -> None:
        self._screen, self._feed, self._not_followed = screen, feed, not_followed
        self._next_s = now_s + (JSON_EVERY_S if screen.is_json else TOLD_EVERY_S)
        self._troubles: dict[str, str] = {}
        self._reminders: dict[str, Reminder] = {}
        self._not_sent, self._not_sent_before = Reminder(TOLD_EVERY_S), False

    def render(self) -> Text:
        """What is drawn."""
        lines = self._feed.lines
        widths = [
            max(map(len, texts), default=0)
            for texts in ((str(line.source) for line in lines), map(_price, lines))
        ]
        rows = [_row(line, *widths) for line in lines]
        rows += [
            Text(printable(f"{name}: {reason or WAITING}"), style=NOTE if reason else "dim")
            for name, reason in self._not_followed.items()
        ]
        if self._feed.sending:
            rows.append(Text(printable(f"not sent: {self._feed.sending}"), style=NOTE))
        return Text("\n").join(rows)

    def update(self, now_s: float) -> None:
        """Says what is new: a trouble that has begun or ended, and now and then how each symbol stands."""
        lines = {str(line.source): line.trouble for line in self._feed.lines}
        for name in dict.fromkeys([*self._troubles, *self._not_followed, *lines]):
            trouble = lines.get(name, "") or self._not_followed.get(name, "")
            # Of a symbol's trouble a line now and then tells too.
            self._tell_trouble(name, trouble, now_s, repeat=self._screen.is_json or name not in lines)
        if not self._feed.sending:
            self._not_sent.reset()
        elif self._not_sent.due(now_s) and self._not_sent_before and not self._screen.can_draw:
            self._screen.warn(f"Still not sent: {self._feed.sending}")
        self._not_sent_before = bool(self._feed.sending)  # that it begins is told by the feed
        if now_s < self._next_s:
            return
        self._next_s = now_s + (JSON_EVERY_S if self._screen.is_json else TOLD_EVERY_S)
        for line in self._feed.lines:
            if self._screen.is_json:
                self._screen.json_line(line_document(line, self._feed.sending))
            elif not self._screen.can_draw:
                self._screen.message(_row(line, 0, 0))

    def _tell_trouble(self, name: str, trouble: str, now_s: float, *, repeat: bool) -> None:
        previous, self._troubles[name] = self._troubles.get(name, ""), trouble
        reminder = self._reminders.setdefault(name, Reminder(TOLD_EVERY_S))
        if not trouble:
            reminder.reset()
            if previous:
                self._screen.say(f"{name}: works again", style="dim")
        elif reminder.due(now_s) and trouble == previous and repeat and not self._screen.can_draw:
            self._screen.warn(f"{name}, still: {trouble}")
        elif trouble != previous:
            self._screen.warn(f"{name}: {trouble}")


def show_start_point(screen: Screen, market: Market, begin: StartPoint) -> None:
    """From when on trades are wanted, and which ones are not asked for."""
    source = market.source
    start = (
        "begins now: the table has no price of it"
        if begin.since_ms is None
        else f"begins at {iso_of_ms(begin.since_ms)}"
    )
    start += ", behind the newest stored price without an id" if begin.without_ids else ""
    note = "" if market.can_watch else "; by REST alone, since no websocket has its single trades"
    screen.say(f"{source} {start}{note}.", style="dim")
    if unit := market.volume_unit:
        screen.warn(f"{source}: its volumes are stored as the exchange gives them: {unit}.")
    if begin.skipped_from_ms is not None:
        since = iso_of_ms(begin.skipped_from_ms)
        screen.warn(
            f"{source} is not asked for trades between {since} and that price. `--since {since}` asks for "
            "them; those that are stored without an id are then stored twice.",
        )


def show_summary(screen: Screen, feed: Feed, not_followed: Mapping[str, str]) -> None:
    """What was stored of each symbol, and what was not; which exchanges were not followed, and why."""
    columns = [
        Column("exchange"),
        Column("symbol"),
        *(Column(name, right=True) for name in ("stored", "duplicate", "refused", "gaps filled", "missing")),
        Column("last price", right=True),
        Column("last time"),
    ]
    rows = []
    for line in feed.lines:
        last, counts = line.last_sent, line.tape.counts
        rows.append(
            [
                line.source.exchange,
                line.source.stored_symbol,
                *map(str, (line.stored, line.duplicate, line.refused, counts.filled, counts.missing)),
                _price(line),
                "" if last is None else iso_of_ms(last.timestamp_ms),
            ]
        )
    if rows:
        screen.table(columns, rows)
    for line in feed.lines:
        if missing := line.tape.counts.missing:
            # Where an exchange does not count its trades, nobody knows how many are in a hole.
            counted = line.tape.rules.consecutive
            gap = f"{missing} missing" if counted else f"trades are missing in {pluralize(missing, 'place')}"
            screen.warn(
                f"{line.source}: {gap}: the exchange does not give them. Where it offers its trades as a "
                "download, `cryptoctl send-price --file` stores those that are missing.",
            )
        if line.differing:
            screen.warn(
                f"{line.source}: of the duplicates, {pluralize(line.differing, 'has', 'have')} another price "
                "or volume than is stored under the id: what was stored first stays.",
            )
        if line.trouble:
            screen.warn(f"{line.source} did not work at the end: {line.trouble}")
    for name, reason in not_followed.items():
        screen.warn(f"{name} was not followed: {reason or WAITING}")


def line_document(line: FollowedSymbol, sending: str = "") -> dict[str, Any]:
    """A symbol for a machine; `sending` is what sending fails with."""
    last, counts = line.last_sent, line.tape.counts
    return {
        "time": iso_of_ms(now_ms()),
        "exchange": line.source.exchange,
        "symbol": line.source.stored_symbol,
        "state": line.state,
        "price": None if last is None else last.price,
        "timestamp": None if last is None else last.timestamp_ms,
        "id": None if last is None else last.id,
        "lag_ms": line.lag_ms,
        "rate_per_s": line.rate_per_s,
        "stored": line.stored,
        "duplicate": line.duplicate,
        "differing": line.differing,
        "refused": line.refused,
        "filled": counts.filled,
        "missing": counts.missing,
        "waiting": len(line.tape.ready),
        "problem": sending or line.trouble or None,
    }


def feed_document(feed: Feed, not_followed: Mapping[str, str]) -> Mapping[str, Any]:
    """The members of the command's document."""
    return {
        "lines": [line_document(line, feed.sending) for line in feed.lines],
        "not_followed": [_unfollowed(name, reason or WAITING) for name, reason in not_followed.items()],
        "refusals": [
            {
                "exchange": refusal.line.source.exchange,
                "symbol": refusal.line.source.stored_symbol,
                "id": refusal.trade.id,
                "reason": refusal.reason,
            }
            for refusal in feed.refusals
        ],
        "unsent": len(feed.unsent),
    }


def _unfollowed(name: str, problem: str) -> Mapping[str, str | None]:
    exchange, _, symbol = name.partition(":")
    return {"exchange": exchange, "symbol": symbol or None, "problem": problem}


def _price(line: FollowedSymbol) -> str:
    return "" if line.last_sent is None else line.last_sent.price


def _row(line: FollowedSymbol, name_width: int, price_width: int) -> Text:
    lag = "" if line.lag_ms is None else f"  {_lag(line.lag_ms)} behind"
    filled, missing = line.tape.counts.filled, line.tape.counts.missing
    gaps = f"  {filled} gap{'s' if filled != 1 else ''} filled" if filled else ""
    return Text.assemble(
        (printable(str(line.source)).ljust(name_width), "bold"),
        f"  {printable(_price(line)).rjust(price_width)}",
        f"  {line.rate_per_s:5.1f}/s{lag}",
        (gaps, "dim"),
        (f"  {missing} missing" if missing else "", NOTE),
        (f"  {line.state}", "dim"),
        (printable(f"  {line.trouble}") if line.trouble else "", NOTE),
    )


def _lag(lag_ms: int) -> str:
    return f"{lag_ms / 1000:.1f}s" if lag_ms < 60_000 else age(lag_ms)
