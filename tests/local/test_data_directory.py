"""Who holds an engine's directory, and what is believed of what lies there."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from cryptoctl.local import launch
from cryptoctl.local.data_directory import DataDirectory, Record
from cryptoctl.local.engine import Engine, EngineError, EngineOptions

HOLD = """
import signal, sys
from pathlib import Path
from cryptoctl.local.data_directory import DataDirectory
data = DataDirectory(Path(sys.argv[1]))
held = data.hold()
data.take_clean_end()
if sys.argv[2:] == ["clean"]:
    data.write_clean_end()
print("held", flush=True)
signal.pause()
"""
RECORD = Record(pid=1, port=4577, started_at="2026-01-01T00:00:00+00:00")


@pytest.fixture
def data(tmp_path: Path) -> DataDirectory:
    data = DataDirectory(tmp_path / "engine")
    data.create()
    return data


@pytest.fixture
def stranger() -> Iterator[subprocess.Popen[bytes]]:
    """Another program, which now has the id that an engine once had."""
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as process:
        yield process
        process.kill()


@contextmanager
def holding(data: DataDirectory, *end: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process that holds the lock, as an engine does, until it is told to end."""
    command = [sys.executable, "-c", HOLD, str(data.directory), *end]
    with subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.process
def test_stop_ends_the_process_that_holds_the_lock_and_no_other(
    data: DataDirectory, stranger: subprocess.Popen[bytes]
) -> None:
    data.write(Record(pid=stranger.pid, port=1, started_at=RECORD.started_at))
    with holding(data, "clean") as engine:
        assert Engine(data.directory).stop() is True
        assert engine.wait(10) == -signal.SIGTERM
    assert stranger.poll() is None


@pytest.mark.process
def test_stop_says_where_the_engine_has_not_put_everything_away(data: DataDirectory) -> None:
    with holding(data), pytest.raises(EngineError, match="not everything was saved") as told:
        Engine(data.directory).stop()
    assert str(data.log_file) in told.value.hint
    with holding(data):
        Engine(data.directory).reset()
    assert [file.name for file in data.directory.iterdir()] == []


@pytest.mark.process
def test_an_engine_that_does_not_answer_is_a_problem_of_it(
    data: DataDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cryptoctl.local.engine.ANSWERS_WITHIN_S", 0.1)
    held = data.hold()
    assert held is not None
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        data.write(replace(RECORD, pid=os.getpid(), port=port, status_path="/secret"))
        [problem] = Engine(data.directory).status(asked=True).problems
        assert problem.startswith(f"the engine does not answer (port {port}: timed out)")
        assert Engine(data.directory).status().problems == ()
    [problem] = Engine(data.directory).status(asked=True).problems
    assert "Connection refused" in problem
    os.close(held)


@pytest.mark.process
def test_what_an_earlier_engine_has_left_is_not_taken_for_the_one_that_starts(
    data: DataDirectory, stranger: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    (data.directory / "engine.lock").write_text(str(stranger.pid))
    seen: list[int | None] = []

    def starts(data: DataDirectory, _port: int, _options: EngineOptions) -> None:
        seen.append(data.holder())

    monkeypatch.setattr(launch, "launch", starts)
    Engine(data.directory).start(port=0)
    assert seen == [None]


@pytest.mark.parametrize(
    "wrong",
    [
        {"pid": "x"},
        {"pid": 0},
        {"pid": True},
        {"port": "abc"},
        {"port": 0},
        {"port": 65536},
        {"port": None},
        {"started_at": "z"},
        {"started_at": "2026-01-01T00:00:00"},
        {"started_at": 5},
        {"notes": [1]},
        {"notes": 1},
        {"status_path": 1},
        {"options": 1},
        {"code": []},
    ],
    ids=json.dumps,
)
def test_a_record_with_a_wrong_value_is_none(data: DataDirectory, wrong: dict[str, Any]) -> None:
    data.write(RECORD)
    assert data.read() == RECORD
    (data.directory / "engine.json").write_text(json.dumps({**asdict(RECORD), **wrong}))
    assert data.read() is None


@pytest.mark.parametrize("text", ["", "1", "[]", "{}", '{"save_every_s": 3}', '{"function_ports": 1}'])
def test_options_that_are_none_are_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):
        EngineOptions.from_json(text)
