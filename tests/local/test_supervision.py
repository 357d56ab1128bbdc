"""What goes on beside the requests goes on, and says what is wrong with it."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cryptoctl.local import app, supervision
from cryptoctl.local.app import EngineApp
from cryptoctl.local.data_directory import DataDirectory
from cryptoctl.local.database import Database
from cryptoctl.local.engine import Engine, EngineError
from cryptoctl.local.functions.asynchronous import AsyncQueue
from cryptoctl.local.functions.function import FunctionLookup
from cryptoctl.local.http import ACCOUNT, HttpResponse, ServiceError
from cryptoctl.local.supervision import Supervisor
from local.clients import client, eventually
from local.conftest import QUICK
from local.workbench import zipped

pytestmark = pytest.mark.process


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
    monkeypatch.setattr(supervision, "FIRST_PAUSE_S", 0.001)
    monkeypatch.setattr(supervision, "WELL_AFTER_S", 0.02)


def supervised(failures: list[Exception]) -> tuple[list[tuple[str, ...]], list[str], int]:
    """Runs work that fails so and then goes on: what was told, what was given up, how often it ran."""
    told: list[tuple[str, ...]] = [()]
    given_up: list[str] = []
    runs = 0
    failures_left = list(failures)

    async def work() -> None:
        nonlocal runs
        runs += 1
        note()
        if failures_left:
            raise failures_left.pop(0)
        await asyncio.sleep(0.1)

    def note() -> None:
        if supervisor.problems() != told[-1]:
            told.append(supervisor.problems())

    async def run() -> None:
        supervisor.begin("saving", work)
        await asyncio.sleep(0.2)
        await supervisor.end()
        note()

    supervisor = Supervisor(given_up.append)
    asyncio.run(run())
    return told[1:], given_up, runs


@pytest.mark.usefixtures("quick")
def test_work_that_fails_is_begun_again_and_its_problem_is_told_until_it_is_solved() -> None:
    told, given_up, runs = supervised([OSError("disk full"), OSError("disk full"), ValueError("x")])
    assert told == [("saving fails: disk full",), ("saving fails: x",), ()]
    assert runs == 4
    assert given_up == []


@pytest.mark.usefixtures("quick")
def test_a_damaged_database_is_the_end() -> None:
    _, given_up, _ = supervised([sqlite3.DatabaseError("malformed")])
    assert given_up == ["saving fails: malformed"]
    _, given_up, _ = supervised([sqlite3.OperationalError("database or disk is full")])
    assert given_up == []


def test_state_that_cannot_be_saved_is_said_in_the_status_and_by_stop_and_saved_as_soon_as_it_can_be(
    engine: Engine,
) -> None:
    home = engine.start(port=0, options=QUICK).home
    sqs = client(engine, "sqs")
    queue = sqs.create_queue(QueueName="kept")["QueueUrl"]
    state, aside = home / "state", home / "aside"
    state.rename(aside)
    state.write_text("in the way")
    sqs.send_message(QueueUrl=queue, MessageBody="x")
    eventually(lambda: engine.status(with_problems=True).problems, what="a problem in the status")
    assert "saving the state fails" in engine.status(with_problems=True).problems[0]
    state.unlink()
    aside.rename(state)
    eventually(lambda: "x" in (state / "sqs.json").read_text(), what="the message, saved")
    eventually(lambda: not engine.status(with_problems=True).problems, what="no problems")
    state.rename(aside)
    state.write_text("in the way")
    sqs.send_message(QueueUrl=queue, MessageBody="y")
    with pytest.raises(EngineError, match="not everything was saved"):
        engine.stop()


class Lambda:
    """Lambda's API as the engine's parts ask it: each answer once, the last one again and again."""

    def __init__(self, *answers: HttpResponse | ServiceError) -> None:
        self._answers = list(answers)

    async def rest(self, *_arguments: object, **_named: object) -> HttpResponse:
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        await asyncio.sleep(0)
        if isinstance(answer, ServiceError):
            raise answer
        return answer


@pytest.mark.parametrize(("code", "remaining"), [("InternalFailure", 1), ("ResourceNotFoundException", 0)])
def test_only_a_deleted_function_drops_its_events(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, code: str, remaining: int
) -> None:
    caplog.set_level(logging.CRITICAL)
    aws: Any = Lambda(ServiceError(code, "x"))
    database = Database(tmp_path / "store")
    nothing: Any = None

    async def run() -> None:
        queue = AsyncQueue(database, FunctionLookup(aws, tmp_path), nothing, aws, (1.0, 1.0))
        database.execute(
            "INSERT INTO async_event (region, function, qualifier, request_id, payload, accepted_at, next_at)"
            " VALUES ('r', 'f', '', 'id', '{}', 0, 0)"
        )
        work = asyncio.create_task(queue.work())
        await asyncio.sleep(0.1)
        work.cancel()

    asyncio.run(run())
    rows = database.execute("SELECT attempts FROM async_event").fetchall()
    database.close()
    assert rows == [(0,)] * remaining


def test_an_invocation_that_the_end_cuts_off_is_no_attempt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "CLOSES_WITHIN_S", 0.1)
    described = {"Configuration": {"FunctionName": "f", "FunctionArn": "a:b:c:d:e:f:g", "CodeSha256": "one"}}
    answer = HttpResponse(200, json.dumps({**described, "Code": {}}).encode())
    aws: Any = Lambda(answer, ServiceError("ResourceNotFoundException", "no configuration"))
    database = Database(tmp_path / "store")
    execution: Any = SimpleNamespace(cut_off=False)

    async def run() -> None:
        begun = asyncio.Event()

        async def invoke(*_arguments: object) -> None:
            begun.set()
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                execution.cut_off = True
                raise

        execution.run = invoke
        functions = FunctionLookup(aws, tmp_path)
        queue = AsyncQueue(database, functions, execution, aws, (1.0, 1.0))
        queue.put("r", "f", "", "id", "{}")
        work = asyncio.create_task(queue.work())
        await begun.wait()
        work.cancel()
        at_rest = SimpleNamespace(close=lambda: asyncio.sleep(0), end=asyncio.sleep)
        engine: Any = SimpleNamespace(_queue=queue, _runner=at_rest, _execution=at_rest)
        await EngineApp.drain(engine)
        assert execution.cut_off  # by then: what ends with the loop would be ended in any case

    asyncio.run(asyncio.wait_for(run(), 30))
    rows = database.execute("SELECT attempts, next_at <= accepted_at FROM async_event").fetchall()
    database.close()
    assert rows == [(0, 1)]


@pytest.mark.parametrize(("account", "queued"), [(ACCOUNT, [("f", "live")]), ("111111111111", [])])
def test_what_a_topic_sends_to_a_function_of_another_account_is_for_none_here(
    tmp_path: Path, account: str, queued: list[tuple[str, str]]
) -> None:
    nothing: Any = None
    database = Database(tmp_path / "store")
    queue = AsyncQueue(database, nothing, nothing, nothing, (1.0, 1.0))
    queue.take_from_topic(f"arn:aws:lambda:r:{account}:function:f:live", "{}")
    assert database.execute("SELECT function, qualifier FROM async_event").fetchall() == queued
    database.close()


def test_one_zip_of_two_functions_is_unpacked_once(tmp_path: Path) -> None:
    described = {
        "Configuration": {"FunctionName": "f", "FunctionArn": "a:b:c:d:e:f:g", "CodeSha256": "one"},
        "Code": {"Location": "http://x/code"},
    }
    answer = HttpResponse(200, json.dumps(described).encode())
    aws: Any = Lambda(answer, answer, HttpResponse(200, zipped({"main.py": "here"})))

    async def run() -> None:
        functions = FunctionLookup(aws, tmp_path)
        first, second = await asyncio.gather(functions.find("r", "one"), functions.find("r", "other"))
        assert first.code == second.code
        assert (first.code / "main.py").read_text() == "here"

    asyncio.run(run())


def test_asking_whether_an_engine_runs_does_not_keep_one_from_starting(tmp_path: Path) -> None:
    data = DataDirectory(tmp_path)
    data.create()
    ask = "import sys, time, fcntl; f = open(sys.argv[1], 'ab'); fcntl.flock(f, fcntl.LOCK_SH); "
    ask += "print('held', flush=True); time.sleep(0.5)"
    asking = subprocess.Popen(
        [sys.executable, "-c", ask, str(tmp_path / "engine.lock")], stdout=subprocess.PIPE
    )
    assert asking.stdout is not None
    asking.stdout.readline()
    began = time.monotonic()
    lock = data.hold()
    assert lock is not None
    assert time.monotonic() - began < 5
    os.close(lock)
    asking.wait()
    asking.stdout.close()
