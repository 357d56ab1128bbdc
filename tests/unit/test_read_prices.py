"""A read of prices asks for all that a stored price is made of, and for nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from cryptoctl.core.items import StoredPrice, UnusableError, stored_price
from cryptoctl.ops.prices import NAMES, PROJECTION

PROJECTED = [NAMES.get(name, name) for name in PROJECTION.split(", ")]
WHOLE: dict[str, dict[str, Any]] = {
    **{name: {"S": name} for name in ("symbol", "exchange", "id", "enriched_at", "raw_data", "created_at")},
    **{name: {"N": "2"} for name in ("timestamp", "price", "volume", "occurrence", "ma_5", "ma_20")},
    "volatility": {"N": "0.5"},
    "rev": {"N": "7"},
    "processed": {"BOOL": True},
}


def read(names: list[str]) -> StoredPrice | None:
    try:
        return stored_price({name: WHOLE[name] for name in names})
    except UnusableError:
        return None


def test_nothing_is_missing() -> None:
    assert read(PROJECTED) == read(list(WHOLE)) is not None


@pytest.mark.parametrize("name", PROJECTED)
def test_nothing_is_asked_for_in_vain(name: str) -> None:
    assert read([other for other in PROJECTED if other != name]) != read(PROJECTED)
