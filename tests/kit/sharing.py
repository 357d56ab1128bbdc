"""What is worked out once for all workers of a run, and what they run first."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import TypeVar

import pytest

T = TypeVar("T")

# A worker takes whole files: the longest come first, so that none is left to the end.
SLOWEST_FIRST = (
    "hostile/test_races.py",
    "laws/test_laws.py",
    "conformance/test_metrics.py",
    "feed/test_following.py",
    "hostile/test_messages.py",
    "handlers/test_concurrent_enrichers.py",
    "dashboard/test_browser.py",
    "hostile/test_kills.py",
    "hostile/test_in_the_way.py",
    "laws/test_other_engines.py",
    "hostile/test_windows.py",
    "permissions/test_operating.py",
    "cli/test_a_day.py",
    "local/test_engine.py",
    "ui/test_status.py",
    "dead_letters/test_kill.py",
    "local/test_http_server.py",
    "local/test_pipeline_endures.py",
    "local/test_durability.py",
    "cli/test_feed.py",
    "dead_letters/test_trace.py",
)


def longest_first(items: list[pytest.Item]) -> None:
    """Sorts the tests by file: the longest, then those with engines or processes, then the pure ones."""
    outside = {item.path for item in items if not item.get_closest_marker("pure")}

    def place(item: pytest.Item) -> int:
        name = "/".join(item.path.parts[-2:])
        if name in SLOWEST_FIRST:
            return SLOWEST_FIRST.index(name)
        return len(SLOWEST_FIRST) + (item.path not in outside)

    items.sort(key=place)


def once_for_all_workers(request: pytest.FixtureRequest, name: str, make: Callable[[], T]) -> T:
    """What `make` gives: the first worker to ask makes it, the others wait and read what it made."""
    import fcntl  # not on Windows, where the portable parts are tested alone

    run = getattr(request.config, "workerinput", None)
    if run is None:
        return make()
    factory: pytest.TempPathFactory = request.getfixturevalue("tmp_path_factory")
    file = factory.getbasetemp().parent / f"{name}-{run['testrunuid']}.pickle"
    with file.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not file.exists():
            file.write_bytes(pickle.dumps(make()))
        value: T = pickle.loads(file.read_bytes())
        return value
