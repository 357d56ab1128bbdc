"""What is said of the last hour is said of now only where it is of now."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cryptoctl.ops import activity as module
from unit.answers import STACK

NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(("minutes_ago", "said_s"), [(0, 300.0), (4, 300.0), (5, None), (14, None)])
def test_a_stream_that_was_behind_and_has_had_nothing_since_is_not_behind(
    monkeypatch: pytest.MonkeyPatch, minutes_ago: int, said_s: float | None
) -> None:
    def metric_data(_: Any, metrics: dict[str, Any], *__: Any) -> dict[str, dict[datetime, float]]:
        return {id_: {} for id_ in metrics} | {"lag": {NOW - timedelta(minutes=minutes_ago): 300_000.0}}

    monkeypatch.setattr(module, "metric_data", metric_data)
    assert module.activity(None, STACK, NOW).iterator_age_s == said_s  # type: ignore[arg-type]
