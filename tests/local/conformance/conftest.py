"""The conformance suite: what AWS's documents say, asked of any endpoint.

    pytest tests/local/conformance                                       the embedded engine
    pytest tests/local/conformance --endpoint-url http://127.0.0.1:4566  another engine
    pytest tests/local/conformance --endpoint-url aws                    a real account: the usual credentials

Each test names the AWS document it rests on: `@pytest.mark.behaviour("topic", "behaviour", "document")`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from cryptoctl.local.engine import Engine, EngineOptions
from local.clients import REGION
from local.conformance.mappings import FAIL_ON_13, REPORT_13, TELL
from local.workbench import Workbench

RESULTS = pytest.StashKey[dict[str, str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("conformance")
    group.addoption("--endpoint-url", help="where AWS is; 'aws' for a real account")
    group.addoption("--conformance-report", help="a file for the outcome of each test, as JSON")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "behaviour(topic, behaviour, document): what a conformance test shows")
    config.stash[RESULTS] = {}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    results = item.config.stash[RESULTS]
    if report.when == "call" or report.outcome != "passed":
        results.setdefault(item.name, report.outcome)
    return report


def pytest_unconfigure(config: pytest.Config) -> None:
    file = config.getoption("--conformance-report", default=None)
    if file:
        Path(file).write_text(json.dumps(config.stash[RESULTS]), encoding="utf-8")


class Endpoint(NamedTuple):
    """An engine's URL, or `aws`, and an access key for it."""

    url: str
    access_key: str
    secret_key: str


@pytest.fixture(scope="session")
def endpoint(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """Where the tests run."""
    url = request.config.getoption("--endpoint-url", default=None)
    if url:
        yield Endpoint(url, "LKCONFORMANCE", "made-up")
        return
    engine = Engine(tmp_path_factory.mktemp("engine of the conformance suite"))
    status = engine.start(
        port=0, options=EngineOptions(async_retry_delays_s=(0.1, 0.2), function_pending_s=0.1)
    )
    pair = engine.credentials("conformance")
    yield Endpoint(status.url or "", pair.access_key, pair.secret_key)
    engine.stop()


@pytest.fixture(scope="session")
def shared_bench(endpoint: Endpoint, request: pytest.FixtureRequest) -> Iterator[Workbench]:
    """A workbench at the endpoint."""
    if endpoint.url == "aws":
        bench = Workbench(None, os.environ.get("AWS_REGION", REGION), None, None)
    else:
        # Of another engine it is known that it differs in many ways: each is waited for in vain.
        patience_s = 15.0 if request.config.getoption("--endpoint-url", default=None) else 60.0
        keys = endpoint.access_key, endpoint.secret_key
        bench = Workbench(endpoint.url, REGION, *keys, patience_s=patience_s)
    yield bench
    bench.close()


@pytest.fixture
def bench(shared_bench: Workbench) -> Iterator[Workbench]:
    """The workbench, cleared after each test."""
    yield shared_bench
    shared_bench.clear()


@pytest.fixture(scope="module")
def file_bench(shared_bench: Workbench) -> Iterator[Workbench]:
    """The workbench for what the tests of a file share, cleared after the last of them."""
    shared_bench.role()
    bench = shared_bench.beside()
    yield bench
    bench.clear()


@pytest.fixture
def table(bench: Workbench) -> str:
    """The name of a new table."""
    return bench.table()[0]


@pytest.fixture(scope="module")
def file_table(file_bench: Workbench) -> str:
    """The name of a table that stays as it is, empty: for what is refused."""
    return file_bench.table()[0]


@pytest.fixture(scope="module")
def teller(file_bench: Workbench) -> str:
    """A function that tells of each batch, for any number of streams."""
    return file_bench.function(TELL)


@pytest.fixture(scope="module")
def failing(file_bench: Workbench) -> str:
    """A function that tells of each batch and fails where 13 is in it."""
    return file_bench.function(FAIL_ON_13)


@pytest.fixture(scope="module")
def reporter(file_bench: Workbench) -> str:
    """A function that tells of each batch and gives 13 back as the one that failed."""
    return file_bench.function(REPORT_13)
