"""What the pages cost: nothing while none is looked at, one reading for all of them, and only what is new."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from cryptoctl.aws import AccessKey, Aws
from cryptoctl.cli.dashboard import _connector
from cryptoctl.dashboard.reader import MAX_SYMBOLS_SAVED, ConnectedEnvironment, PageReader, ReaderIntervals
from cryptoctl.errors import ExitCode, Failure
from cryptoctl.local.engine import Engine
from cryptoctl.ops.candles import Interval
from cryptoctl.ops.overview_reader import OverviewReader, RefreshIntervals
from cryptoctl.ops.prices import Query, enriched_prices
from cryptoctl.ops.symbols import names
from cryptoctl.reconcile.retry import RealClock, Retry
from cryptoctl.session import Session, SessionOptions
from cryptoctl.settings import Target
from kit.engines import OPTIONS
from kit.waiting import eventually
from live import Live

QUICK = ReaderIntervals(overview_s=0.1, prices_s=0.1, names_s=0.1)


class AskedAws(Aws):
    """Keeps what it asks for: operations with their parameters."""

    def __init__(self, other: Aws, credentials: AccessKey) -> None:
        super().__init__(region="us-east-1", endpoint_url=other.endpoint_url, credentials=credentials)
        self.requests: list[tuple[str, dict[str, Any]]] = []

    def _new_client(self, service: str, config: Any) -> Any:
        client = super()._new_client(service, config)
        client.meta.events.register("before-parameter-build", self._keep)
        return client

    def _keep(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        self.requests.append((model.name, params))


@pytest.fixture
def aws(pipeline: Live) -> AskedAws:
    made_up = pipeline.session.engine.credentials(pipeline.session.environment)
    return AskedAws(pipeline.aws, AccessKey(access_key=made_up.access_key, secret_key=made_up.secret_key))


@pytest.fixture
def reader(pipeline: Live, aws: AskedAws) -> Iterator[PageReader]:
    place = ConnectedEnvironment(
        aws=aws, stack=pipeline.stack, overview_reader=OverviewReader(aws, pipeline.stack)
    )
    reader = PageReader(
        lambda: place, lambda _: {"verdict": "as told"}, str, {"location": "here"}, QUICK, 1000
    )
    yield reader
    reader.stop()


def put(live: Live, symbol: str, *times_ms: int) -> None:
    """Stores a symbol's prices as anybody could, and waits until they are enriched."""
    put_all(live, [(symbol, time_ms) for time_ms in times_ms])


def put_all(live: Live, keys: Sequence[tuple[str, int]]) -> None:
    """Stores prices by their symbols and times, and waits until they are enriched."""
    items = [
        {"symbol": {"S": symbol}, "price": {"N": "7"}, "timestamp": {"N": str(time_ms)}}
        for symbol, time_ms in keys
    ]
    requests = [{"PutRequest": {"Item": item}} for item in items]
    for begin in range(0, len(requests), 25):
        some = {live.stack.prices.name: requests[begin : begin + 25]}
        live.aws.call("dynamodb", "BatchWriteItem", RequestItems=some)
    for symbol in dict(keys):
        enriched_prices(live.aws, live.stack.prices, Query(symbol=symbol, last=100), Retry(RealClock()))


def queries(aws: AskedAws) -> list[dict[str, Any]]:
    return [params["ExpressionAttributeValues"] for name, params in aws.requests if name == "Query"]


def test_nothing_is_read_until_somebody_looks(pipeline: Live, aws: AskedAws, reader: PageReader) -> None:
    reader.start()
    put(pipeline, "QUIET", 1)  # takes several of the reader's intervals
    assert aws.requests == []
    assert reader.state()["state"] is None
    state = eventually(lambda: reader.state()["state"], "the overview")
    assert state["overview"] == {"verdict": "as told"}
    assert eventually(lambda: reader.state()["names_known"])
    assert "QUIET" in reader.state()["names"]


