"""What docs/price-path.md says about cost: calls and units, which are the same on every machine."""

import sys
from pathlib import Path

import pytest

ROOT = str(Path(__file__).parents[2])
if ROOT not in sys.path:
    sys.path.insert(0, ROOT)

from bench import price_path  # noqa: E402


@pytest.mark.parametrize("scenario", ["one symbol", "50 symbols", "the same without ids"])
def test_enriching_costs_a_fifth_of_the_calls_and_half_of_the_reading(scenario: str) -> None:
    prices = price_path.SCENARIOS[scenario]()
    ours, plain = price_path.ours(prices), price_path.plain(prices)
    assert ours.enrich_calls * 5 <= plain.enrich_calls
    assert ours.read_units * 2 < plain.read_units
    assert ours.write_units == plain.write_units
    assert ours.put_calls == len(prices)
