"""One mapping at work: reads, filters, gathers batches, delivers each until it is done or given up."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cached_property
from typing import Any, Final

from cryptoctl.local.http import ServiceError
from cryptoctl.local.internal_client import InternalClient
from cryptoctl.local.mappings.batches import Batch, BatchResult, FailureRules, Record, decide, split_aged
from cryptoctl.local.mappings.delivery import invoke, report_failure
from cryptoctl.local.mappings.filters import parse_filters, record_matches
from cryptoctl.local.mappings.mapping import EventSourceMapping, MappingStore
from cryptoctl.local.mappings.reader import StreamReader

logger = logging.getLogger(__name__)

POLL_EVERY_S: Final[float] = 1.0
"""How often a mapping looks by itself; the engine wakes it when something was written."""
MAX_BYTES: Final[int] = 6_000_000
NoteAge = Callable[[str, str, float], None]
"""Takes the age of the last record of a finished batch: region, function, milliseconds."""
FIRST_PAUSE_S: Final[float] = 0.1
MAX_PAUSE_S: Final[float] = 30.0
MAX_DOUBLINGS: Final[int] = 9  # more than MAX_PAUSE_S; a batch may fail for days


class MappingWorker:
    """Delivers the records of one mapping, in order."""

    def __init__(
        self, mapping: EventSourceMapping, store: MappingStore, client: InternalClient, note_age: NoteAge
    ) -> None:
        self.mapping = mapping
        self._store = store
        self._client = client
        self._note_age = note_age
        self._begin_at_position()
        self._rules = FailureRules(
            retries=mapping.settings["MaximumRetryAttempts"],
            bisect=mapping.settings["BisectBatchOnFunctionError"],
            reports_failures="ReportBatchItemFailures" in mapping.settings["FunctionResponseTypes"],
        )
        self._stopping = asyncio.Event()
        self._woken = asyncio.Event()

    @cached_property
    def _filters(self) -> list[dict[str, Any]]:
        """Read at the first record, so that one that cannot be read is this mapping's problem alone."""
        return parse_filters(self.mapping.settings.get("FilterCriteria"))

    def stop(self) -> None:
        """Asks the worker to end after the invocation it is in."""
        self._stopping.set()
        self._woken.set()

    def wake(self) -> None:
        """Says that there may be something to read."""
        self._woken.set()

    async def run(self) -> None:
        """Works until told to stop."""
        while not self._stopping.is_set():
            try:
                await self._one_batch()
            except ServiceError as error:
                self.mapping.last_result = f"PROBLEM: {error.message}"
                await self._pause(POLL_EVERY_S)
            except Exception as error:
                logger.exception("mapping %s", self.mapping.uuid)
                self.mapping.last_result = f"PROBLEM: {error}"
                self._begin_at_position()
                await self._pause(POLL_EVERY_S)

    def _begin_at_position(self) -> None:
        """Reads again what was read but not finished."""
        self._reader = StreamReader(self._client, self.mapping)
        self._pending: list[Record] = []
        self._last_read: Record | None = None
        self._newest_wanted: Record | None = None

    async def _one_batch(self) -> None:
        await self._gather()
        if self._stopping.is_set() or not self._pending:
            return
        batch = self._take_batch()
        self._pending = self._pending[len(batch) :]
        await self._deliver(Batch(records=batch))

    async def _gather(self) -> None:
        """Reads until a batch is full, or its window is over since its first record came."""
        settings = self.mapping.settings
        size, window_s = settings["BatchSize"], settings["MaximumBatchingWindowInSeconds"]
        closes_at = time.monotonic() + window_s if self._pending else None
        while len(self._pending) < size and not self._stopping.is_set():
            self._woken.clear()
            read = await self._reader.read()
            self._take(read)
            if self._pending and closes_at is None:
                closes_at = time.monotonic() + window_s
            if read:
                continue
            left_s = POLL_EVERY_S if closes_at is None else closes_at - time.monotonic()
            if left_s <= 0:
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(min(left_s, POLL_EVERY_S)):
                    await self._woken.wait()

    def _take(self, records: list[Record]) -> None:
        if not records:
            return
        self._last_read = records[-1]
        matching_records = [record for record in records if record_matches(record, self._filters)]
        self._pending.extend(matching_records)
        self._newest_wanted = matching_records[-1] if matching_records else self._newest_wanted
        if not self._pending:
            self._store.advance(self.mapping, self._reader.position_after(self._last_read))

    def _take_batch(self) -> tuple[Record, ...]:
        """As many of the pending records as one invocation may have."""
        batch: list[Record] = []
        remaining_bytes = MAX_BYTES
        for record in self._pending[: self.mapping.settings["BatchSize"]]:
            remaining_bytes -= len(json.dumps(record))
            if batch and remaining_bytes < 0:
                break
            batch.append(record)
        return tuple(batch)

    async def _deliver(self, first: Batch) -> None:
        """Delivers a batch and what it is split into, in order; the position follows what is finished."""
        batches = [first]
        while batches:
            batch = await self._without_aged(batches.pop(0))
            if not batch.records:
                continue
            batch_result = await self._invoke(batch)
            if self._stopping.is_set() and batch_result is None:
                return
            if batch_result is None:
                batches.insert(0, batch)
                continue
            decision = decide(batch, batch_result, self._rules)
            result = "PROBLEM: Function call failed" if decision.to_retry or decision.given_up else "OK"
            self._finish(batch.records[: decision.done], result)
            if decision.given_up:
                await self._give_up(decision.given_up, "RetryAttemptsExhausted", batch_result)
            batches[:0] = decision.to_retry
            if decision.to_retry and decision.to_retry[0].failures:
                await self._pause(pause_s(decision.to_retry[0].failures))
            if self._stopping.is_set() and batches:
                return

    async def _invoke(self, batch: Batch) -> BatchResult | None:
        """The function's answer; None, after a pause, where it could not be invoked: that is no try."""
        try:
            return await invoke(self._client, self.mapping, batch.records)
        except ServiceError as error:
            throttled = error.code == "TooManyRequestsException"
            self.mapping.last_result = (
                "PROBLEM: Function is throttled" if throttled else f"PROBLEM: {error.message}"
            )
            await self._pause(FIRST_PAUSE_S if throttled else POLL_EVERY_S)
            return None

    async def _without_aged(self, batch: Batch) -> Batch:
        """The batch without the records that are too old to be delivered; those are given up."""
        oldest_s = self.mapping.settings["MaximumRecordAgeInSeconds"]
        if oldest_s < 0:
            return batch
        aged, remaining = split_aged(batch, time.time() - oldest_s)
        if aged.records:
            await self._give_up(aged, "RecordAgeExceeded", None)
        return remaining

    async def _give_up(self, batch: Batch, condition: str, batch_result: BatchResult | None) -> None:
        await report_failure(self._client, self.mapping, batch, self._reader.shard, condition, batch_result)
        self._finish(batch.records, "PROBLEM: Function call failed")

    def _finish(self, records: tuple[Record, ...], result: str) -> None:
        if not records:
            self.mapping.last_result = result
            return
        age_s = time.time() - records[-1]["dynamodb"]["ApproximateCreationDateTime"]
        self._note_age(self.mapping.region, self.mapping.function_name, max(0.0, age_s * 1000))
        # Records behind the last one that were read but not wanted are done with as well.
        newest_wanted = not self._pending and records[-1] is self._newest_wanted
        last = self._last_read if newest_wanted and self._last_read else records[-1]
        self._store.advance(self.mapping, self._reader.position_after(last), result)

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()


def pause_s(failures: int) -> float:
    """Seconds until a batch that has failed so often (1 at least) is tried again."""
    return min(FIRST_PAUSE_S * 2.0 ** min(failures - 1, MAX_DOUBLINGS), MAX_PAUSE_S)
