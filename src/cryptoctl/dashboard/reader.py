"""What the pages show, read for all of them together, and only while one of them asks."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cryptoctl.aws import Aws
from cryptoctl.aws_errors import AwsError, remedy
from cryptoctl.core.items import StoredPrice
from cryptoctl.dashboard import documents
from cryptoctl.dashboard.documents import PagePrices, PageState
from cryptoctl.dashboard.price_series import PriceSeries
from cryptoctl.errors import Failure
from cryptoctl.local.errors import EngineError
from cryptoctl.ops import symbols
from cryptoctl.ops.candles import Interval
from cryptoctl.ops.overview import Overview
from cryptoctl.ops.overview_reader import OverviewReader
from cryptoctl.ops.prices import Query, prices
from cryptoctl.stack import Stack
from cryptoctl.wording import capitalised

WATCHED_FOR_S = 10.0
"""A page asks every second; one that has not asked for so long is closed, or nobody looks at it."""
SYMBOLS_KEPT = 8
"""so many are remembered where nobody asks for them any more"""
MAX_SYMBOLS_SHOWN = 32
"""each of them is a request every second or two, and up to some ten MiB"""
TOO_MANY_SHOWN = (
    f"Pages show {MAX_SYMBOLS_SHOWN} symbols already, which is the most at a time; "
    f"another one is read once a page is closed for {WATCHED_FOR_S:.0f} s."
)
MAX_SYMBOLS_SAVED = 12
MAX_CANDLES_SAVED = 2000
REVISIONS_OF_A_SERIES = 10**9
TRIED_AGAIN_S = 5.0
TROUBLES = (AwsError, Failure, EngineError, OSError)


@dataclass(frozen=True, kw_only=True)
class ConnectedEnvironment:
    """The client and the stack to read; replaced when the engine restarts on another port."""

    aws: Aws
    stack: Stack
    overview_reader: OverviewReader


@dataclass(frozen=True, kw_only=True)
class ReaderIntervals:
    """How many seconds lie between two readings."""

    overview_s: float = 2.0
    prices_s: float = 2.0
    names_s: float = 600.0
    everything_s: float = 300.0
    """after so long all of a symbol's prices are read again, for what has come late"""


ON_THE_ENGINE = ReaderIntervals(prices_s=1.0, names_s=30.0, everything_s=60.0)


@dataclass(kw_only=True)
class _ShownSymbol:
    """A symbol that some page shows."""

    series: PriceSeries
    asked_s: float
    read_s: float = float("-inf")
    tried: bool = False


