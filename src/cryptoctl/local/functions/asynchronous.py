"""Asynchronous invocations: an event is kept, tried up to three times under one request id, then settled."""

from __future__ import annotations

import asyncio
import json
import logging
import time
import uuid
from typing import Any, Final

from cryptoctl.local.database import Database
from cryptoctl.local.functions.destinations import QueuedEvent, deliver
from cryptoctl.local.functions.environment import InvocationOutcome
from cryptoctl.local.functions.execution import Execution
from cryptoctl.local.functions.function import FunctionConfig, FunctionLookup, split_name
from cryptoctl.local.http import ACCOUNT, ServiceError
from cryptoctl.local.internal_client import InternalClient

logger = logging.getLogger(__name__)

SCHEMA: Final[str] = """
CREATE TABLE IF NOT EXISTS async_event (
    id INTEGER PRIMARY KEY,
    region TEXT NOT NULL,
    function TEXT NOT NULL,
    qualifier TEXT NOT NULL,
    request_id TEXT NOT NULL,
    payload TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    accepted_at REAL NOT NULL,
    next_at REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS async_event_next ON async_event (next_at);
"""
MAX_RETRIES: Final[int] = 2
MAX_AGE_S: Final[int] = 21600
THROTTLED_WAIT_S: Final[tuple[float, float]] = (1.0, 300.0)
AT_ONCE: Final[int] = 16


class AsyncQueue:
    """Lambda's internal queue, in the engine's database: what it accepted outlives the engine."""

    def __init__(
        self,
        database: Database,
        functions: FunctionLookup,
        execution: Execution,
        client: InternalClient,
        retry_delays_s: tuple[float, ...],
    ) -> None:
        database.define(SCHEMA)
        self._database = database
        self._functions = functions
        self._execution = execution
        self._client = client
        self._retry_delays_s = retry_delays_s
        self._wake = asyncio.Event()
        self._running: dict[int, asyncio.Task[None]] = {}
        self._throttled: dict[int, int] = {}

    def put(self, region: str, function: str, qualifier: str, request_id: str, payload: str) -> None:
        """Keeps an event until the function of this name has run, or failed for good."""
        now = time.time()
        self._database.execute(
            "INSERT INTO async_event (region, function, qualifier, request_id, payload, accepted_at, next_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            *(region, function, qualifier, request_id, payload, now, now),
        )
        self._wake.set()

    def take_from_topic(self, function_arn: str, event: str) -> None:
        """Keeps what a topic sends to a function: SNS invokes its subscribers asynchronously."""
        name, qualifier = split_name(function_arn)
        _, _, _, region, account, *_ = function_arn.split(":")
        if account == ACCOUNT:  # those of others are not here
            self.put(region, name, qualifier, str(uuid.uuid4()), event)

    async def work(self) -> None:
        """Runs what is due, for as long as the engine lives."""
        while True:
            self._wake.clear()
            pause = self._begin_due()
            try:
                async with asyncio.timeout(pause):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def close(self, within_s: float) -> None:
        """Gives what runs this long, then cuts it off, once `work` has ended.

        That is no attempt: these events run again when the engine does.
        """
        if not self._running:
            return
        _, pending = await asyncio.wait(self._running.values(), timeout=within_s)
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)

    def _begin_due(self) -> float | None:
        """Starts what is due; how long until something else will be, or None where nothing waits."""
        now = time.time()
        rows = self._database.execute(
            f"SELECT {', '.join(QueuedEvent._fields)}, next_at FROM async_event ORDER BY next_at LIMIT 200"  # noqa: S608
        )
        for *columns, next_at in rows.fetchall():
            event = QueuedEvent(*columns)
            if event.id in self._running:
                continue
            if next_at > now:
                return float(next_at - now)
            if len(self._running) >= AT_ONCE:
                return None
            self._running[event.id] = asyncio.create_task(self._try(event))
        return None

    async def _try(self, event: QueuedEvent) -> None:
        try:
            await self._attempt(event)
        except Exception:
            logger.exception("asynchronous invocation %s of %s", event.request_id, event.function)
            self._retry_later(event, 5.0)
        finally:
            del self._running[event.id]
            self._wake.set()

    async def _attempt(self, event: QueuedEvent) -> None:
        try:
            function = await self._functions.find(event.region, event.function, event.qualifier)
        except ServiceError as error:
            if error.code != "ResourceNotFoundException":
                raise
            # The function was deleted: Lambda drops what still waits for it.
            self._drop(event)
            return
        settings = await self._settings(event, function)
        outcome: InvocationOutcome | None = None
        if event.accepted_at < time.time() - settings["MaximumEventAgeInSeconds"]:
            condition = "EventAgeExceeded"
        else:
            try:
                outcome = await self._execution.run(
                    function, event.request_id, event.payload, event.qualifier
                )
            except ServiceError as error:
                if error.code != "TooManyRequestsException":
                    raise
                # Throttled: it waits, longer each time, and this is no attempt.
                throttles = self._throttled[event.id] = self._throttled.get(event.id, -1) + 1
                self._retry_later(event, min(THROTTLED_WAIT_S[0] * 2.0**throttles, THROTTLED_WAIT_S[1]))
                return
            event = event._replace(attempts=event.attempts + 1)
            if outcome.error and event.attempts <= settings["MaximumRetryAttempts"]:
                self._retry_later(event, self._retry_delays_s[event.attempts - 1])
                return
            condition = "RetriesExhausted" if outcome.error else "Success"
        destinations = settings.get("DestinationConfig") or {}
        await deliver(self._client, event, function, condition, outcome, destinations)
        self._drop(event)

    async def _settings(self, event: QueuedEvent, function: FunctionConfig) -> dict[str, Any]:
        settings: dict[str, Any] = {}
        path = f"/2019-09-25/functions/{function.name}/event-invoke-config"
        query = f"Qualifier={event.qualifier}" if event.qualifier else ""
        try:
            settings = json.loads((await self._client.rest("GET", path, event.region, query=query)).body)
        except ServiceError as error:
            if error.code != "ResourceNotFoundException":
                raise
        retries, age = settings.get("MaximumRetryAttempts"), settings.get("MaximumEventAgeInSeconds")
        settings["MaximumRetryAttempts"] = MAX_RETRIES if retries is None else retries
        settings["MaximumEventAgeInSeconds"] = MAX_AGE_S if age is None else age
        return settings

    def _drop(self, event: QueuedEvent) -> None:
        self._database.execute("DELETE FROM async_event WHERE id = ?", event.id)
        self._throttled.pop(event.id, None)

    def _retry_later(self, event: QueuedEvent, after_s: float) -> None:
        sql = "UPDATE async_event SET attempts = ?, next_at = ? WHERE id = ?"
        self._database.execute(sql, event.attempts, time.time() + after_s, event.id)
