"""Runs every enabled mapping in a task of its own, so that none waits for another."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Final

from cryptoctl.local.internal_client import InternalClient
from cryptoctl.local.mappings.mapping import EventSourceMapping, MappingStore
from cryptoctl.local.mappings.reader import StreamReader
from cryptoctl.local.mappings.worker import MappingWorker, NoteAge

CLOSES_WITHIN_S: Final[float] = 3.0


class MappingRunner:
    """The workers of all mappings."""

    def __init__(self, client: InternalClient, store: MappingStore, note_age: NoteAge) -> None:
        self._client = client
        self._note_age = note_age
        self._store = store
        self._workers: dict[str, tuple[MappingWorker, asyncio.Task[None]]] = {}
        self._ending: dict[str, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Takes up every mapping where it was left."""
        for mapping in self._store.all():
            await self.restart(mapping)

    async def restart(self, mapping: EventSourceMapping) -> None:
        """Takes up a mapping that is new or changed, after the invocation it is in the middle of."""
        previous = self.stop(mapping.uuid)
        if mapping.position is None:
            # Where LATEST is, is decided now: what is written from here on must not be missed.
            mapping.position = await StreamReader(self._client, mapping).first_position()
            self._store.save(mapping)
        if mapping.enabled:
            worker = MappingWorker(mapping, self._store, self._client, self._note_age)
            self._workers[mapping.uuid] = (worker, self._begin(_run_after(previous, worker)))
        elif previous is not None:
            # Nothing runs after it; a mapping that is enabled before it ends still has to wait for it.
            self._ending[mapping.uuid] = previous

    def stop(self, uuid: str) -> asyncio.Task[None] | None:
        """Asks a mapping's worker to end; the task that ends with it, where there is one."""
        ending = self._ending.pop(uuid, None)
        worker, task = self._workers.pop(uuid, (None, None))
        if worker is not None:
            worker.stop()
        return task or ending

    async def close(self) -> None:
        """Lets go of every mapping, and of invocations that do not end soon."""
        for uuid in list(self._workers):
            self.stop(uuid)
        if self._tasks:
            _, pending = await asyncio.wait(self._tasks, timeout=CLOSES_WITHIN_S)
            for task in pending:
                task.cancel()

    def _begin(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def records_written(self, stream_arn: str) -> None:
        """Wakes the mappings of a stream; they look for themselves now and then as well."""
        for worker, _ in self._workers.values():
            if worker.mapping.settings["EventSourceArn"] == stream_arn:
                worker.wake()


async def _run_after(previous: asyncio.Task[None] | None, worker: MappingWorker) -> None:
    """Two workers of a mapping at once would deliver out of order."""
    if previous is not None:
        await asyncio.wait([previous])
    await worker.run()
