"""A real browser for the tests of the page, and what a server tells it of an environment."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from cryptoctl.dashboard.documents import state
from cryptoctl.ops.overview import Overview
from cryptoctl.ui.screen import Screen
from cryptoctl.ui.status import overview_document
from kit.browser import Browser

READY = "typeof page === 'object' && page.chart !== null && page.chart.candles.length > 0"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("profile")) as browser:
        browser.size(1400, 1000)
        yield browser


@pytest.fixture(autouse=True)
def nothing_noted(browser: Browser) -> None:
    browser.open("about:blank")
    browser.requests.clear()
    browser.problems.clear()


def page_state(overview: Overview, *names: str) -> dict[str, Any]:
    """What a server says of an environment."""
    document = overview_document(Screen(colour=False), overview, "here")
    page = {"location": "here", "interval": "1m", "trouble": "", "names": names, "names_known": True}
    hint = "No prices yet: `cryptoctl send-price BTC 50000 coinbase --local`"
    return {**page, "empty": hint, "state": state(overview, document)}
