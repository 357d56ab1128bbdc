"""The kit's own promises: what the guard of the pure tests refuses."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress

import pytest
from _pytest.outcomes import Failed

from kit.purity import Guard

pytestmark = pytest.mark.process


def connects() -> None:
    socket.create_connection(("127.0.0.1", 9), timeout=1)


def starts_a_process() -> None:
    subprocess.run([sys.executable, "-c", ""], check=True)


@pytest.fixture(scope="module")
def guard() -> Guard:
    return Guard()


@pytest.mark.parametrize("act", [connects, starts_a_process])
def test_a_pure_test_that_goes_outside_fails_even_where_nobody_notices(
    guard: Guard, act: Callable[[], None]
) -> None:
    with pytest.raises(Failed, match="in a pure test"), guard.closed(), suppress(BaseException):
        act()


def test_once_the_pure_test_is_over_all_is_allowed_again(guard: Guard) -> None:
    with guard.closed():
        pass
    starts_a_process()
