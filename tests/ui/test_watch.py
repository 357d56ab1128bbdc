"""The live screen never passes off an old reading as a new one."""

from __future__ import annotations

import threading

import pytest

from cryptoctl.ops.overview import Overview
from cryptoctl.ui import watch
from cryptoctl.ui.watch_view import view
from kit.waiting import eventually
from ui.overviews import HEALTHY


def test_what_is_wrong_with_the_reading_stands_first() -> None:
    lines = [line.plain for line in view(HEALTHY, "dev", 80, 24, "not refreshed: no answer for 7 s")]
    assert lines[0] == "not refreshed: no answer for 7 s"
    assert lines[1].startswith("As of ") and lines[2].startswith("✓ dev")
    assert view(HEALTHY, "dev", 80, 24)[0].plain.startswith("✓ dev")


def test_a_reading_that_gets_no_answer_is_told_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(watch, "SLOW_S", 0.1)
    monkeypatch.setattr(watch, "EVERY_S", 0.01)
    hangs, answered = threading.Event(), threading.Event()

    def read() -> Overview:
        if hangs.is_set():
            answered.wait(60)
        return HEALTHY

    with watch.Watch(read) as watched:
        assert eventually(lambda: watched.latest) is HEALTHY
        assert watched.trouble == ""
        hangs.set()
        assert eventually(lambda: watched.trouble).startswith("not refreshed: no answer for ")
        hangs.clear()
        answered.set()
        eventually(lambda: watched.trouble == "")
