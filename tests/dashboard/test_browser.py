"""The page in a real Chromium: paint, ticks, averages, hostile text, a restarted engine, a saved page."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from cli.conftest import Cli
from cli.conftest import day as day
from cli.conftest import day_name as day_name
from cryptoctl.aws import AccessKey, Aws
from cryptoctl.core.indicators import Indicators
from cryptoctl.core.numbers import plain
from cryptoctl.dashboard.documents import MAX_ERRORS, PagePrices, prices
from cryptoctl.dashboard.price_series import PriceSeries
from cryptoctl.dashboard.reader import MAX_CANDLES_SAVED, _newest
from cryptoctl.dashboard.site import Site
from cryptoctl.local.engine import Engine
from cryptoctl.ops.candles import Interval
from cryptoctl.ops.overview_reader import THE_SYMBOLS
from cryptoctl.ops.prices import row
from cryptoctl.ops.times import now_ms
from cryptoctl.ui.text import percent_text
from cryptoctl.wording import number_text
from dashboard.browsing import READY, page_state
from dashboard.browsing import browser as browser
from dashboard.browsing import nothing_noted as nothing_noted
from dashboard.conftest import FakeReader
from dashboard.prices_of import AT_MS, stored
from kit.browser import WITHIN_S, Browser
from kit.engines import OPTIONS
from kit.web_page import page_at
from ui.overviews import ERROR, HEALTHY

pytestmark = pytest.mark.process
MARKUP = "<img src=x onerror=window.hit=1></script><script>window.hit=1</script>"


@contextmanager
def dashboard(environment: str) -> Iterator[str]:
    """The command as a program starts it; its address."""
    command = [sys.executable, "-m", "cryptoctl", "dashboard", "--local", "--env", environment, "-o", "json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stderr is not None
        line = process.stdout.readline()
        assert line, process.stderr.read()
        try:
            yield json.loads(line)["url"]
            process.terminate()
            assert process.wait(WITHIN_S) == 130
        finally:
            process.kill()
        output = process.stdout.read()
        assert json.loads(output)["outcome"] == "interrupted" and json.loads(output)["url"] in line


@pytest.fixture(scope="module")
def environment(day: Cli, day_name: str, engine: Engine) -> str:
    """One with a price, and with a symbol, an exchange and an error that are markup."""
    day.ok("send-price", "BTC", "100.25", "here", "--volume", "2")
    made_up = engine.credentials(day_name)
    aws = Aws(
        region="us-east-1",
        endpoint_url=engine.status().url,
        credentials=AccessKey(access_key=made_up.access_key, secret_key=made_up.secret_key),
    )
    item = {
        "timestamp": {"N": "9"},
        "price": {"N": "3"},
        "exchange": {"S": f"{MARKUP}\u202e\u200b\U000e0041\u3164"},
    }
    item["symbol"] = {"S": MARKUP.upper()}
    aws.call("dynamodb", "PutItem", TableName=f"crypto-prices-{day_name}", Item=item)
    group = f"/aws/lambda/webhook-processor-{day_name}"
    where: dict[str, Any] = {"logGroupName": group, "logStreamName": "by-hand"}
    aws.call("logs", "CreateLogStream", **where)
    line = json.dumps({"level": "ERROR", "message": MARKUP, "requestId": "1"})
    aws.call("logs", "PutLogEvents", **where, logEvents=[{"timestamp": now_ms(), "message": line}])
    return day_name


@pytest.fixture(scope="module")
def url(environment: str) -> Iterator[str]:
    with dashboard(environment) as url:
        yield url


@pytest.mark.engine
def test_ticks_arrive_with_the_averages_of_the_table_and_nobody_else_is_asked(
    browser: Browser, day: Cli, url: str
) -> None:
    browser.open(url)
    browser.until(READY)
    assert browser.run("document.querySelectorAll('#chart canvas').length") > 0
    for price in range(101, 106):
        day.ok("send-price", "BTC", f"{price}.5", "here")
    newest = day.ok("prices", "BTC", "--wait", "--last", "1", "-o", "json").json["prices"][0]
    browser.until("page.chart.candles.at(-1).ma_5", lambda value: value == newest["ma_5"])
    assert browser.run("page.chart.lines.ma_5.data().at(-1).value") == float(newest["ma_5"])
    assert browser.run("document.querySelector('#prices tbody td.number').textContent") == newest["price"]
    assert browser.run("page.prices.newest[0].ma_5") == newest["ma_5"]
    assert "as configured" in browser.run("document.getElementById('verdict').textContent")
    assert {address for address in browser.requests if not address.startswith(url)} == set()
    assert browser.problems == []


@pytest.mark.engine
def test_what_is_hostile_is_shown_as_text(browser: Browser, url: str) -> None:
    browser.open(url)
    browser.until(f"{READY} && page.answer.names.length > 1")
    browser.run("choose(page.answer.names.find((each) => each.startsWith('<IMG')))")
    browser.until("document.querySelector('#prices')?.textContent.includes('window.hit=1')")
    browser.until("document.querySelector('#errors').textContent.includes('<img src=x')")
    assert browser.run(
        "document.querySelector('#prices').textContent.includes('\\\\u202e\\\\u200b\\\\U000e0041\\\\u3164')"
    )
    assert browser.run("document.querySelectorAll('main img, main script').length") == 0
    assert browser.run("typeof window.hit") == "undefined"
    assert browser.problems == []


@pytest.mark.engine
def test_it_says_that_the_engine_is_away_and_goes_on_when_it_is_back(
    browser: Browser, engine: Engine, day: Cli, url: str
) -> None:
    port = engine.status().port
    assert port
    browser.open(url)
    browser.until(READY)
    engine.stop()
    try:
        # The first look may come while it still stops.
        trouble = "document.getElementById('trouble').textContent"
        text = browser.until(trouble, lambda shown_text: "engine is not running" in shown_text)
        assert "cryptoctl local start" in text and "Trying again" in text
    finally:
        engine.start(port=port, options=OPTIONS)
    day.ok("send-price", "BTC", "777.125", "here")
    browser.until("page.chart.candles.at(-1).close", lambda value: value == "777.125")
    browser.until("document.getElementById('trouble').hidden")


@pytest.mark.engine
@pytest.mark.usefixtures("environment")
def test_a_saved_page_shows_the_same_without_a_server(browser: Browser, day: Cli, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    day.ok("dashboard", "--save", str(file))
    browser.open(file.as_uri())
    browser.until(READY)
    browser.run("document.querySelector('input[value=\"1h\"]').click()")
    browser.until("page.prices.interval", lambda value: value == "1h")
    assert browser.requests == [file.as_uri()]
    assert browser.problems == []


def test_another_page_reads_embeds_and_runs_nothing(browser: Browser, site: Site, reader: FakeReader) -> None:
    reader.answer = {"secret": 1}
    tries: dict[str, Any] = {
        "read": "fetch(URL + 'state').then((answer) => answer.text(), () => 'failed')",
        "blind": "fetch(URL + 'state', {mode: 'no-cors'}).then((answer) => answer.type, () => 'failed')",
        "script": (
            "new Promise((done) => { const made = document.createElement('script'); made.onload = () => "
            "done('run'); made.onerror = () => done('failed'); made.src = URL + 'text.js'; "
            "document.body.append(made); })"
        ),
    }
    with page_at("<!doctype html><title>another</title><body>") as port:
        browser.open(f"http://127.0.0.1:{port}/")
        browser.until("document.title === 'another'")
        outcomes = {
            name: browser.run(script.replace("URL", json.dumps(site.url))) for name, script in tries.items()
        }
    assert outcomes == {"read": "failed", "blind": "failed", "script": "failed"}


def test_without_a_price_it_says_what_to_run(browser: Browser, site: Site, reader: FakeReader) -> None:
    reader.answer = page_state(replace(HEALTHY, symbols=()))
    browser.open(site.url)
    text = browser.until("document.getElementById('nothing')?.textContent")
    assert text == reader.answer["empty"].replace("`", "")
    assert browser.problems == []


def test_prices_that_cannot_be_drawn_are_no_empty_chart_without_a_word(
    browser: Browser, site: Site, reader: FakeReader
) -> None:
    reader.answer = page_state(HEALTHY, "BTC")
    series = PriceSeries(9)
    series.take([stored(AT_MS, "1e15")], None)
    reader.prices_for = lambda symbol, interval, revision: prices(symbol, series, interval, revision)
    browser.open(site.url)
    note = "document.getElementById('note')?.textContent"
    assert browser.until(note).startswith("1 candle is too large or too late to be drawn;")
    series.take([stored(AT_MS, "1e15"), stored(AT_MS + 60_000, "2e15"), stored(AT_MS + 120_000, "3")], None)
    browser.until(note, lambda text: text.startswith("2 candles are too large"))
    browser.until("page.chart.candles.length", lambda count: count == 1)
    assert browser.problems == []


def test_a_number_that_is_long_by_its_size_alone_has_an_exponent_wherever_it_is_shown(
    browser: Browser, site: Site, reader: FakeReader
) -> None:
    large, small = Decimal("9.4E+30"), Decimal("1.0625E-21")
    first = (HEALTHY.symbols or ())[0]
    last = replace(first.last, price=large)
    reader.answer = page_state(replace(HEALTHY, symbols=(replace(first, last=last),)), "BTC")
    series = PriceSeries(9)
    series.take([replace(stored(AT_MS, plain(small)), volume=large)], None)
    reader.prices_for = lambda symbol, interval, revision: prices(symbol, series, interval, revision)
    browser.open(site.url)
    browser.until(READY)
    cells = "[...document.querySelectorAll('{} tbody td.number')].map((each) => each.textContent)"
    assert browser.run(cells.format("#prices"))[:2] == ["1.0625E-21", "9.4E+30"]
    assert browser.run(cells.format("#symbols"))[0] == "9.4E+30"
    legend = browser.run("document.getElementById('legend').textContent")
    assert "C 1.0625E-21" in legend and "volume 9.4E+30" in legend
    assert browser.problems == []


def test_candles_that_a_saved_page_does_not_have_are_counted(
    browser: Browser, site: Site, reader: FakeReader
) -> None:
    reader.answer = page_state(HEALTHY, "BTC")
    series = PriceSeries(MAX_CANDLES_SAVED + 7)
    series.take([stored(AT_MS + 60_000 * number) for number in range(MAX_CANDLES_SAVED + 6)], None)
    reader.prices_for = lambda symbol, interval, revision: _newest(prices(symbol, series, interval, revision))
    browser.open(site.url)
    note = browser.until("document.getElementById('note')?.textContent")
    assert note == "The oldest 6 candles are not drawn: choose a longer interval."
    assert browser.run("page.chart.candles.length") == MAX_CANDLES_SAVED


LABELS = {
    ("0.0000000000012", "0.0000000000015"): ["0.0000000000012", "0.0000000000015"],
    ("1.00000000001", "1.00000000002"): ["1.00000000001", "1.00000000002"],
    ("1.2e-20", "1.5e-20"): ["1.2000e-20", "1.5000e-20"],
    ("3000.123456789012345678", "3000.183456789012345678"): ["3000.12346", "3000.18346"],
    ("0.000000012345678901", "0.000000012345978901"): ["0.00000001234568", "0.00000001234598"],
    ("50050.810000000005", "50103.55"): ["50050.81", "50103.55"],
    ("0.000000000000001", "60000"): ["0.0000000000", "60000.0000000000"],
}


def test_prices_are_told_apart_on_the_axis_however_small_and_long(
    browser: Browser, site: Site, reader: FakeReader
) -> None:
    """Each pair of them is a symbol's."""
    by_symbol = {f"S{number}": texts for number, texts in enumerate(LABELS)}
    reader.answer = page_state(HEALTHY, *by_symbol)

    def prices_for(symbol: str, interval: Interval, revision: int) -> PagePrices:
        series = PriceSeries(9)
        texts = by_symbol.get(symbol, ())
        series.take(
            [stored(AT_MS + at * 60_000, plain(Decimal(text))) for at, text in enumerate(texts)], None
        )
        return prices(symbol, series, interval, revision)

    reader.prices_for = prices_for
    browser.open(site.url)
    browser.until("typeof page === 'object' && page.answer !== null")
    for symbol, texts in by_symbol.items():
        browser.run(f"choose('{symbol}')")
        browser.until(f"page.prices?.symbol === '{symbol}' && {READY}")
        shown = browser.run(
            f"{json.dumps(texts)}.map((each) => page.chart.bars.priceFormatter().format(+each))"
        )
        assert shown == LABELS[texts]
        place = "page.chart.bars.priceToCoordinate(+page.chart.candles[{}].close)"
        browser.until(f"{place.format(0)} - {place.format(1)} > 50")
    assert browser.problems == []


