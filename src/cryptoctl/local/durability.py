"""Keeps ministack's state on disk as well: at once after a change to a resource, soon after one to a message.

Items, log events, mappings and asynchronous events are in the engine's own database and need none of this;
messages are there until they are saved here.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Final

from cryptoctl.local.database import Database
from cryptoctl.local.http import HttpRequest, HttpResponse
from cryptoctl.local.ministack_state import StateFiles, state_fault

_READS: Final[tuple[str, ...]] = ("Get", "List", "Describe", "Head", "Select", "Simulate", "Lookup")
_FREQUENT: Final[tuple[str, ...]] = (
    "SendMessage",
    "ReceiveMessage",
    "DeleteMessage",
    "ChangeMessageVisibility",
    "Publish",
    "Decrypt",
    "Encrypt",
    "GenerateDataKey",
)
METRICS_EVERY_S: Final[float] = 60.0


class Durability:
    """Watches what passes to ministack and saves its state after what may have changed it."""

    def __init__(self, save_every_s: float, state: Path, queues_saved: Callable[[], None]) -> None:
        self._save_every_s = save_every_s
        self._queues_saved = queues_saved
        self._changed = asyncio.Event()
        self._files = StateFiles(state)

    def on_forwarded(self, request: HttpRequest, response: HttpResponse) -> None:
        """Told of each request that ministack answered."""
        operation = _operation(request)
        if response.status >= 400 or operation.startswith(_READS) or operation == "PutMetricData":
            # Metrics are many, and are saved every minute.
            return
        # Again in a while in any case: ministack finishes some changes by timers, which pass nobody.
        self._changed.set()
        # Of messages sent by the query protocol, which SDKs no longer use, queue_journal.py keeps none.
        by_query = operation.startswith("SendMessage") and not request.target
        if by_query or not operation.startswith(_FREQUENT):
            self._save(request.service)

    async def work(self) -> None:
        """Saves what changed little by little, for as long as the engine lives."""
        while True:
            await self._changed.wait()
            await asyncio.sleep(self._save_every_s)
            self._save()
            self._changed.clear()

    def save_all(self) -> None:
        """Saves everything, metrics too. Raises OSError, which ministack, when it ends, only logs."""
        self._save(metrics=True)

    async def keep_metrics(self) -> None:
        """Saves the metrics every minute, for as long as the engine lives."""
        while True:
            self._save(metrics=True)
            await asyncio.sleep(METRICS_EVERY_S)

    def _save(self, service: str = "", *, metrics: bool = False) -> None:
        self._files.save(service, metrics=metrics)
        if service in ("", "sqs"):
            self._queues_saved()


def _operation(request: HttpRequest) -> str:
    """The operation's name, or for REST the method's meaning; enough to tell a reading one."""
    if request.target:
        return request.target.partition(".")[2]
    if request.body.startswith(b"Action="):
        return request.body[7:].partition(b"&")[0].decode("latin-1")
    action = request.body.partition(b"&Action=")[2].partition(b"&")[0].decode("latin-1")
    if action:
        return action
    reads = request.method in ("GET", "HEAD", "OPTIONS") or "/invocations" in request.path
    return "Get" if reads else request.method


def open_database(file: Path) -> tuple[Database, list[str]]:
    """The engine's database; a damaged one is kept aside, named in the note, and a new one begun."""
    try:
        database = Database(file)
        database.check()
    except sqlite3.OperationalError:
        # A full disk, a missing right: the file is as good as it was.
        raise
    except sqlite3.DatabaseError as error:
        backup = _keep_aside(file)
        note = f"{file.name} was damaged ({error}) and is kept as {backup.name}; tables and logs begin empty."
        return Database(file), [note]
    return database, []


def keep_damaged_state_aside(state: Path) -> list[str]:
    """Moves away the files of ministack's state that it would not read, before it would write over them."""
    notes: list[str] = []
    for file in sorted(state.glob("*.json")):
        if reason := state_fault(file.stem, file.read_bytes()):
            backup = _keep_aside(file)
            notes.append(f"{file.name} was {reason} and is kept as {backup.name}; {file.stem} begins empty.")
    return notes


def _keep_aside(file: Path) -> Path:
    number = 1
    while (backup := file.with_name(f"{file.name}.damaged-{number}")).exists():
        number += 1
    file.rename(backup)
    for suffix in ("-wal", "-shm"):
        log = file.with_name(file.name + suffix)
        if log.exists():
            log.rename(backup.with_name(backup.name + suffix))
    return backup
