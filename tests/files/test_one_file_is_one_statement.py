"""What a file leaves in the table depends on neither cuts nor repeats nor interruptions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cryptoctl.files import reader
from cryptoctl.files.occurrences import Occurrences
from cryptoctl.files.outgoing import BadLine, OutgoingPrice, outgoing
from cryptoctl.files.reader import PriceFile
from cryptoctl.ops.sending import PriceBatch
from files.reading import CASES, NOW_MS, opened
from handlers.conftest import connect_directly
from handlers.events import send
from handlers.fake_aws import FakeAws

pytestmark = pytest.mark.thorough

fixture_is_cleared = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)

# Few values, so that many trades are equal; sometimes an id, sometimes a line that is none.
lines = st.lists(
    st.tuples(
        st.sampled_from(["1672679821", "1672679822"]),
        st.sampled_from(["93.70", "93.7", "93.69", "x"]),
        st.sampled_from(["1", "2"]),
    ),
    min_size=1,
    max_size=14,
)


def file_of(directory: Path, trades: list[tuple[str, str, str]]) -> PriceFile:
    rows = "".join(f"{','.join(trade)}\n" for trade in trades)
    return opened(directory, f"timestamp,price,volume\n{rows}")


def send_batches(prices: list[OutgoingPrice], size: int) -> None:
    for start in range(0, len(prices), size):
        batch = prices[start : start + size]
        status, _ = send({"body": f"[{','.join(price.text for price in batch)}]"})
        assert status == 200


def prices(file: PriceFile, first_line: int = 1) -> list[OutgoingPrice]:
    return [price for price in file.prices(lambda: NOW_MS, first_line) if isinstance(price, OutgoingPrice)]


def table(aws: FakeAws) -> dict[Any, Any]:
    return {key: {**item, "created_at": ""} for key, item in aws.items.items()}


@settings(fixture_is_cleared, max_examples=25)
@given(trades=lines, size=st.integers(1, 5))
def test_a_file_cut_at_every_place_leaves_the_same_table(
    environment: None, tmp_path_factory: pytest.TempPathFactory, trades: list[tuple[str, str, str]], size: int
) -> None:
    file = file_of(tmp_path_factory.mktemp("file"), trades)
    dynamodb = connect_directly(FakeAws())
    send_batches(prices(file), 200)
    expected = table(dynamodb)
    assert len(expected) == sum(price != "x" for _, price, _ in trades)
    for line in range(1, len(trades) + 3):
        aws = connect_directly(FakeAws())
        send_batches([price for price in prices(file) if price.line < line], size)
        send_batches(prices(file, line), size)
        assert table(aws) == expected, f"from line {line}"
        send_batches(prices(file), size + 1)
        assert table(aws) == expected, f"sent again after line {line}"


def test_1500_equal_trades_without_ids_are_all_kept(environment: None, tmp_path: Path) -> None:
    file = file_of(tmp_path, [("1672679821", "93.7", "1")] * 1500)
    aws = connect_directly(FakeAws())
    send_batches(prices(file), 200)
    assert len(aws.items) == 1500
    send_batches(prices(file), 137)
    assert len(aws.items) == 1500


@pytest.mark.parametrize("size", [20, 200])
def test_real_trades_of_a_second_are_all_kept(environment: None, tmp_path: Path, size: int) -> None:
    file = opened(tmp_path, (CASES / "kraken_BCHEUR_tail341.csv").read_bytes())
    aws = connect_directly(FakeAws())
    send_batches(prices(file), size)
    assert len(aws.items) == 341
    send_batches(prices(file), size - 3)
    assert len(aws.items) == 341


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(0, 3)), max_size=60), st.integers(0, 6))
def test_equal_prices_are_counted_the_same_in_memory_and_beyond(
    prices: list[tuple[int, int]], max_in_memory: int
) -> None:
    with closing(Occurrences(max_in_memory)) as few, closing(Occurrences(10**6)) as many:
        for price, after in prices:
            fields = {"symbol": "A", "exchange": "x", "price": price, "timestamp": NOW_MS + after}
            outgoing_price = outgoing(fields, now_ms=NOW_MS).price
            assert few.number(outgoing_price) == many.number(outgoing_price)


@pytest.mark.parametrize("read", [1, 341])
def test_what_counts_equal_prices_is_closed_however_much_of_the_file_is_read(
    read: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[bool] = []

    class Counting(Occurrences):
        def close(self) -> None:
            closed.append(True)
            super().close()

    monkeypatch.setattr(reader, "Occurrences", Counting)
    iterator = opened(tmp_path, (CASES / "kraken_BCHEUR_tail341.csv").read_bytes()).prices(lambda: NOW_MS)
    assert len(list(islice(iterator, read))) == read
    del iterator
    assert closed == [True]


@pytest.mark.parametrize("rate", [None, 0.5, 7.0, 1000.0])
def test_batches_hold_every_price_once_in_order(rate: float | None) -> None:
    price = outgoing({"symbol": "A", "exchange": "x", "price": 1, "timestamp": NOW_MS}, now_ms=NOW_MS)
    for count in (0, 1, 200, 201, 450):
        batches: list[Sequence[OutgoingPrice | BadLine]] = []
        batch = PriceBatch(batches.append, rate)
        for _ in range(count):
            batch.add(price)
        batch.flush()
        assert sum(map(len, batches)) == count
        assert all(len(batch) <= min(200, max(1, int(rate or 200))) for batch in batches)


@given(st.text(max_size=20), st.text(max_size=20))
def test_what_is_sent_is_json_with_the_price_as_it_was(symbol: str, exchange: str) -> None:
    try:
        price = outgoing({"symbol": symbol, "exchange": exchange, "price": "0.10"}, now_ms=NOW_MS)
    except ValueError:
        return
    loaded = json.loads(price.text)
    assert (loaded["symbol"], loaded["exchange"]) == (price.price.symbol, price.price.exchange)
