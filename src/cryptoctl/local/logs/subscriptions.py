"""Delivers matching log events to the functions subscribed to a group."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import logging
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from cryptoctl.local.functions.destinations import send_to_target
from cryptoctl.local.functions.invocations import MAX_BYTES_ASYNC
from cryptoctl.local.http import ACCOUNT, ServiceError
from cryptoctl.local.internal_client import InternalClient
from cryptoctl.local.logs.api import event_id
from cryptoctl.local.logs.patterns import Matcher, PatternError, compile_pattern
from cryptoctl.local.logs.store import LogEvent
from cryptoctl.local.supervision import work_in_batches

logger = logging.getLogger(__name__)

GATHER_S: Final[float] = 0.05
"""Events that come this close together are delivered in one invocation."""
COMPRESSED_AT_ONCE: Final[int] = 4 * 2**20
"""Characters. Compressing more would hold up everything else."""

StreamKey = tuple[str, str, str]
"""Region, group and stream."""


@dataclass(frozen=True)
class Subscription:
    """A subscription filter, ready to be asked."""

    name: str
    destination: str
    matches: Matcher


class Subscriptions:
    """Takes every new event, and delivers those that some filter asks for."""

    def __init__(self, client: InternalClient) -> None:
        self._client = client
        self._filters: dict[tuple[str, str], list[Subscription]] = {}
        self._waiting: dict[StreamKey, list[LogEvent]] = defaultdict(list)
        self._wake = asyncio.Event()

    def forget(self) -> None:
        """Called when filters may have changed."""
        self._filters.clear()

    def take(self, region: str, group: str, stream: str, events: list[LogEvent]) -> None:
        """Takes new events of a stream."""
        if self._filters.get((region, group)) == []:
            return
        self._waiting[region, group, stream].extend(events)
        self._wake.set()

    async def work(self) -> None:
        """Delivers, for as long as the engine lives."""
        await work_in_batches(self._wake, GATHER_S, self.deliver)

    async def deliver(self) -> None:
        """Delivers what waits. Where this is cancelled, what was not delivered whole goes on waiting.

        What one stream's delivery raises is raised when the others have had theirs; it would fail again.
        """
        errors: list[Exception] = []
        for stream_key in list(self._waiting):
            count = len(self._waiting[stream_key])
            try:
                await self._deliver_all(stream_key, self._waiting[stream_key][:count])
            except Exception as error:
                errors.append(error)
            self._drop_delivered(stream_key, count)
        if errors:
            raise errors[0]

    def _drop_delivered(self, stream_key: StreamKey, count: int) -> None:
        del self._waiting[stream_key][:count]
        if not self._waiting[stream_key]:
            del self._waiting[stream_key]

    async def _deliver_all(self, stream_key: StreamKey, events: list[LogEvent]) -> None:
        region, group, stream = stream_key
        for subscription in await self._filters_of(region, group):
            await self._deliver(group, stream, subscription, events)

    async def _filters_of(self, region: str, group: str) -> list[Subscription]:
        if (region, group) not in self._filters:
            try:
                response = await self._client.json(
                    "logs", "DescribeSubscriptionFilters", region, logGroupName=group
                )
            except ServiceError:
                response = {}
            self._filters[region, group] = [
                _filter(subscription_filter)
                for subscription_filter in response.get("subscriptionFilters", [])
            ]
        return self._filters[region, group]

    async def _deliver(
        self, group: str, stream: str, subscription: Subscription, events: list[LogEvent]
    ) -> None:
        matching_events = [event for event in events if subscription.matches(event.message)]
        for text in payloads(group, stream, subscription.name, matching_events):
            try:
                await send_to_target(self._client, subscription.destination, text)
            except ServiceError as error:
                logger.warning(
                    "log events of %s cannot be delivered to %s: %s", group, subscription.destination, error
                )


def _filter(description: dict[str, Any]) -> Subscription:
    try:
        matches = compile_pattern(description.get("filterPattern") or "")
    except PatternError:
        matches = _never
    return Subscription(description["filterName"], description["destinationArn"], matches)


def _never(_message: str) -> bool:
    return False


def payloads(group: str, stream: str, filter_name: str, events: list[LogEvent]) -> Iterator[str]:
    """What the subscribed function gets, in as many invocations as it takes for each to be small enough."""
    if not events:
        return
    alone = len(events) == 1
    if alone or sum(len(event.message) for event in events) <= COMPRESSED_AT_ONCE:
        text = json.dumps(payload(group, stream, filter_name, events))
        if alone or len(text) <= MAX_BYTES_ASYNC:
            yield text
            return
    middle = len(events) // 2
    yield from payloads(group, stream, filter_name, events[:middle])
    yield from payloads(group, stream, filter_name, events[middle:])


def payload(group: str, stream: str, filter_name: str, events: list[LogEvent]) -> dict[str, Any]:
    """What the subscribed function gets: the events, gzipped, in base64."""
    content = {
        "messageType": "DATA_MESSAGE",
        "owner": ACCOUNT,
        "logGroup": group,
        "logStream": stream,
        "subscriptionFilters": [filter_name],
        "logEvents": [
            {"id": event_id(event), "timestamp": event.timestamp_ms, "message": event.message}
            for event in events
        ],
    }
    return {"awslogs": {"data": base64.b64encode(gzip.compress(json.dumps(content).encode())).decode()}}
