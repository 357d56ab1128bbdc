"""A dashboard's server without an environment: what it is asked for, it has been told."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from cryptoctl.dashboard.documents import PagePrices
from cryptoctl.dashboard.page import served_files
from cryptoctl.dashboard.reader import PageReader, ReaderIntervals
from cryptoctl.dashboard.server import serving
from cryptoctl.dashboard.site import Site
from cryptoctl.errors import ExitCode, Failure
from cryptoctl.local.http_server import Limits
from cryptoctl.ops.candles import Interval

LIMITS = Limits(connections=6, head_bytes=4096)


def nowhere() -> Any:
    raise Failure(ExitCode.UNREACHABLE, "There is no environment in this test.")


class FakeReader(PageReader):
    """Answers with what a test sets."""

    def __init__(self) -> None:
        about = {"location": "here", "interval": "1m"}
        super().__init__(nowhere, lambda _: {}, str, about, ReaderIntervals(), 10)
        self.answer: Mapping[str, Any] = {}
        self.asked_for: list[tuple[str, Interval, int]] = []
        self.prices_for: Callable[[str, Interval, int], PagePrices | None] = lambda *_: None

    def start(self) -> None:
        """Reads nothing."""

    def state(self) -> dict[str, Any]:
        return dict(self.answer)

    def prices(self, symbol: str, interval: Interval, revision: int) -> PagePrices | None:
        self.asked_for.append((symbol, interval, revision))
        return self.prices_for(symbol, interval, revision)


@pytest.fixture
def reader() -> FakeReader:
    return FakeReader()


@pytest.fixture
def site(reader: FakeReader) -> Iterator[Site]:
    with serving(reader, served_files(), 0, LIMITS) as site:
        yield site
