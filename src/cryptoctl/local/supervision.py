"""Work that goes on beside the requests: begun again when it fails, and what fails is told."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final

logger = logging.getLogger(__name__)

Work = Callable[[], Coroutine[Any, Any, None]]

FIRST_PAUSE_S: Final[float] = 0.5
MAX_PAUSE_S: Final[float] = 30.0
WELL_AFTER_S: Final[float] = 10.0
"""Work that went on for this long since it failed is well again."""


async def work_in_batches(
    changed: asyncio.Event, pause_s: float, action: Callable[[], Awaitable[None]]
) -> None:
    """Does something with all that has come a while after the first of it came, again and again."""
    while True:
        await changed.wait()
        await asyncio.sleep(pause_s)
        changed.clear()
        await action()


class Supervisor:
    """Runs pieces of work without end, and knows which do not work at the moment.

    `give_up` is called with the reason where nothing can go on: a damaged database does not mend itself.
    """

    def __init__(self, give_up: Callable[[str], None]) -> None:
        self._give_up = give_up
        self._problems: dict[str, str] = {}
        self._tasks: list[asyncio.Task[None]] = []

    def begin(self, name: str, work: Work) -> None:
        """Starts a piece of work; `name` says what it does, for a person."""
        self._tasks.append(asyncio.create_task(self._keep_going(name, work), name=name))

    def repeat(self, name: str, every_s: float, action: Callable[[], Awaitable[None]]) -> None:
        """Starts work that is done again and again, for the first time after `every_s`."""

        async def work() -> None:
            while True:
                await asyncio.sleep(every_s)
                await action()

        self.begin(name, work)

    def problems(self) -> tuple[str, ...]:
        """What does not work at the moment, for a person."""
        return tuple(self._problems.values())

    async def end(self) -> None:
        """Ends all work."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _keep_going(self, name: str, work: Work) -> None:
        pause_s = FIRST_PAUSE_S
        while True:
            timer = asyncio.get_running_loop().call_later(WELL_AFTER_S, self._problems.pop, name, None)
            began = asyncio.get_running_loop().time()
            try:
                await work()
                return
            except Exception as error:
                logger.exception("%s", name)
                self._failed(name, error)
            finally:
                timer.cancel()
            if asyncio.get_running_loop().time() - began > WELL_AFTER_S:
                pause_s = FIRST_PAUSE_S
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, MAX_PAUSE_S)

    def _failed(self, name: str, error: Exception) -> None:
        problem = f"{name} fails: {error}"
        damaged = isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError)
        if damaged:
            self._give_up(problem)
        self._problems[name] = problem
