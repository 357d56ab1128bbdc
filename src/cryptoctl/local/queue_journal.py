"""Messages that queues have taken and ministack has not saved yet: kept in the engine's own database.

A dead letter is worth no less than the item that it is about, and the position of a stream moves on once its
dead letter is sent.
"""

from __future__ import annotations

import logging
import math
from typing import Final

from cryptoctl.local.database import Database
from cryptoctl.local.http import Forward, HttpRequest, HttpResponse, error_of
from cryptoctl.local.internal_client import json_request
from cryptoctl.local.queue_checks import SEND_BATCH

logger = logging.getLogger(__name__)

SCHEMA: Final[str] = """
CREATE TABLE IF NOT EXISTS unsaved_message (
    id INTEGER PRIMARY KEY,
    region TEXT NOT NULL,
    operation TEXT NOT NULL,
    parameters TEXT NOT NULL
);
"""
SEND: Final[str] = "AmazonSQS.SendMessage"


class QueueJournal:
    """A service: ministack answers what sends messages; they are kept here until it has saved them."""

    def __init__(self, forward: Forward, database: Database) -> None:
        database.define(SCHEMA)
        self._forward = forward
        self._database = database
        self._under_way: set[int] = set()

    async def handle(self, request: HttpRequest) -> HttpResponse | None:
        """The answer to a request that sends messages, else None."""
        return await self.send(request) if request.target in (SEND, SEND_BATCH) else None

    async def send(self, request: HttpRequest) -> HttpResponse:
        """ministack's answer to a request that sends messages.

        They are kept first: where they cannot be, no queue has taken what its sender will send again.
        """
        sql = "INSERT INTO unsaved_message (region, operation, parameters) VALUES (?, ?, ?) RETURNING id"
        operation = request.target.partition(".")[2]
        rows = self._database.execute(sql, request.region, operation, request.body.decode("utf-8"))
        ((number,),) = rows.fetchall()
        self._under_way.add(number)
        accepted = False
        try:
            response = await self._forward(request)
            accepted = response.status < 300
            return response
        finally:
            self._under_way.remove(number)
            if not accepted:
                self._database.execute("DELETE FROM unsaved_message WHERE id = ?", number)

    def on_saved(self) -> None:
        """Told that ministack's queues are on disk as they are now."""
        first_under_way = min(self._under_way, default=math.inf)
        self._database.execute("DELETE FROM unsaved_message WHERE id < ?", first_under_way)

    async def send_again(self) -> None:
        """Gives ministack what an engine that was killed had not saved; what it had just saved comes twice.

        It stays here until it is saved, as it would have then.
        """
        rows = self._database.execute("SELECT region, operation, parameters FROM unsaved_message ORDER BY id")
        for region, operation, parameters in rows.fetchall():
            response = await self._forward(json_request("sqs", operation, region, parameters.encode()))
            if response.status >= 300:  # its queue is no more
                logger.warning("a message of before the engine was killed: %s", error_of(response))