def test_what_is_left_out_is_counted(browser: Browser, site: Site, reader: FakeReader) -> None:
    many = tuple(replace(ERROR, message=str(number)) for number in range(MAX_ERRORS + 7))
    reader.answer = page_state(replace(HEALTHY, more_symbols=5, errors=many, incomplete=("the errors",)))
    browser.open(site.url)
    text = "document.getElementById('{}')?.textContent"
    assert browser.until(text.format("more-symbols")) == "and 5 more, in the list of all symbols above"
    assert browser.run(text.format("older-errors")) == "and 7 older"
    assert "there may be more: the errors." in browser.run(text.format("concerns"))
    pipeline = browser.run(text.format("pipeline"))
    assert "the newest 2 of 7 symbols: enriched" in pipeline and "all enriched" not in pipeline
    reader.answer = page_state(HEALTHY)
    browser.until("document.getElementById('more-symbols').hidden")
    assert browser.run("document.getElementById('older-errors').hidden")


def test_where_prices_may_not_be_read_it_does_not_say_that_none_came(
    browser: Browser, site: Site, reader: FakeReader
) -> None:
    reader.answer = page_state(replace(HEALTHY, symbols=None, unread=(THE_SYMBOLS,)))
    browser.open(site.url)
    assert "prices not read" in browser.until("document.getElementById('pipeline')?.textContent")


