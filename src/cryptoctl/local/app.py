"""Puts the engine together: ministack, the services in front of it, and the background work."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from cryptoctl.local import key_checks, queue_checks, request_checks, topic_checks
from cryptoctl.local.access import AccessCheck
from cryptoctl.local.access_keys import AccessKeys
from cryptoctl.local.checks import Checks
from cryptoctl.local.data_directory import DataDirectory
from cryptoctl.local.durability import Durability, open_database
from cryptoctl.local.functions.asynchronous import AsyncQueue
from cryptoctl.local.functions.execution import Execution
from cryptoctl.local.functions.function import FunctionLookup
from cryptoctl.local.functions.invocations import Invocations, Redirect
from cryptoctl.local.functions.urls import FunctionUrlConfigs, FunctionUrls
from cryptoctl.local.internal_client import InternalClient
from cryptoctl.local.logs.api import LogsApi
from cryptoctl.local.logs.store import LogStore
from cryptoctl.local.logs.subscriptions import Subscriptions
from cryptoctl.local.mappings.api import MappingsApi
from cryptoctl.local.mappings.mapping import MappingStore
from cryptoctl.local.mappings.runner import CLOSES_WITHIN_S, MappingRunner
from cryptoctl.local.metrics.alarms import Alarms
from cryptoctl.local.metrics.dashboards import Dashboards
from cryptoctl.local.metrics.embedded import EmbeddedMetrics
from cryptoctl.local.metrics.functions import FunctionMetrics
from cryptoctl.local.metrics.queues import QueueMetrics
from cryptoctl.local.middleware import App, Middleware
from cryptoctl.local.ministack_adapter import extend_tag_index, patch_topics
from cryptoctl.local.ministack_state import saved_regions
from cryptoctl.local.options import EngineOptions
from cryptoctl.local.outbox_service import Outbox
from cryptoctl.local.parameters import Parameters
from cryptoctl.local.queue_checks import MessageBatches, OldReceipts
from cryptoctl.local.queue_journal import QueueJournal
from cryptoctl.local.recovery import recover
from cryptoctl.local.regions import Regions
from cryptoctl.local.supervision import Supervisor
from cryptoctl.local.tables.api import TablesApi
from cryptoctl.local.tables.store import TableStore
from cryptoctl.local.tables.streams import StreamsApi

logger = logging.getLogger(__name__)

ALARMS_EVERY_S: Final[float] = 5.0
FUNCTION_METRICS_EVERY_S: Final[float] = 5.0
QUEUE_METRICS_EVERY_S: Final[float] = 15.0
MEMORY_EVERY_S: Final[float] = 0.1
HOUSEKEEPING_EVERY_S: Final[float] = 60.0


class EngineApp:
    """Everything that makes the engine, and its beginning and end."""

    def __init__(self, app: App, data: DataDirectory, port: int, options: EngineOptions) -> None:
        self._database, self.notes = open_database(data.store_file)
        access = AccessCheck(port, AccessKeys(data.key_file))
        self.status_path = access.status_path
        self.middleware = middleware = Middleware(app, access)
        self._journal = journal = QueueJournal(middleware.forward, self._database)
        self._durability = Durability(options.save_every_s, data.state, journal.on_saved)
        regions = Regions(self._database)
        middleware.on_forwarded = (self._durability.on_forwarded, regions.on_forwarded)
        self._client = client = InternalClient(middleware)
        endpoint = f"http://127.0.0.1:{port}"
        self._logs = LogStore(self._database)
        self._execution = Execution(
            _function_variables(endpoint, access),
            (port, *options.function_ports),
            self._logs.write_lines,
            options.idle_environment_s,
        )
        functions = FunctionLookup(client, data.code)
        self._queue = AsyncQueue(
            self._database, functions, self._execution, client, options.async_retry_delays_s
        )
        self._subscriptions = Subscriptions(client)
        self._embedded = EmbeddedMetrics(client)
        self._logs.on_events = (self._subscriptions.take, self._embedded.take)
        self._tables = tables = TableStore(self._database)
        mappings = MappingStore(self._database)
        extend_tag_index(mappings.tags)
        self._runner = MappingRunner(client, mappings, self._execution.note_iterator_age)
        tables.on_records = self._runner.records_written
        self._streams = StreamsApi(tables)
        redirect = Redirect(self._database, access.run_url)
        outbox = Outbox(middleware.forward, self._database, client)
        self._alarms = Alarms(middleware.forward, client, regions, outbox.alarm)
        by_operation = (request_checks, key_checks, topic_checks, queue_checks)
        checks = {name: check for module in by_operation for name, check in module.CHECKS.items()}
        middleware.services = (
            # These first, so that nothing is changed before the checks.
            Checks(client, checks, request_checks.PATH_CHECKS),
            MessageBatches(journal.send),
            OldReceipts(middleware.forward),
            journal,
            outbox,
            self._alarms,
            Dashboards(middleware.forward, self._database, client),
            TablesApi(middleware.forward, tables),
            self._streams,
            LogsApi(middleware.forward, self._logs, self._subscriptions.forget),
            MappingsApi(middleware.forward, client, mappings, functions, self._runner),
            FunctionUrlConfigs(middleware.forward, port),
            Parameters(middleware.forward, client),
            Invocations(middleware.forward, functions, self._execution, self._queue, redirect),
        )
        middleware.handle_url = FunctionUrls(functions, self._execution, port).handle
        self._metrics = FunctionMetrics(client, self._execution)
        self._queue_metrics = QueueMetrics(client, regions)
        self._data = data

    async def start(self, supervisor: Supervisor, *, after_damage: bool) -> None:
        """Takes up the work that goes on beside the requests."""
        self.middleware.problems = supervisor.problems
        patch_topics(self._queue.take_from_topic)
        if after_damage:
            await recover(self._client, self._tables, self._logs, saved_regions(self._data.state))
        await self._journal.send_again()
        supervisor.begin("running asynchronous invocations", self._queue.work)
        supervisor.begin("delivering log events", self._subscriptions.work)
        supervisor.begin("saving the state", self._durability.work)
        supervisor.begin("saving the metrics", self._durability.keep_metrics)
        supervisor.begin("writing metrics of log lines", self._embedded.work)
        supervisor.repeat("writing metrics of functions", FUNCTION_METRICS_EVERY_S, self._metrics.write)
        supervisor.repeat("writing metrics of queues", QUEUE_METRICS_EVERY_S, self._queue_metrics.write)
        supervisor.repeat("evaluating alarms", ALARMS_EVERY_S, self._alarms.evaluate_all)
        supervisor.repeat("watching memory", MEMORY_EVERY_S, self._execution.end_those_out_of_memory)
        supervisor.repeat("dropping what is old", HOUSEKEEPING_EVERY_S, self._drop_old)
        await self._runner.start()

    async def drain(self) -> None:
        """Begins no more batches and invocations, and gives those under way a moment."""
        await asyncio.gather(
            self._runner.close(), self._queue.close(CLOSES_WITHIN_S), self._execution.end(CLOSES_WITHIN_S)
        )

    async def stop(self) -> None:
        """Ends every process that was started, and puts the data away. Raises OSError where it cannot."""
        await self._runner.close()
        self._execution.close()
        for task in (self._metrics.write, self._embedded.write, self._subscriptions.deliver):
            try:
                await task()
            except Exception:  # whatever it is, the rest is to be saved
                logger.exception("what was left to do at the end")
        self._durability.save_all()
        self._database.close()

    async def _drop_old(self) -> None:
        self._execution.retire_idle()
        self._logs.prune()
        self._streams.prune()


def _function_variables(endpoint: str, access: AccessCheck) -> dict[str, str]:
    """What handlers reach AWS with: the endpoint, and temporary credentials that end with this process."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": access.function_credentials.access_key,
        "AWS_SECRET_ACCESS_KEY": access.function_credentials.secret_key,
        "AWS_SESSION_TOKEN": access.function_credentials.token,
    }
