"""What docs/price-path.md says about cost: calls and units, which are the same on every machine."""

import pytest
from bench import price_path

pytestmark = pytest.mark.thorough

# Of the thousand that the bench takes, so many as show the same.
PRICES = 200


@pytest.mark.parametrize("scenario", ["one symbol", "50 symbols", "the same without ids"])
def test_enriching_costs_a_fifth_of_the_calls_and_half_of_the_reading(scenario: str) -> None:
    prices = price_path.SCENARIOS[scenario]()[:PRICES]
    ours, plain = price_path.ours(prices), price_path.plain(prices)
    assert ours.enrich_calls * 5 <= plain.enrich_calls
    assert ours.read_units * 2 < plain.read_units
    assert ours.write_units == plain.write_units
    assert ours.put_calls == len(prices)
