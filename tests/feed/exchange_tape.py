"""An exchange with its tape, as REST and the websocket tell of it, and somebody who follows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from cryptoctl.feed.tape import QUIET_S, Tape
from cryptoctl.feed.trade import Fetch, TapeRules, Trade

BEGIN_MS = 1_700_000_000_000


NUMBERED_BY_TIME = TapeRules(consecutive=True, reaches_back=True)


NUMBERED_BY_ID = TapeRules(consecutive=True, from_id=True, reaches_back=True)


UNNUMBERED = TapeRules()


def trade(number: int, after_ms: int = 0, name: str | None = None) -> Trade:
    return Trade(id=name or str(number), timestamp_ms=BEGIN_MS + after_ms, price=f"{number}.5", volume="1")


@dataclass(kw_only=True)
class Exchange:
    """An exchange with its tape, and somebody who follows it."""

    rules: TapeRules
    follower: Tape
    tape: list[Trade] = field(default_factory=list)
    undelivered: list[Trade] = field(default_factory=list)
    delivered: list[Trade] = field(default_factory=list)
    released: list[Trade] = field(default_factory=list)
    connected: bool = False
    now_s: float = 0.0
    time_ms: int = 0
    in_order: bool = True

    def id_of(self, number: int) -> str:
        return f"t{number:09}" if self.in_order else f"t{number * 7919 % 10_007}-{number}"

    def happen(self, steps_ms: Sequence[int]) -> None:
        for step_ms in steps_ms:
            self.time_ms += step_ms
            number = 1000 + len(self.tape)
            name = None if self.rules.consecutive else self.id_of(number)
            new = trade(number, self.time_ms, name)
            self.tape.append(new)
            if self.connected:
                self.undelivered.append(new)

    def connect(self, snapshot: int) -> None:
        if not self.connected:
            self.connected = True
            self.undelivered = self.tape[len(self.tape) - min(snapshot, len(self.tape)) :]

    def disconnect(self) -> None:
        self.connected, self.undelivered, self.delivered = False, [], []
        self.follower.note_loss()

    def deliver(self, count: int) -> None:
        message, self.undelivered = self.undelivered[:count], self.undelivered[count:]
        if message:
            self.follower.receive(message, self.now_s)
            self.delivered = message

    def repeat(self) -> None:
        if self.connected and self.delivered:
            self.follower.receive(self.delivered, self.now_s)

    def lose(self, count: int) -> None:
        """A hole in the numbers of one connection; without numbers nobody could notice."""
        if self.rules.consecutive:
            self.undelivered = self.undelivered[count:]

    def shuffle(self) -> None:
        if self.rules.consecutive:
            self.undelivered[:4] = self.undelivered[:4][::-1]

    def answer(self, most: int, lag: int) -> bool:
        fetch = self.follower.next_fetch(self.now_s)
        if fetch is None:
            return False
        self.follower.receive_page(fetch, self.page_of(fetch, most, lag), self.now_s)
        return True

    def page_of(self, fetch: Fetch, most: int, lag: int) -> list[Trade]:
        trades = self.tape[: len(self.tape) - lag] if lag else list(self.tape)
        if fetch.from_id is not None:
            assert self.rules.from_id
            return [entry for entry in trades if int(entry.id) >= fetch.from_id][:most]
        if fetch.since_ms is None:
            return trades[-most:]
        since_ms = fetch.since_ms
        return [entry for entry in trades if entry.timestamp_ms >= since_ms][:most]

    def take(self, most: int) -> None:
        self.released += self.follower.take(most)

    def settle_down(self) -> None:
        """Nothing fails any more, until nothing more is wanted."""
        for _ in range(8):
            self.deliver(len(self.undelivered))
            self.now_s += QUIET_S + 1
            while self.answer(1000, 0):
                self.take(10_000)
            self.take(10_000)
