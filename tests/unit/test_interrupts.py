"""Signals are counted before anything else is done about them."""

from __future__ import annotations

import signal

import pytest

from cryptoctl import interrupts


def test_a_signal_in_the_midst_of_what_the_first_one_calls_is_the_second() -> None:
    heard: list[str] = []

    def first() -> None:
        signal.raise_signal(signal.SIGTERM)
        heard.append("first")

    with interrupts.on_signal(first, lambda: heard.append("second")):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
    assert sorted(heard) == ["first", "second"]


def test_where_they_are_deferred_the_first_is_only_told_and_the_second_raises() -> None:
    with pytest.raises(KeyboardInterrupt), interrupts.deferred() as asked:
        assert not asked()
        signal.raise_signal(signal.SIGINT)
        assert asked()
        signal.raise_signal(signal.SIGTERM)
