"""Log events that some filter asks for are delivered, however many and whenever the engine ends."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import random
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from cryptoctl.local.app import EngineApp
from cryptoctl.local.data_directory import DataDirectory
from cryptoctl.local.durability import Durability
from cryptoctl.local.functions.invocations import MAX_BYTES_ASYNC
from cryptoctl.local.logs import subscriptions
from cryptoctl.local.logs.store import LogEvent
from cryptoctl.local.logs.subscriptions import Subscriptions, payloads
from cryptoctl.local.metrics.embedded import EmbeddedMetrics
from cryptoctl.local.metrics.functions import FunctionMetrics
from cryptoctl.local.options import EngineOptions

FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:reader"


class Engine:
    """The parts of the engine that a delivery asks. `open` lets an invocation through."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.delivery_attempted = asyncio.Event()
        self.delivered: list[str] = []

    async def json(self, *_arguments: str, **_named: str) -> dict[str, Any]:
        described = {"filterName": "f", "filterPattern": "ERROR", "destinationArn": FUNCTION}
        return {"subscriptionFilters": [described]}

    async def rest(self, *_arguments: str, body: bytes, **_named: str) -> None:
        self.delivery_attempted.set()
        await self.open.wait()
        self.delivered += messages(body.decode())


def messages(payload: str) -> list[str]:
    content = json.loads(gzip.decompress(base64.b64decode(json.loads(payload)["awslogs"]["data"])))
    return [event["message"] for event in content["logEvents"]]


def event(number: int, message: str) -> LogEvent:
    return LogEvent(id=number, stream="s", timestamp_ms=1, ingested_at=1, message=message)


@pytest.mark.parametrize("cut_off", [False, True], ids=["while it waits", "while it is delivered"])
def test_what_waits_when_the_work_ends_is_delivered_all_the_same(
    monkeypatch: pytest.MonkeyPatch, cut_off: bool
) -> None:
    monkeypatch.setattr(subscriptions, "GATHER_S", 0 if cut_off else 60)

    async def run() -> list[str]:
        engine: Any = Engine()
        waiting = Subscriptions(engine)
        work = asyncio.create_task(waiting.work())
        waiting.take("us-east-1", "g", "s", [event(1, "ERROR one"), event(2, "fine")])
        if cut_off:
            await engine.delivery_attempted.wait()
            waiting.take("us-east-1", "g", "s", [event(3, "ERROR two")])
        await asyncio.sleep(0)
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        engine.open.set()
        await waiting.deliver()
        await waiting.deliver()
        delivered: list[str] = engine.delivered
        return delivered

    assert asyncio.run(run()) == (["ERROR one", "ERROR two"] if cut_off else ["ERROR one"])


def broken(_message: str) -> bool:
    raise ZeroDivisionError


def test_a_stream_whose_delivery_fails_takes_no_other_with_it() -> None:
    async def run() -> list[str]:
        engine: Any = Engine()
        engine.open.set()
        waiting = Subscriptions(engine)
        waiting._filters["us-east-1", "g"] = [subscriptions.Subscription("f", FUNCTION, broken)]
        for group in ("g", "h"):
            waiting.take("us-east-1", group, "s", [event(1, f"ERROR {group}")])
        with pytest.raises(ZeroDivisionError):
            await waiting.deliver()
        delivered: list[str] = engine.delivered
        return delivered

    assert asyncio.run(run()) == ["ERROR h"]


def test_the_state_is_saved_whatever_the_last_deliveries_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    saved: list[bool] = []

    async def fails(_self: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(Durability, "save_all", lambda _self: saved.append(True))
    for kind in (FunctionMetrics, EmbeddedMetrics):
        monkeypatch.setattr(kind, "write", fails)
    monkeypatch.setattr(Subscriptions, "deliver", fails)

    async def run() -> None:
        data = DataDirectory(tmp_path / "engine")
        data.create()
        nobody: Any = None
        await EngineApp(nobody, data, 1, EngineOptions()).stop()

    asyncio.run(run())
    assert saved == [True]
    assert [record.levelname for record in caplog.records] == ["ERROR"] * 3


def test_events_that_are_too_much_for_one_invocation_come_in_several() -> None:
    chance = random.Random(7)
    events = [event(number, chance.randbytes(2000).hex()) for number in range(700)]
    events.insert(350, event(1000, "small"))
    sent = list(payloads("g", "s", "f", events))
    assert [text for payload in sent for text in messages(payload)] == [payload.message for payload in events]
    assert max(map(len, sent)) <= MAX_BYTES_ASYNC
    assert len(sent) <= 4


def test_one_event_that_is_too_much_takes_no_other_with_it() -> None:
    chance = random.Random(7)
    huge = event(1, chance.randbytes(900_000).hex())
    sent = [messages(payload) for payload in payloads("g", "s", "f", [event(0, "a"), huge, event(2, "b")])]
    assert sent == [["a"], [huge.message], ["b"]]
    assert list(payloads("g", "s", "f", [])) == []