def test_pages_share_a_reading_and_each_goes_back_no_further_than_it_must(
    pipeline: Live, aws: AskedAws, reader: PageReader
) -> None:
    put(pipeline, "SHARED", *range(1000, 1150))
    for interval in (Interval.MINUTE, Interval.HOUR):
        assert reader.prices("SHARED", interval, 0) is None
    reader.read_prices()
    assert [query.get(":since") for query in queries(aws)] == [None]
    first = reader.prices("SHARED", Interval.MINUTE, 0)
    assert first and first["candles"][0]["trades"] == 150
    put(pipeline, "SHARED", 2000)
    reader.read_prices()
    assert [query.get(":since") for query in queries(aws)] == [None, {"N": "1050"}]
    for interval in (Interval.MINUTE, Interval.HOUR):
        again = reader.prices("SHARED", interval, first["revision"])
        assert again and again["candles"][-1]["trades"] == 151
    assert reader.prices("SHARED", Interval.MINUTE, again["revision"])["candles"] == []  # type: ignore[index]


def test_what_cannot_be_read_is_said_and_read_again(pipeline: Live, aws: AskedAws) -> None:
    place = ConnectedEnvironment(
        aws=aws, stack=pipeline.stack, overview_reader=OverviewReader(aws, pipeline.stack)
    )
    away = [Failure(ExitCode.UNREACHABLE, "it is away.", "Run `cryptoctl local start`.")]

    def find() -> ConnectedEnvironment:
        if away:
            raise away[0]
        return place

    reader = PageReader(find, lambda _: {}, lambda text: text.replace("start", "start --now"), {}, QUICK, 10)
    reader.start()
    try:
        trouble = eventually(lambda: reader.state()["trouble"])
        assert trouble == "It is away. Run `cryptoctl local start --now`."
        away.clear()
        assert eventually(lambda: reader.state()["state"])
        assert eventually(lambda: not reader.state()["trouble"])
    finally:
        reader.stop()


def test_an_engine_that_comes_back_at_another_address_is_found_there(pipeline: Live, engine: Engine) -> None:
    session = Session(SessionOptions(environment=pipeline.session.environment, target=Target.LOCAL))
    place = _connector(session, RefreshIntervals())
    before = place()
    assert place() is before
    port = engine.status().port
    assert port
    engine.stop()
    try:
        with pytest.raises(Failure, match="not running"):
            place()
        engine.start(port=0, options=OPTIONS)
        assert place().aws.endpoint_url == engine.status().url != before.aws.endpoint_url
        assert place().overview_reader.overview().inventory.exists
        engine.stop()
    finally:
        engine.start(port=port, options=OPTIONS)


def test_a_page_in_a_file_has_all_that_a_page_would_ask_for(pipeline: Live, reader: PageReader) -> None:
    put(pipeline, "KEPT", 260_000, 320_000)
    everything = reader.everything()
    assert everything["state"]["state"]["overview"] == {"verdict": "as told"}
    assert set(everything["prices"]["KEPT"]) == set(Interval)
    assert [candle["time_ms"] for candle in everything["prices"]["KEPT"]["1m"]["candles"]] == [
        240_000,
        300_000,
    ]


def test_a_page_in_a_file_has_the_symbols_with_the_newest_prices(pipeline: Live, reader: PageReader) -> None:
    """Not the first of the alphabet, nor only those of the last hour."""
    keys = [(f"A{number:02}", 1_000_000 + number) for number in range(MAX_SYMBOLS_SAVED + 1)]
    put_all(pipeline, keys)
    newest = [symbol for symbol, _ in keys[1:]]
    everything = reader.everything()
    others = set(names(pipeline.aws, pipeline.stack.prices)) - set(newest)
    table = pipeline.stack.prices.name
    for symbol, time_ms in keys:  # they would keep another test's symbol out of its file
        key = {"symbol": {"S": symbol}, "timestamp": {"N": str(time_ms)}}
        pipeline.aws.call("dynamodb", "DeleteItem", TableName=table, Key=key)
    assert list(everything["prices"]) == newest[::-1]
    assert everything["state"]["left_out"] == len(others) > 0