class PageReader:
    """Reads in threads of its own: the overview, the prices of the symbols that are shown, all names.

    `connect` says where the environment is now, and raises Failure or EngineError where it cannot be reached.
    `document` makes the document of `status` of an overview, `hint` completes the commands in a text.
    `about` is what the page is told and does not change.
    """

    def __init__(
        self,
        connect: Callable[[], ConnectedEnvironment],
        document: Callable[[Overview], Mapping[str, Any]],
        hint: Callable[[str], str],
        about: Mapping[str, str],
        intervals: ReaderIntervals,
        max_prices: int,
    ) -> None:
        self._connect, self._document, self._hint = connect, document, hint
        self._about, self._intervals, self._max_prices = about, intervals, max_prices
        self._changed = threading.Condition()
        self._stopped = False
        self._asked_s = float("-inf")
        self._shown: dict[str, _ShownSymbol] = {}
        self._series_made = 0
        self._state: PageState | None = None
        self._names: list[str] = []
        self._names_known = False
        self._troubles: dict[str, str] = {}
        self._refused_s = float("-inf")

    def start(self) -> None:
        """Begins to read, as soon as somebody asks."""
        readings = (
            ("overview", self.read_overview, self._intervals.overview_s),
            ("prices", self.read_prices, self._intervals.prices_s),
            ("names", self.read_names, self._intervals.names_s),
        )
        for name, read, every_s in readings:
            threading.Thread(
                target=self._keep_reading, args=(name, read, every_s), name=name, daemon=True
            ).start()

    def stop(self) -> None:
        """Reads no more."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def state(self) -> dict[str, Any]:
        """What is known now; also a sign that somebody looks."""
        with self._changed:
            self._asked_s = time.monotonic()
            self._changed.notify_all()
            return self._state_document()

    def _state_document(self) -> dict[str, Any]:
        refused = time.monotonic() - self._refused_s < WATCHED_FOR_S
        troubles = [*self._troubles.values(), TOO_MANY_SHOWN if refused else ""]
        return {
            **self._about,
            "state": self._state,
            "names": self._names,
            "names_known": self._names_known,
            "trouble": " ".join(dict.fromkeys(trouble for trouble in troubles if trouble)),
        }

    def prices(self, symbol: str, interval: Interval, revision: int) -> PagePrices | None:
        """What has changed of a symbol's prices; None while they are not read yet."""
        with self._changed:
            self._asked_s = now_s = time.monotonic()
            shown = self._shown.get(symbol)
            if shown is None:
                if not self._has_room(now_s):
                    self._refused_s = now_s
                    return None
                self._series_made += 1
                series = PriceSeries(self._max_prices, self._series_made * REVISIONS_OF_A_SERIES)
                shown = self._shown[symbol] = _ShownSymbol(series=series, asked_s=now_s)
            shown.asked_s = now_s
            self._changed.notify_all()
            series = shown.series
            return documents.prices(symbol, series, interval, revision) if series.is_read else None

    def _has_room(self, now_s: float) -> bool:
        """Whether one symbol more can be shown; those that nobody asks for any more make room."""
        by_age = sorted(self._shown, key=lambda symbol: self._shown[symbol].asked_s)
        for symbol in by_age[: max(0, len(by_age) - SYMBOLS_KEPT + 1)]:
            if now_s - self._shown[symbol].asked_s >= WATCHED_FOR_S:
                del self._shown[symbol]
        return len(self._shown) < MAX_SYMBOLS_SHOWN

    def everything(self) -> dict[str, Any]:
        """What a page without a server needs: the state, and the symbols with the newest prices.

        The state's `left_out` is how many other symbols there are.
        """
        self.read_overview()
        self.read_names()
        environment, answers = self._connect(), {}
        for symbol in self._newest_names(environment)[:MAX_SYMBOLS_SAVED]:
            series = PriceSeries(self._max_prices)
            series.take(
                prices(
                    environment.aws, environment.stack.prices, Query(symbol=symbol, last=self._max_prices)
                ),
                None,
            )
            answers[symbol] = {
                interval.value: _newest(documents.prices(symbol, series, interval, 0))
                for interval in Interval
            }
        left_out, self._names = len(self._names) - len(answers), sorted(answers)
        return {"state": {**self._state_document(), "left_out": left_out}, "prices": answers}

    def _newest_names(self, environment: ConnectedEnvironment) -> list[str]:
        """The symbols that have a price, the one with the newest first."""
        answers = environment.aws.map(
            lambda name: prices(environment.aws, environment.stack.prices, Query(symbol=name, last=1)),
            self._names,
        )
        keys = {name: answer[0].key for name, answer in zip(self._names, answers, strict=True) if answer}
        return sorted(keys, key=lambda name: (-keys[name], name))

    def read_overview(self) -> Overview:
        """Reads the overview."""
        overview = self._connect().overview_reader.overview()
        state = documents.state(overview, self._document(overview), self._hint)
        with self._changed:
            self._state = state
        return overview

    def read_names(self) -> None:
        """Reads the names of all symbols."""
        environment = self._connect()
        names = sorted(symbols.names(environment.aws, environment.stack.prices))
        with self._changed:
            self._names, self._names_known = names, True

    def read_prices(self) -> None:
        """Reads what is new of every symbol that a page has asked for lately.

        Raises the error of one that cannot be read once the others are.
        """
        environment = self._connect()
        with self._changed:
            now_s = time.monotonic()
            for shown in self._shown.values():
                shown.tried = True
            readings = [
                (shown, Query(symbol=symbol, last=self._max_prices, since_ms=self._since_ms(shown, now_s)))
                for symbol, shown in self._shown.items()
                if now_s - shown.asked_s < WATCHED_FOR_S
            ]

        def read(query: Query) -> list[StoredPrice] | Exception:
            try:
                return prices(environment.aws, environment.stack.prices, query)
            except Exception as error:
                return error

        errors: list[Exception] = []
        answers = environment.aws.map(read, [query for _, query in readings])
        with self._changed:
            for (shown, query), answer in zip(readings, answers, strict=True):
                if isinstance(answer, Exception):
                    errors.append(answer)
                    continue
                shown.series.take(answer, query.since_ms)
                if query.since_ms is None:
                    shown.read_s = now_s
        if errors:
            raise errors[0]

    def _since_ms(self, shown: _ShownSymbol, now_s: float) -> int | None:
        return None if now_s - shown.read_s >= self._intervals.everything_s else shown.series.since_ms

    def _keep_reading(self, name: str, read: Callable[[], object], every_s: float) -> None:
        while self._wait_for_request():
            began_s = time.monotonic()
            try:
                read()
                trouble = ""
            except Exception as error:  # a thread that ends would leave the pages waiting for ever
                trouble = self._hint(_sentence(error))
            with self._changed:
                self._troubles[name] = trouble
                pause_s = min(every_s, TRIED_AGAIN_S) if trouble else every_s
                self._changed.wait_for(
                    lambda: self._stopped or (name == "prices" and self._unread()),
                    timeout=max(0.0, began_s + pause_s - time.monotonic()),
                )

    def _wait_for_request(self) -> bool:
        """Waits until a page asks; False once it is over."""
        with self._changed:
            self._changed.wait_for(lambda: self._stopped or time.monotonic() - self._asked_s < WATCHED_FOR_S)
            return not self._stopped

    def _unread(self) -> bool:
        return any(not shown.tried for shown in self._shown.values())


def _newest(prices: PagePrices) -> PagePrices:
    candles = prices["candles"][-MAX_CANDLES_SAVED:]
    return {**prices, "candles": candles, "older_candles": len(prices["candles"]) - len(candles)}


def _sentence(error: BaseException) -> str:
    if not isinstance(error, TROUBLES):
        return f"Reading failed: {error!r}."
    message = getattr(error, "message", "") or str(error)
    hint = remedy(error) if isinstance(error, AwsError) else getattr(error, "hint", "")
    return f"{capitalised(message)} {hint}".strip()
