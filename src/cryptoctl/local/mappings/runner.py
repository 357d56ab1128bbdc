"""Runs every enabled mapping in a task of its own, so that none waits for another."""

from __future__ import annotations

import asyncio
import logging

from cryptoctl.local.inside import Inside
from cryptoctl.local.mappings.delivery import Delivery
from cryptoctl.local.mappings.mapping import Mapping, MappingStore
from cryptoctl.local.mappings.reader import Reader
from cryptoctl.local.mappings.worker import Worker

logger = logging.getLogger(__name__)


class Runner:
    """The workers of all mappings."""

    def __init__(self, inside: Inside, store: MappingStore) -> None:
        self._inside = inside
        self._store = store
        self._workers: dict[str, tuple[Worker, asyncio.Task[None]]] = {}

    async def start(self) -> None:
        """Takes up every mapping where it was left."""
        for mapping in self._store.all():
            await self.restart(mapping)

    async def restart(self, mapping: Mapping) -> None:
        """Takes up a mapping that is new or changed; its running batch is finished first."""
        await self.stop(mapping.uuid)
        if mapping.position is None:
            # Where LATEST is, is decided now: what is written from here on must not be missed.
            mapping.position = await Reader(self._inside, mapping).first_position()
            self._store.save(mapping)
        if mapping.enabled:
            worker = Worker(mapping, self._store, self._inside, Delivery(self._inside, mapping))
            self._workers[mapping.uuid] = (worker, asyncio.create_task(worker.run()))

    async def stop(self, uuid: str) -> None:
        """Lets go of a mapping after the invocation it may be in the middle of."""
        worker, task = self._workers.pop(uuid, (None, None))
        if worker is None or task is None:
            return
        worker.stop()
        await asyncio.wait([task], timeout=5.0)
        task.cancel()

    async def close(self) -> None:
        """Lets go of every mapping."""
        await asyncio.gather(*(self.stop(uuid) for uuid in list(self._workers)))

    def records_written(self, stream_arn: str) -> None:
        """Wakes the mappings of a stream; they look for themselves now and then as well."""
        for worker, _ in self._workers.values():
            if worker.mapping.settings["EventSourceArn"] == stream_arn:
                worker.wake()
