"""Who holds an engine's directory, and what is believed of what lies there."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from cryptoctl.local import launch
from cryptoctl.local.data_directory import DataDirectory, Record
from cryptoctl.local.engine import Engine, EngineOptions

HOLD = """
import signal, sys
from pathlib import Path
from cryptoctl.local.data_directory import DataDirectory
held = DataDirectory(Path(sys.argv[1])).hold()
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


@pytest.mark.process
def test_stop_ends_the_process_that_holds_the_lock_and_no_other(
    data: DataDirectory, stranger: subprocess.Popen[bytes]
) -> None:
    data.write(Record(pid=stranger.pid, port=1, started_at=RECORD.started_at))
    command = [sys.executable, "-c", HOLD, str(data.directory)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True) as engine:
        assert engine.stdout is not None
        engine.stdout.readline()
        try:
            assert Engine(data.directory).stop() is True
            assert engine.wait(10) == -signal.SIGTERM
        finally:
            engine.kill()
    assert stranger.poll() is None


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
        {"problems": [None]},
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
