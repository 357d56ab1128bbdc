"""The tests of core and handlers on the Python that the functions run on; run.mjs starts it.

This Python runs in WebAssembly, where there are neither threads nor processes: what functions do at the same
time is done one after the other.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

import pytest

from cryptoctl.handlers import parallel

T = TypeVar("T")
R = TypeVar("R")

# Each with what it needs and this Python does not have.
LEFT_OUT = {
    "tests/core/test_indicators.py": "pandas, to compare with",
    "tests/handlers/test_certificates.py::test_the_same_is_loaded_once_also_by_many_threads": "threads",
    "tests/handlers/test_concurrent_enrichers.py": "threads of its own, to stop between two requests",
    "tests/handlers/test_kept_whole.py": "the tests of dead letters, which are not here",
    "tests/handlers/test_webhook_processor.py::test_requests_that_overlap_in_time_make_one_table": "threads",
}


def one_after_another(function: Callable[[T], R], items: Iterable[T], max_workers: int) -> list[R]:
    """As `parallel.map_in_threads`: the first failure is raised after everything else has been tried."""
    results: list[R] = []
    failures: list[Exception] = []
    for item in items:
        try:
            results.append(function(item))
        except Exception as error:
            failures.append(error)
    if failures:
        raise failures[0]
    return results


class WithoutThreads:
    """Prepares a run of pytest."""

    def pytest_configure(self) -> None:
        """pytest wants to be the first that imports hypothesis."""
        from hypothesis import settings

        settings.register_profile("suite", deadline=None)
        settings.load_profile("suite")
        parallel.map_in_threads = one_after_another


def main(more: Sequence[str]) -> int:
    """Runs pytest, and gives its exit code."""
    assert sys.version_info[:2] == (3, 14), sys.version
    left_out = [f"--deselect={path}" if "::" in path else f"--ignore={path}" for path in LEFT_OUT]
    choice = ["-m", "not torture and not process", "-q", "-p", "no:cacheprovider"]
    return int(pytest.main(["tests/core", "tests/handlers", *choice, *left_out, *more], [WithoutThreads()]))
