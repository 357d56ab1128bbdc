"""What a feed says of its beginning and of its end."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from cryptoctl.feed.resuming import StartPoint
from cryptoctl.feed.source import FeedSource
from cryptoctl.feed.trade import TapeRules
from cryptoctl.ui.feed import FeedReport, show_start_point, show_summary
from cryptoctl.ui.screen import Screen
from feed.market_in_memory import MarketInMemory, feed, stored

if TYPE_CHECKING:
    from cryptoctl.feed.market import Market

SINCE_MS = 1_700_000_000_000
HOUR_MS = 3_600_000


def start_message(
    capsys: pytest.CaptureFixture[str], begin: StartPoint, *, can_watch: bool = True, volume_unit: str = ""
) -> str:
    source = FeedSource(exchange="kraken", symbol="ETH/USD")
    market = SimpleNamespace(source=source, can_watch=can_watch, volume_unit=volume_unit)
    show_start_point(Screen(colour=False), cast("Market", market), begin)
    return capsys.readouterr().err


def test_it_says_from_when_on_and_how(capsys: pytest.CaptureFixture[str]) -> None:
    none = StartPoint(since_ms=None)
    assert start_message(capsys, none) == "kraken:ETH/USD begins now: the table has no price of it.\n"
    assert "by REST alone" in start_message(capsys, none, can_watch=False)
    behind_some = start_message(capsys, StartPoint(since_ms=SINCE_MS))
    assert behind_some == "kraken:ETH/USD begins at 2023-11-14T22:13:20.000Z.\n"


def test_volumes_that_are_numbers_of_contracts_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    _, line = start_message(
        capsys, StartPoint(since_ms=SINCE_MS), volume_unit="contracts of 100 USD"
    ).splitlines()
    assert line == (
        "kraken:ETH/USD: its volumes are stored as the exchange gives them: contracts of 100 USD."
    )


def test_what_is_not_asked_for_is_said_with_what_asks_for_it(capsys: pytest.CaptureFixture[str]) -> None:
    begin = StartPoint(since_ms=SINCE_MS, without_ids=True, skipped_from_ms=SINCE_MS - HOUR_MS)
    first, second = start_message(capsys, begin).splitlines()
    assert first == (
        "kraken:ETH/USD begins at 2023-11-14T22:13:20.000Z, behind the newest stored price without an id."
    )
    assert "not asked for trades between 2023-11-14T21:13:20.000Z and that price" in second
    assert "`--since 2023-11-14T21:13:20.000Z` asks for them" in second
    assert "twice" in second


@pytest.mark.parametrize(
    ("rules", "what"),
    [
        (TapeRules(consecutive=True), "7 missing: the exchange does not give them."),
        (TapeRules(), "trades are missing in 7 places: the exchange does not give them."),
    ],
)
def test_how_many_trades_are_missing_is_said_only_where_it_is_known(
    capsys: pytest.CaptureFixture[str], rules: TapeRules, what: str
) -> None:
    following = feed(MarketInMemory([], rules=rules), stored)
    following.lines[0].tape.counts.missing = 7
    show_summary(Screen(colour=False), following, {})
    err = capsys.readouterr().err
    assert f"here:A/B: {what}" in err
    assert "`cryptoctl send-price --file` stores those that are missing" in " ".join(err.split())


def test_an_exchange_that_is_waited_for_is_told_once_and_drawn(capsys: pytest.CaptureFixture[str]) -> None:
    following, waiting = feed(MarketInMemory([]), stored), {"there": ""}
    following.lines.clear()
    report = FeedReport(Screen(colour=False), following, waiting, 0)
    report.update(1)
    assert str(report.render()) == "there: its symbols have not come yet"
    show_summary(Screen(colour=False), following, waiting)
    assert capsys.readouterr().err == "there was not followed: its symbols have not come yet\n"
    waiting["there"] = "no answer"
    for now_s in (2, 3):
        report.update(now_s)
    assert capsys.readouterr().err == "there: no answer\n"
    assert str(report.render()) == "there: no answer"
    show_summary(Screen(colour=False), following, waiting)
    assert "there was not followed: no answer" in capsys.readouterr().err


def test_of_what_lasts_less_and_less_is_told_and_that_it_is_over(capsys: pytest.CaptureFixture[str]) -> None:
    following, waiting = feed(MarketInMemory([]), stored), {"there": "no answer"}
    report = FeedReport(Screen(colour=False, is_json=True), following, waiting, 0)
    following.lines[0].fetching = "a page is missing"
    for now_s in range(3600):
        report.update(now_s)
    lines = capsys.readouterr().err.splitlines()
    for name, what in (("there", "no answer"), ("here:A/B", "a page is missing")):
        first, *others = [line for line in lines if line.startswith(name)]
        assert first == f"{name}: {what}"
        assert others == [f"{name}, still: {what}"] * 5
    waiting.clear()
    following.lines[0].fetching = ""
    for now_s in (3600, 3601):
        report.update(now_s)
    assert sorted(capsys.readouterr().err.splitlines()) == ["here:A/B: works again", "there: works again"]


def test_that_prices_are_still_not_sent_is_told_less_and_less_often(
    capsys: pytest.CaptureFixture[str],
) -> None:
    following = feed(MarketInMemory([]), stored)
    report = FeedReport(Screen(colour=False, is_json=True), following, {}, 0)
    for _ in range(2):
        following.sending = "no answer"
        for now_s in range(3600):
            report.update(now_s)
        assert capsys.readouterr().err.splitlines() == ["Still not sent: no answer"] * 5
        following.sending = ""
        report.update(3600)


def test_at_the_end_it_says_what_differs_from_what_is_stored_and_what_did_not_work(
    capsys: pytest.CaptureFixture[str],
) -> None:
    following = feed(MarketInMemory([]), stored)
    line = following.lines[0]
    show_summary(Screen(colour=False), following, {})
    assert capsys.readouterr().err == ""
    line.duplicate, line.differing, line.fetching = 3, 1, "no answer"
    show_summary(Screen(colour=False), following, {})
    differing, failing = capsys.readouterr().err.splitlines()
    assert differing == (
        "here:A/B: of the duplicates, 1 has another price or volume than is stored under the id: what was "
        "stored first stays."
    )
    assert failing == "here:A/B did not work at the end: no answer"
