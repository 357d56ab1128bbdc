"""What the whole suite shares: one embedded engine a worker, and sessions on it."""

from __future__ import annotations

import gc
import signal
import sys
import uuid
from collections.abc import Generator, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

import botocore.session
import pytest
from hypothesis import settings as hypothesis_settings

from cryptoctl import env_vars
from cryptoctl.__main__ import GC_THRESHOLDS
from cryptoctl.local.engine import Engine
from cryptoctl.settings import EnvironmentSettings, StreamSettings
from kit.engines import OPTIONS
from kit.leftovers import Leftovers
from kit.purity import Guard, mark
from kit.sharing import longest_first
from live import LAG_ALARM, WITH_A_SENDER, Connect, Live, connected

# The descriptors of this process. `select`, which a browser is waited for with, takes none from 1,024 on.
OPEN, MAX_OPEN = Path("/dev/fd"), 700

GUARD = pytest.StashKey[Guard]()
LEFTOVERS = pytest.StashKey[Leftovers]()

# A busy machine is no finding.
hypothesis_settings.register_profile("suite", deadline=None)
hypothesis_settings.register_profile("quick", deadline=None, max_examples=20)
hypothesis_settings.load_profile("suite")


def pytest_configure(config: pytest.Config) -> None:
    """A shell starts what it puts into the background with Ctrl-C ignored, and commands inherit that."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    # The tests' own sessions share what was parsed of AWS's services, as cryptoctl's do by themselves.
    botocore.session.create_loader = cache(botocore.session.create_loader)
    gc.set_threshold(*GC_THRESHOLDS)  # as in a command's own process
    config.stash[GUARD] = Guard()


def pytest_sessionstart(session: pytest.Session) -> None:
    """A run that is killed takes its engines with it; the workers' directories are in the first process's."""
    if not hasattr(session.config, "workerinput") and sys.platform != "win32":
        factory: pytest.TempPathFactory = session.config._tmp_path_factory  # type: ignore[attr-defined]
        session.config.stash[LEFTOVERS] = Leftovers(factory.getbasetemp())


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Nothing is left over by a run that came to its end."""
    if leftovers := session.config.stash.get(LEFTOVERS, None):
        leftovers.stop()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Each test is marked `engine` or `pure` before `-m` chooses; the longest files come first."""
    for item in items:
        mark(item)
    longest_first(items)


def pytest_collection_finish() -> None:
    """What is loaded by now stays: no collection of garbage walks it again."""
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, None, None]:
    """A pure test's fixtures start nothing."""
    with _guarded(item):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """A pure test starts nothing."""
    with _guarded(item):
        return (yield)


def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """The sessions on AWS of a file of tests keep their connections until they are collected."""
    last_of_its_file = nextitem is None or nextitem.path != item.path
    if last_of_its_file and OPEN.is_dir() and len(list(OPEN.iterdir())) > MAX_OPEN:
        gc.collect()


def _guarded(item: pytest.Item) -> AbstractContextManager[None]:
    return item.config.stash[GUARD].closed() if item.get_closest_marker("pure") else nullcontext()


@pytest.fixture(scope="session")
def state_directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """This machine's state, for this worker alone."""
    with pytest.MonkeyPatch.context() as patch:
        directory = tmp_path_factory.mktemp("state of cryptoctl")
        patch.setenv("CRYPTOCTL_STATE_DIR", str(directory))
        for name in ("CRYPTOCTL_ENV", "CRYPTOCTL_CONFIG", "AWS_PROFILE", "AWS_ENDPOINT_URL"):
            patch.delenv(name, raising=False)
        yield directory


@pytest.fixture(scope="session")
def engine(state_directory: Path) -> Iterator[Engine]:
    """The embedded engine, running, where the commands look for it."""
    engine = Engine(env_vars.state_directory() / "engine")
    engine.start(port=0, options=OPTIONS)
    yield engine
    engine.stop()


@pytest.fixture(scope="session")
def connect(engine: Engine) -> Connect:
    """A live session for an environment, by name; nothing is made yet."""

    return partial(connected, engine)


@pytest.fixture
def fresh(connect: Connect) -> Iterator[Live]:
    """An environment of its own with nothing in it; taken down afterwards."""
    live = connect(f"t{uuid.uuid4().hex[:8]}", WITH_A_SENDER)
    yield live
    live.down()


@pytest.fixture(scope="module")
def pipeline(connect: Connect) -> Iterator[Live]:
    """An environment that is up and waits for no batch to fill; each test has symbols of its own."""
    config = EnvironmentSettings(stream=StreamSettings(window_s=0), alarms=LAG_ALARM)
    live = connect(f"p{uuid.uuid4().hex[:8]}", config)
    live.up()
    yield live
    live.down()


@pytest.fixture(scope="module")
def standing(connect: Connect) -> Iterator[Live]:
    """A finished environment that the tests of a module share and leave finished."""
    name = f"m{uuid.uuid4().hex[:8]}"
    # Of a queue of another account nothing is known: not that it is not there, for one.
    listener = f"arn:aws:sqs:us-east-1:111122223333:pager-{name}"
    live = connect(name, replace(WITH_A_SENDER, alert_subscribers=(listener,)))
    live.up()
    yield live
    live.down()
