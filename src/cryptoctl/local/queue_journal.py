"""Messages that queues have taken and ministack has not saved yet: kept in the engine's own database.

A dead letter is worth no less than the item that it is about, and the position of a stream moves on once its
dead letter is sent.
"""

from __future__ import annotations

import json
import logging
from typing import Final

from cryptoctl.local.database import Database
from cryptoctl.local.http import Forward, HttpRequest, HttpResponse, ServiceError
from cryptoctl.local.internal_client import InternalClient
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

    async def handle(self, request: HttpRequest) -> HttpResponse | None:
        """The answer to a request that sends messages, else None."""
        return await self.send(request) if request.target in (SEND, SEND_BATCH) else None

    async def send(self, request: HttpRequest) -> HttpResponse:
        """ministack's answer to a request that sends messages."""
        response = await self._forward(request)
        if response.status < 300:
            sql = "INSERT INTO unsaved_message (region, operation, parameters) VALUES (?, ?, ?)"
            operation = request.target.partition(".")[2]
            self._database.execute(sql, request.region, operation, request.body.decode("utf-8"))
        return response

    def saved(self) -> None:
        """Told that ministack's queues are on disk as they are now."""
        self._database.execute("DELETE FROM unsaved_message")

    async def send_again(self, client: InternalClient) -> None:
        """Sends what an engine that was killed had not saved; what it had just saved comes twice."""
        rows = self._database.execute("SELECT * FROM unsaved_message ORDER BY id").fetchall()
        for number, region, operation, parameters in rows:
            try:
                await client.json("sqs", operation, region, **json.loads(parameters))
            except ServiceError as error:  # its queue is no more
                logger.warning("a message of before the engine was killed: %s", error)
            self._database.execute("DELETE FROM unsaved_message WHERE id = ?", number)
