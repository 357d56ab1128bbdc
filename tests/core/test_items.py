"""A price as an item: what is read from one that somebody else has written."""

from decimal import Decimal
from typing import Any

import pytest

from cryptoctl.core.items import StoredPrice, UnusableError, key_of, stored_price


def price_at_key(key: str) -> StoredPrice:
    return stored_price({"symbol": {"S": "BTC"}, "timestamp": {"N": key}, "price": {"N": "1"}})


@pytest.mark.parametrize(
    "number", ["1e999999999", "1e126", "1e-131", "9" * 39, "", "x", 5.5e300, None, [], {}]
)
def test_a_key_that_no_table_can_hold_is_refused_before_it_is_expanded(number: Any) -> None:
    with pytest.raises(UnusableError):
        key_of({"symbol": {"S": "BTC"}, "timestamp": {"N": number}})


def test_a_key_has_all_its_digits() -> None:
    assert key_of({"symbol": {"S": "x"}, "timestamp": {"N": "1.5e3"}}) == Decimal(1500)


@pytest.mark.parametrize("enriched_at", [{"N": "5"}, {"NULL": True}, {"BOOL": False}, {"L": []}])
def test_a_time_of_enrichment_that_is_no_text_counts_as_none(enriched_at: dict[str, Any]) -> None:
    item = {"symbol": {"S": "BTC"}, "timestamp": {"N": "1"}, "price": {"N": "1"}, "enriched_at": enriched_at}
    assert stored_price(item).enriched_at is None


def test_a_price_without_a_volume_has_none_of_it() -> None:
    item = {"symbol": {"S": "BTC"}, "timestamp": {"N": "1"}, "price": {"N": "2"}}
    assert stored_price(item).volume == 0