def test_what_is_of_another_day_has_its_date(browser: Browser, site: Site, reader: FakeReader) -> None:
    now = datetime.now(UTC)
    for at, form in ((now, "%H:%M:%S"), (now - timedelta(days=40), "%Y-%m-%d %H:%M:%S")):
        reader.answer = page_state(replace(HEALTHY, at_ms=int(at.timestamp() * 1000)))
        if at == now:
            browser.open(site.url)
        shown = "document.getElementById('as-of')?.textContent"
        browser.until(f"{shown} === {json.dumps(f'as of {at:{form}} UTC')}")


def test_where_one_queue_is_missing_the_other_one_s_letters_stay_with_their_function(
    browser: Browser, site: Site, reader: FakeReader
) -> None:
    reader.answer = page_state(replace(HEALTHY, queues=(replace(HEALTHY.queues[1], visible=5),)))
    browser.open(site.url)
    boxes = "[...document.querySelectorAll('#pipeline article')].map((each) => each.textContent)"
    webhook, _, enricher = browser.until(boxes)
    assert webhook.endswith("▼ no queue") and enricher.endswith("▼ 5 dead letters")
    assert "dead letters" not in webhook and browser.problems == []


def test_prices_that_do_not_fill_a_candle_are_no_empty_chart_without_a_word(
    browser: Browser, site: Site, reader: FakeReader
) -> None:
    reader.answer = page_state(HEALTHY, "BTC")
    series = PriceSeries(2)
    series.take([stored(AT_MS, "1"), stored(AT_MS + 60_000, "2")], None)
    reader.prices_for = lambda symbol, interval, revision: prices(symbol, series, interval, revision)
    browser.open(site.url)
    browser.until(READY)
    nothing = "document.getElementById('nothing')"
    assert browser.run(f"{nothing}.hidden")
    browser.run("document.querySelector('input[value=\"1h\"]').click()")
    text = browser.until(f"{nothing}.hidden ? '' : {nothing}.textContent")
    assert text.startswith("The last 2 prices of BTC do not fill a candle of 1h.") and "--last" in text
    assert browser.run("document.getElementById('chart').hidden")
    browser.run("document.querySelector('input[value=\"1m\"]').click()")
    browser.until(f"{nothing}.hidden && {READY}")


