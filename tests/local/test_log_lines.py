"""What a handler writes becomes log events, however much it is and however it comes."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cryptoctl.local.database import Database
from cryptoctl.local.functions.environment import (
    TAIL_CHARACTERS,
    EnvironmentLostError,
    ExecutionEnvironment,
)
from cryptoctl.local.functions.function import FunctionConfig
from cryptoctl.local.functions.log_lines import MAX_EVENT_BYTES, LogLines
from cryptoctl.local.logs.store import LogStore

GROUP = ("us-east-1", "/aws/lambda/loud", "one")


@given(st.text(st.characters(codec="utf-8", exclude_characters="\r")), st.integers(1, 9))
def test_lines_are_the_same_however_the_output_is_cut(text: str, size: int) -> None:
    output, lines, complete = text.encode(), LogLines(), list[str]()
    for start in range(0, len(output), size):
        complete += lines.take(output[start : start + size])
    assert complete + lines.take_rest() == [line for line in text.split("\n") if line]


@pytest.mark.parametrize("end", ["", "\n"])
@pytest.mark.parametrize("character", ["x", "é", "€", "😀"])
def test_a_long_line_is_several_events_and_no_character_is_broken(character: str, end: str) -> None:
    text = "1" + character * (MAX_EVENT_BYTES // len(character.encode()) * 2 + 2)
    lines = LogLines()
    events = lines.take((text + end).encode()) + lines.take_rest()
    assert "".join(events) == text
    assert len(events) == 3
    assert max(len(event.encode()) for event in events) <= MAX_EVENT_BYTES


def test_output_without_a_line_end_is_not_kept_in_memory() -> None:
    lines, size = LogLines(), 0
    for _ in range(40):
        size += sum(map(len, lines.take(b"x" * 100_000)))
    assert 40 * 100_000 - size <= MAX_EVENT_BYTES


class CountingDatabase(Database):
    """Says how many transactions there were."""

    transactions = 0

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        self.transactions += 1
        with super().transaction():
            yield


def test_lines_that_come_together_are_kept_together_with_ids_in_their_order(tmp_path: Path) -> None:
    database = CountingDatabase(tmp_path / "store")
    logs = LogStore(database)
    logs.add_group(*GROUP[:2])
    logs.write_lines(*GROUP, 1.0, ["a", "b"])
    logs.write_lines(*GROUP, 1.0, ["c"])
    events = logs.events(*GROUP[:2], (0, 9999), limit=9)
    assert [(event.id, event.message) for event in events] == [(1, "a"), (2, "b"), (3, "c")]
    assert database.transactions == 2
    database.close()


@pytest.mark.process
def test_a_handler_that_writes_without_end_is_ended_by_its_timeout(
    tmp_path: Path,
) -> None:
    source = "import os, time\ndef handler(event, context):\n    end = time.time() + 6\n"
    source += "    while time.time() < end: os.write(1, b'x\\n' * 32_000)\n"
    (tmp_path / "main.py").write_text(source)
    database = Database(tmp_path / "store")
    logs = LogStore(database)
    logs.add_group(*GROUP[:2])
    environment = ExecutionEnvironment(
        function(tmp_path), {}, (), lambda _region, _group, _stream, *lines: logs.write_lines(*GROUP, *lines)
    )
    turns: list[float] = []

    async def take_turns() -> None:
        while True:
            turns.append(time.monotonic())
            await asyncio.sleep(0.01)

    async def run() -> float:
        await environment.start()
        others = asyncio.create_task(take_turns())
        began = time.monotonic()
        with pytest.raises(EnvironmentLostError, match="timeout"):
            await environment.invoke("id", "{}", "arn")
        took_s = time.monotonic() - began
        others.cancel()
        environment.close()
        return took_s

    assert asyncio.run(run()) < 4
    assert max(later - earlier for earlier, later in itertools.pairwise(turns)) < 1
    assert len(environment.log_tail) <= TAIL_CHARACTERS
    assert environment.log_tail.endswith("x\nx")
    assert len(logs.events(*GROUP[:2], (0, 2**62), limit=1000)) == 1000
    database.close()


def function(code: Path) -> FunctionConfig:
    return FunctionConfig(
        name="loud",
        arn="arn:aws:lambda:us-east-1:000000000000:function:loud",
        region="us-east-1",
        version="$LATEST",
        state="Active",
        runtime="python3.14",
        handler="main.handler",
        code=code,
        timeout_s=1,
        memory_mb=128,
        variables={},
        json_logs=False,
        log_level="INFO",
        system_log_level="INFO",
        log_group=GROUP[1],
        reserved=None,
        dead_letters=None,
        key="",
    )
