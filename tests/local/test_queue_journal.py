"""What is kept of messages until ministack has saved them."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cryptoctl.local import ministack_state
from cryptoctl.local.database import Database
from cryptoctl.local.durability import Durability
from cryptoctl.local.http import HttpRequest, HttpResponse
from cryptoctl.local.internal_client import json_request
from cryptoctl.local.ministack_state import CLOUDWATCH_PARTS, STATE_FILES, StateFiles
from cryptoctl.local.queue_journal import QueueJournal


class Queues:
    """ministack's queues: what they have taken, and what they answer."""

    def __init__(self) -> None:
        self.status = 200
        self.accepted: list[bytes] = []
        self.go_on = asyncio.Event()
        self.go_on.set()

    async def forward(self, request: HttpRequest) -> HttpResponse:
        await self.go_on.wait()
        if self.status < 300:
            self.accepted.append(request.body)
        return HttpResponse(self.status, b"{}")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with closing(Database(tmp_path / "store.sqlite3")) as database:
        yield database


def message(text: str, **more: str) -> HttpRequest:
    return json_request("sqs", "SendMessage", "r", json.dumps({"MessageBody": text, **more}).encode())


def sent_again(database: Database) -> list[bytes]:
    """What the next engine gives to ministack."""
    queues = Queues()
    asyncio.run(QueueJournal(queues.forward, database).send_again())
    return queues.accepted


def test_what_cannot_be_kept_is_not_taken(database: Database) -> None:
    queues = Queues()
    journal = QueueJournal(queues.forward, database)
    database.define("CREATE TRIGGER t BEFORE INSERT ON unsaved_message BEGIN SELECT RAISE(FAIL, 'full'); END")
    with pytest.raises(sqlite3.Error, match="full"):
        asyncio.run(journal.send(message("hello")))
    assert queues.accepted == []


def test_what_is_refused_is_not_sent_again(database: Database) -> None:
    queues = Queues()
    queues.status = 400
    asyncio.run(QueueJournal(queues.forward, database).send(message("hello")))
    assert sent_again(database) == []


def test_a_message_that_is_taken_after_a_save_is_kept(database: Database) -> None:
    async def save_meanwhile() -> None:
        queues = Queues()
        journal = QueueJournal(queues.forward, database)
        await journal.send(message("before"))
        queues.go_on.clear()
        sending = asyncio.create_task(journal.send(message("after")))
        await asyncio.sleep(0)  # as far as ministack
        journal.on_saved()
        queues.go_on.set()
        await sending

    asyncio.run(save_meanwhile())
    assert sent_again(database) == [message("after").body]


def test_what_is_sent_again_is_kept_until_it_is_saved(database: Database) -> None:
    asyncio.run(QueueJournal(Queues().forward, database).send(message("hello", region="of another program")))
    for _ in range(2):
        assert sent_again(database) == [message("hello", region="of another program").body]
    QueueJournal(Queues().forward, database).on_saved()
    assert sent_again(database) == []


def test_what_is_sent_by_the_query_protocol_is_saved_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(StateFiles, "save", lambda *_, **__: None)
    saved: list[str] = []
    durability = Durability(600.0, tmp_path, lambda: saved.append("queues"))
    by_json = message("hello")
    durability.on_forwarded(by_json, HttpResponse(200, b"{}"))
    assert saved == []
    headers = {name: value for name, value in by_json.headers.items() if name != "x-amz-target"}
    by_query = replace(by_json, headers=headers, body=b"Action=SendMessage&MessageBody=hello")
    durability.on_forwarded(by_query, HttpResponse(200, b""))
    assert saved == ["queues"]


def test_queues_are_saved_right_before_their_messages_are_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ministack: Any = SimpleNamespace(
        _build_persistence_save_dict=lambda: dict.fromkeys(STATE_FILES, dict),
        _metrics={},
        _json_default=str,
        **{f"_{part}": {} for part in CLOUDWATCH_PARTS},
    )
    monkeypatch.setattr(ministack_state, "importlib", SimpleNamespace(import_module=lambda _: ministack))
    events: list[str] = []
    monkeypatch.setattr(StateFiles, "_write", lambda _, name, __: events.append(name))
    Durability(600.0, tmp_path, lambda: events.append("forgotten")).save_all()
    assert events[-2:] == ["sqs", "forgotten"] and {*events} == {*STATE_FILES, "forgotten"}
