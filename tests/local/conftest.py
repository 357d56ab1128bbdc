"""Engines for the tests: one shared by all that do not stop it, fresh ones for those that do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cryptoctl.local.engine import Engine, EngineOptions

QUICK = EngineOptions(async_retry_delays_s=(0.05, 0.1), save_every_s=0.2, function_pending_s=0.1)


@pytest.fixture
def make_engine(tmp_path: Path) -> Iterator[Callable[[str], Engine]]:
    """Engines by name, each in a directory whose name has a space in it; all stopped afterwards."""
    engines: list[Engine] = []

    def make(name: str = "engine") -> Engine:
        engines.append(Engine(tmp_path / f"home of {name}"))
        return engines[-1]

    yield make
    for engine in engines:
        engine.stop()


@pytest.fixture
def engine(make_engine: Callable[[str], Engine]) -> Engine:
    """An engine of this test's own, not yet started."""
    return make_engine("engine")
