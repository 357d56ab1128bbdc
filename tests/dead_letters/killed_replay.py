"""A replay that ends itself with SIGKILL at its n-th step: a call to AWS, or a word in the journal.

Run as a program: ENVIRONMENT JOURNAL STEP before|after. The step is its number, or the name of the first
operation of that kind, or "enricher received". With step 0 it runs through and prints how many there were.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cryptoctl.aws import Aws
from cryptoctl.ops.dead_letters import receiving, replay
from cryptoctl.ops.dead_letters.journal import Journal
from cryptoctl.ops.dead_letters.queues import dead_letter_queues
from cryptoctl.ops.dead_letters.replay import Replay
from cryptoctl.ops.dead_letters.replayer import Replayer
from cryptoctl.ops.dead_letters.results import ReplayOptions
from cryptoctl.session import Session, SessionOptions
from cryptoctl.settings import Target

JOURNALLED = (
    *("add", "begin", "mark", "mark_replayed", "drop"),
    *("set_extension_time", "mark_failed", "resume_done"),
)


class Steps:
    """Counts the steps, and ends the process at one of them."""

    def __init__(self, last: str, when: str) -> None:
        self.count, self._last, self._when = 0, last, when
        self._lock = threading.Lock()

    def counted(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function as a step."""

        def step(*arguments: Any, **named: Any) -> Any:
            with self._lock:
                self.count += 1
                last = self._last in (str(self.count), *arguments)
            if last and self._when == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            answer = function(*arguments, **named)
            if last or (self._last == "enricher received" and _received(answer, named)):
                os.kill(os.getpid(), signal.SIGKILL)
            return answer

        return step


def shorten_the_first_timeout(patch: Callable[[Any, str, int], None]) -> None:
    """What is received and lost comes back after 4 s instead of 30; a test need not wait longer."""
    for module in (receiving, replay):
        patch(module, "FIRST_VISIBILITY_S", 4)


def _received(answer: Any, named: dict[str, Any]) -> bool:
    return "price-enricher" in str(named.get("QueueUrl")) and bool(answer) and bool(answer.get("Messages"))


def main(environment: str, journal_file: str, last: str, when: str) -> None:
    """Replays everything, as far as it comes."""
    session = Session(SessionOptions(environment=environment, target=Target.LOCAL))
    aws, stack = session.aws, session.stack
    queues = dead_letter_queues(aws, stack)
    steps = Steps(last, when)
    shorten_the_first_timeout(lambda owner, name, value: setattr(owner, name, value))
    for owner, names in ((Aws, ("call",)), (Journal, JOURNALLED)):
        for name in names:
            setattr(owner, name, steps.counted(getattr(owner, name)))
    with Journal(Path(journal_file)) as journal:
        Replay(Replayer(aws=aws, stack=stack), queues, journal, ReplayOptions()).run()
    sys.stdout.write(f"{steps.count}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
