"""Puts the engine together: ministack client, our parts in front of it, and the work that goes on beside."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, Final

from cryptoctl.local.access import Access
from cryptoctl.local.data_directory import DataDirectory
from cryptoctl.local.durability import Durability, open_database
from cryptoctl.local.functions.asynchronous import AsyncQueue
from cryptoctl.local.functions.execution import Execution
from cryptoctl.local.functions.function import FunctionLookup
from cryptoctl.local.functions.invocations import Invocations
from cryptoctl.local.functions.metrics import Metrics
from cryptoctl.local.functions.redirect import Redirect
from cryptoctl.local.internal_client import InternalClient
from cryptoctl.local.key_pairs import KeyPairs
from cryptoctl.local.logs.api import LogsApi
from cryptoctl.local.logs.store import LogStore
from cryptoctl.local.logs.subscriptions import Subscriptions
from cryptoctl.local.mappings.api import MappingsApi
from cryptoctl.local.mappings.mapping import MappingStore
from cryptoctl.local.mappings.runner import MappingRunner
from cryptoctl.local.middleware import App, Middleware
from cryptoctl.local.ministack_adapter import saved_regions
from cryptoctl.local.options import EngineOptions
from cryptoctl.local.reconcile import reconcile
from cryptoctl.local.request_checks import RequestChecks
from cryptoctl.local.tables.api import TablesApi
from cryptoctl.local.tables.store import TableStore
from cryptoctl.local.tables.streams import StreamsApi

HOUSEKEEPING_S: Final[float] = 60.0


class EngineApp:
    """Everything that makes the engine, and its beginning and end."""

    def __init__(self, inner: App, data: DataDirectory, port: int, options: EngineOptions) -> None:
        self._database, self.notes = open_database(data.store_file)
        self._durability = Durability(options.save_every_s)
        access = Access(port, KeyPairs(data.key_file))
        self.middleware = middleware = Middleware(inner, access)
        middleware.on_passed = self._durability.passed
        self._client = client = InternalClient(middleware)
        self._state = data.state
        endpoint = f"http://127.0.0.1:{port}"
        self._logs = LogStore(self._database)
        self._execution = Execution(
            _function_variables(endpoint, access), self._logs.write_line, options.idle_environment_s
        )
        functions = FunctionLookup(client, _directory(data.scratch / "code"))
        self._queue = AsyncQueue(
            self._database, functions, self._execution, client, options.async_retry_delays_s
        )
        self._subscriptions = Subscriptions(client)
        self._logs.on_events = self._subscriptions.take
        self._tables = tables = TableStore(self._database)
        mappings = MappingStore(self._database)
        self._runner = MappingRunner(client, mappings, self._execution.note_iterator_age)
        tables.on_records = self._runner.records_written
        self._streams = StreamsApi(tables)
        redirect = Redirect(self._database, access.run_url)
        middleware.services = (
            RequestChecks(client),
            TablesApi(middleware.inner, tables),
            self._streams,
            LogsApi(middleware.inner, self._logs, self._subscriptions.forget),
            MappingsApi(middleware.inner, client, mappings, functions, self._runner),
            Invocations(
                middleware.inner,
                functions,
                self._execution,
                self._queue,
                redirect,
            ),
        )
        self._metrics = Metrics(client, self._execution.counts)
        self._work: list[asyncio.Task[Any]] = []

    async def start(self, *, after_damage: bool) -> None:
        """Takes up the work that goes on beside the requests."""
        if after_damage:
            await reconcile(self._client, self._tables, self._logs, saved_regions(self._state))
        for work in (
            self._queue.work(),
            self._subscriptions.work(),
            self._durability.work(),
            self._metrics.work(),
            self._keep_house(),
        ):
            self._begin(work)
        await self._runner.start()

    async def stop(self) -> None:
        """Ends all work, and every process that was started for it."""
        await self._runner.close()
        for task in self._work:
            task.cancel()
        await asyncio.gather(*self._work, return_exceptions=True)
        self._execution.close()
        self._database.close()

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        self._work.append(asyncio.create_task(work))

    async def _keep_house(self) -> None:
        while True:
            await asyncio.sleep(HOUSEKEEPING_S)
            self._execution.retire_idle()
            self._logs.prune()
            self._streams.prune()


def _function_variables(endpoint: str, access: Access) -> dict[str, str]:
    """What handlers reach AWS with: the endpoint, and temporary credentials that end with this process."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": access.function_keys.access_key,
        "AWS_SECRET_ACCESS_KEY": access.function_keys.secret_key,
        "AWS_SESSION_TOKEN": access.function_token,
    }


def _directory(path: Path) -> Path:
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path
