"""The simulation behind docs/scale.md: nothing vanishes in it, and it agrees with the limits on paper."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
from bench._limits import Durations, Settings, Workload, shards, uses
from bench.scale import ADVICE, CHOICES, ROOMY, Advice, Simulation, drawn, first_limit, highest_rate
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from cryptoctl.ops.cost import traffic

PAGE = (Path(__file__).parents[2] / "docs" / "scale.md").read_text("utf-8")
SECONDS = 20.0


@hypothesis_settings(max_examples=30)
@given(
    rate=st.floats(0.5, 400),
    symbols=st.integers(1, 20),
    size=st.integers(1, 20),
    parallelization=st.integers(1, 10),
    seed=st.integers(0, 2**16),
)
def test_every_price_is_refused_stored_or_still_under_way(
    rate: float, symbols: int, size: int, parallelization: int, seed: int
) -> None:
    workload = Workload(prices_a_second=rate, symbols=symbols, prices_a_request=size)
    settings = replace(Settings(), parallelization=parallelization)
    simulation = Simulation(workload, settings, Durations(), seed).run(SECONDS)
    under_way = simulation.sent - simulation.refused - simulation.stored
    assert 0 <= under_way <= settings.webhook_concurrency * size
    assert simulation.behind >= 0
    # Nothing is enriched before an invocation could have read and written it.
    assert min(simulation.lags_s, default=1.0) >= Durations().batch_s(1, 1)


@pytest.mark.thorough
@pytest.mark.parametrize("settings", CHOICES.values(), ids=CHOICES)
def test_below_the_limits_nothing_is_refused_and_beyond_them_something_gives_way(settings: Settings) -> None:
    workload = Workload(prices_a_second=1, symbols=10)
    most = highest_rate(workload, settings, Durations())
    below = Simulation(replace(workload, prices_a_second=most * 0.6), settings, Durations()).run(SECONDS)
    assert below.refused < below.sent * 0.01
    assert below.lag_s(0.99) < settings.window_s + 1
    beyond = Simulation(replace(workload, prices_a_second=most * 3), settings, Durations()).run(SECONDS)
    assert beyond.refused > beyond.sent * 0.1 or beyond.behind > beyond.stored * 0.1


def test_more_concurrency_and_larger_batches_never_lower_the_highest_rate() -> None:
    workload = Workload(prices_a_second=1)
    assert highest_rate(workload, ROOMY, Durations()) > highest_rate(workload, Settings(), Durations())
    assert len(list(uses(workload, Settings(), Durations()))) == 10
    assert first_limit(replace(workload, prices_a_second=1e6), ROOMY, Durations()).share > 1


def test_the_enricher_has_ten_batches_a_second_for_each_concurrency() -> None:
    """Lambda's quota of synchronous requests, which is that of the stream's as well."""
    settings = Settings(webhook_concurrency=1_000, enricher_concurrency=2, batch_size=10)
    workload = Workload(prices_a_second=1, symbols=1_000, prices_a_request=100)
    assert highest_rate(workload, settings, Durations()) == pytest.approx(2 * 10 * 10, rel=0.01)
    no_time = Durations(webhook_s=0, put_s=0, enricher_s=0, query_s=0, update_s=0, publish_s=0, poll_s=0)
    twice = replace(workload, prices_a_second=400)
    simulation = Simulation(twice, settings, no_time).run(SECONDS)
    # What was saved before the first second counts too.
    assert len(simulation.lags_s) <= 200 * (SECONDS + 1)
    assert simulation.behind > 0.4 * simulation.stored


def _numbers(line: str) -> list[float]:
    """What the cells of a row begin with."""
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    return [float(match[0].replace(",", "")) for cell in cells if (match := re.match(r"[\d,]+", cell))]


def test_the_page_has_the_rates_that_are_computed() -> None:
    workloads = [
        Workload(prices_a_second=1, symbols=symbols, prices_a_request=size)
        for symbols, size in product((10, 1_000), (1, 100))
    ]
    for workload in workloads:
        begin = f"| {workload.symbols:,}, {workload.prices_a_request} |"
        (row,) = [line for line in PAGE.splitlines() if line.startswith(begin)]
        computed = [highest_rate(workload, choice, Durations()) for choice in CHOICES.values()]
        assert _numbers(row)[1:] == pytest.approx(computed, rel=0.005), begin


@pytest.mark.parametrize("row", ADVICE)
def test_what_is_advised_reaches_the_rate_that_it_is_advised_for(row: Advice) -> None:
    for workload in row.workloads:
        used = first_limit(replace(workload, prices_a_second=row.prices_a_second), row.settings, Durations())
        assert used.share <= 1 + 1e-9, (workload, used.limit)
    begin = "| 1 to 100 |" if row.prices_a_second == 100 else f"| up to {row.prices_a_second:,},"
    assert begin in PAGE


@given(rate=st.floats(0.1, 1e6), symbols=st.integers(1, 10_000), prices=st.integers(1, 1_000))
def test_scale_and_costs_are_computed_with_the_same_assumptions(
    rate: float, symbols: int, prices: int
) -> None:
    workload = Workload(prices_a_second=rate, symbols=symbols)
    assert shards(workload) == traffic.shards(rate, symbols)
    # No partition has more to write than it takes, unless it is of one symbol.
    a_partition = rate * 2 / shards(workload)
    assert a_partition <= 1_000 * (1 + 1e-6) or shards(workload) == symbols
    assert Durations().batch_s(prices, symbols) == pytest.approx(traffic.enriching_s(prices, symbols))
    assert Durations().request_s(1) == traffic.INVOCATION_S + traffic.PUT_S


def test_the_drawing_stays_in_its_frame() -> None:
    text = drawn({"a": [(1, 0.01), (10_000, 1_000)]})
    assert '<polyline points="60,340 700,20"' in text


def test_each_symbol_of_a_batch_has_its_query() -> None:
    queries_alone = Durations(
        webhook_s=0, put_s=0, enricher_s=0, query_s=1, update_s=0, publish_s=0, poll_s=0
    )
    full_batches = Settings(batch_size=10, window_s=1_000)
    for symbols, least_s in ((1, 1), (10, 3)):
        workload = Workload(prices_a_second=1, symbols=symbols)
        simulation = Simulation(workload, full_batches, queries_alone, of_shards=1).run(200)
        assert min(simulation.lags_s) >= least_s
