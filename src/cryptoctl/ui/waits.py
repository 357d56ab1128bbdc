"""A command that waits says for what: on a terminal while it waits, elsewhere once it has waited a moment."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.text import Text

from cryptoctl.reconcile.retry import Clock, Wait
from cryptoctl.ui.screen import Screen, printable
from cryptoctl.ui.terminal import spinner

TOLD_AFTER_S = 1.0


@contextmanager
def waiting(screen: Screen, clock: Clock) -> Iterator[Callable[[Wait], None]]:
    """Gives the function that a `Retry` tells its waits to."""
    began_s, waits, shown_reasons = clock.now_s(), list[Wait](), set[str]()

    def on_wait(wait: Wait) -> None:
        waits[:] = [wait]
        if not screen.can_draw and wait.waited_s >= TOLD_AFTER_S and wait.reason not in shown_reasons:
            shown_reasons.add(wait.reason)
            screen.say(_sentence(wait))

    def render() -> Text:
        seconds = clock.now_s() - began_s
        return Text(f"{spinner(seconds)} {_sentence(waits[0])} {seconds:.0f} s" if waits else "")

    with screen.drawn(render):
        yield on_wait


def _sentence(wait: Wait) -> str:
    limit = "" if wait.timeout_s is None else f" ({wait.timeout_s:.0f} s at most)"
    return printable(f"Waiting for {wait.reason}{limit} …")