NUMBERS = [
    scaled.copy_sign(Decimal(sign))
    for digits in (*map(str, range(10)), "95", "125", "995", "123456785", "123456775", "999999995", "1" * 38)
    for exponent in (*range(-26, 27), -100, 80)
    for sign in (1, -1)
    if (scaled := Decimal(digits).scaleb(exponent))
]


def test_numbers_are_written_as_in_the_terminal(browser: Browser, site: Site, reader: FakeReader) -> None:
    reader.answer = page_state(HEALTHY)
    browser.open(site.url)
    browser.until("typeof shortNumber === 'function'")
    texts = json.dumps([plain(number) for number in NUMBERS])
    short = [row(replace(stored(AT_MS), indicators=Indicators(ma_5=number)))[5] for number in NUMBERS]
    assert browser.run(f"{texts}.map(shortNumber)") == short
    assert browser.run(f"{texts}.map(numberText)") == [number_text(number) for number in NUMBERS]
    assert browser.run(f"{texts}.map(percentText)") == [percent_text(number) for number in NUMBERS]
    assert browser.run("[numberText('0'), percentText('0'), percentText(null), shortNumber(null)]") == [
        "0",
        "+0.00 %",
        "",
        "",
    ]
    counted = "[0, 1, 2].map((count) => rate('price', [count, 9]).textContent.trim())"
    assert browser.run(counted) == ["0 prices a minute", "1 price a minute", "2 prices a minute"]


def test_a_volatility_far_below_the_prices_is_more_than_zero_on_its_axis(
    browser: Browser, site: Site, reader: FakeReader
) -> None:
    reader.answer = page_state(HEALTHY, "BTC")
    series = PriceSeries(10)
    calm = replace(stored(AT_MS, "1667.23"), indicators=Indicators(volatility=Decimal("0.0048989795")))
    series.take([calm], None)
    reader.prices_for = lambda symbol, interval, revision: prices(symbol, series, interval, revision)
    browser.open(site.url)
    browser.until(READY)
    shown = "page.chart.lines.{}.priceFormatter().format({})"
    assert browser.run(shown.format("volatility", "0.0048989795")) == "0.00490"
    assert browser.run(shown.format("ma_5", "1667.23")) == "1667.23"
