"""The simulation behind docs/scale.md: nothing vanishes in it, and it agrees with the limits on paper."""

from __future__ import annotations

from dataclasses import replace

import pytest
from bench._limits import Durations, Settings, Workload, uses
from bench.scale import CHOICES, ROOMY, Simulation, drawn, first_limit, highest_rate
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

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
    found = Simulation(workload, settings, Durations(), seed).run(SECONDS)
    under_way = found.sent - found.refused - found.stored
    assert 0 <= under_way <= settings.webhook_concurrency * size
    assert found.behind >= 0
    # Nothing is enriched before an invocation could have read and written it.
    assert min(found.lags_s, default=1.0) >= Durations().batch_s(1, 1)


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
    assert len(list(uses(workload, Settings(), Durations()))) == 8
    assert first_limit(replace(workload, prices_a_second=1e6), ROOMY, Durations()).share > 1


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
        found = Simulation(workload, full_batches, queries_alone, of_shards=1).run(200)
        assert min(found.lags_s) >= least_s
