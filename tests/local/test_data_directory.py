"""Who holds an engine's directory, and what is believed of what lies there."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cryptoctl.local import launch
from cryptoctl.local.data_directory import DataDirectory, EngineRecord
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
RECORD = EngineRecord(pid=1, port=4577, started_at="2026-01-01T00:00:00+00:00")


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
    data.write(EngineRecord(pid=stranger.pid, port=1, started_at=RECORD.started_at))
    with holding(data, "clean") as engine:
        assert Engine(data.directory).stop() is True
        assert engine.wait(10) == -signal.SIGTERM
    assert stranger.poll() is None


@pytest.mark.process
@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="which files a process has open is not told")
def test_an_engine_that_left_no_id_in_its_lock_is_the_one_that_has_it_open(data: DataDirectory) -> None:
    with holding(data, "clean") as engine:
        (data.directory / "engine.lock").write_text("")  # as one of an early cryptoctl does
        data.write(replace(RECORD, pid=engine.pid))
        assert Engine(data.directory).status().pid == engine.pid
        assert Engine(data.directory).stop() is True
        assert engine.wait(10) == -signal.SIGTERM


@pytest.mark.process
def test_a_process_that_may_be_anybodys_is_named_and_not_ended(
    data: DataDirectory, stranger: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cryptoctl.local.engine.SETTLES_WITHIN_S", 0.1)
    data.write(replace(RECORD, pid=stranger.pid))
    with holding(data, "clean") as engine:
        (data.directory / "engine.lock").write_text("")
        for action in (Engine.status, Engine.stop):
            with pytest.raises(EngineError, match="does not say which process it is") as raised:
                action(Engine(data.directory))
        assert raised.value.hint == f"End process {stranger.pid}, if it is the engine, then try again."
        assert (engine.poll(), stranger.poll()) == (None, None)


@pytest.mark.process
def test_stop_says_where_the_engine_has_not_put_everything_away(data: DataDirectory) -> None:
    with holding(data), pytest.raises(EngineError, match="not everything was saved") as raised:
        Engine(data.directory).stop()
    assert str(data.log_file) in raised.value.hint
    with holding(data):
        Engine(data.directory).reset()
    assert [file.name for file in data.directory.iterdir()] == []


def test_a_reset_deletes_nothing_where_no_engine_has_been(tmp_path: Path) -> None:
    """CRYPTOCTL_STATE_DIR may name a directory with another `engine` in it."""
    directory = tmp_path / "engine"
    directory.mkdir(mode=0o700)
    (directory / "pistons.txt").write_text("four")
    assert Engine(directory).reset() is False
    assert Engine(directory).other_files() == ["pistons.txt"]


def test_a_reset_leaves_the_files_that_are_not_the_engines(data: DataDirectory) -> None:
    for name in ("pistons.txt", "engine.blend", "blocks/inline-four.txt"):
        (data.directory / name).parent.mkdir(exist_ok=True)
        (data.directory / name).write_text("four")
    for name in ("store.sqlite3", "store.sqlite3-wal", "store.sqlite3.damaged-1", "engine.log.1", "running"):
        (data.directory / name).touch()
    Engine(data.directory).credentials("dev")
    data.write(RECORD)
    assert Engine(data.directory).reset() is True
    Engine(data.directory).credentials("dev")  # as another command may at the same time
    assert Engine(data.directory).other_files() == ["blocks", "engine.blend", "pistons.txt"]
    assert (data.directory / "blocks" / "inline-four.txt").read_text() == "four"


@pytest.mark.process
def test_a_reset_stops_an_engine_that_is_started_meanwhile(
    data: DataDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    data.key_file.touch()
    starting = DataDirectory.starting
    with ExitStack() as started:
        engines: list[subprocess.Popen[bytes]] = []

        @contextmanager
        def late(data: DataDirectory) -> Iterator[None]:
            with starting(data):
                engines.append(started.enter_context(holding(data, "clean")))
                yield

        monkeypatch.setattr(DataDirectory, "starting", late)
        assert Engine(data.directory).reset() is True
        assert [engine.wait(10) for engine in engines] == [-signal.SIGTERM]


def test_a_reset_that_was_broken_off_is_gone_on_with(
    data: DataDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    data.create()
    for file in (data.store_file, data.key_file, data.directory / "engine.lock", data.state / "queues.json"):
        file.touch()

    def broken_off(_: object) -> None:
        raise OSError(errno.ENOSPC, "broken off")

    monkeypatch.setattr(shutil, "rmtree", broken_off)
    with pytest.raises(EngineError, match="broken off"):
        Engine(data.directory).reset()
    monkeypatch.undo()
    Engine(data.directory).reset()
    assert list(data.directory.iterdir()) == []


@pytest.mark.process
def test_stop_lets_an_engine_that_is_suspended_go_on_to_its_end(data: DataDirectory) -> None:
    with holding(data) as engine:
        os.kill(engine.pid, signal.SIGSTOP)
        with pytest.raises(EngineError, match="not everything was saved"):
            Engine(data.directory).stop()
        assert engine.wait() == -signal.SIGTERM, "it was told to end, and not killed"


@pytest.mark.process
def test_an_engine_that_does_not_answer_is_a_problem_of_it(
    data: DataDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cryptoctl.local.health_check.RESPONDS_WITHIN_S", 0.1)
    lock = data.hold()
    assert lock is not None
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        data.write(replace(RECORD, pid=os.getpid(), port=port, status_path="/secret"))
        [problem] = Engine(data.directory).status(with_problems=True).problems
        assert problem.startswith(f"the engine does not answer (port {port}: timed out)")
        assert Engine(data.directory).status().problems == ()
    [problem] = Engine(data.directory).status(with_problems=True).problems
    assert "Connection refused" in problem
    os.close(lock)


@pytest.mark.process
def test_what_an_earlier_engine_has_left_is_not_taken_for_the_one_that_starts(
    data: DataDirectory, stranger: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    (data.directory / "engine.lock").write_text(str(stranger.pid))
    holders: list[int | None] = []

    def starts(data: DataDirectory, _port: int, _options: EngineOptions) -> None:
        holders.append(data.holder())

    monkeypatch.setattr(launch, "launch", starts)
    Engine(data.directory).start(port=0)
    assert holders == [None]


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


DOINGS: dict[str, Callable[[Engine], object]] = {
    "Starting": lambda engine: engine.start(port=0),
    "Stopping": Engine.stop,
    "Looking for": Engine.status,
    "Making an access key of": lambda engine: engine.credentials("dev"),
}


@pytest.mark.parametrize("doing", DOINGS)
@pytest.mark.parametrize("mode", [0o770, 0o707, 0o1777])
def test_a_directory_that_others_may_write_to_is_refused(data: DataDirectory, doing: str, mode: int) -> None:
    data.directory.chmod(mode)
    hint = refused(data, doing, f"others may write to {data.directory}")
    assert "CRYPTOCTL_STATE_DIR" in hint and "`chmod 700`" in hint
    data.directory.chmod(0o755)
    assert data.exposure() is None


@pytest.mark.parametrize("doing", DOINGS)
@pytest.mark.parametrize("above", [False, True], ids=["the directory", "the one it is in"])
def test_a_directory_of_somebody_else_is_refused(
    data: DataDirectory, doing: str, above: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = data.directory.parent if above else data.directory
    if os.geteuid() == 0:
        os.chown(directory, 65534, -1)
    else:
        user = os.geteuid() + 1
        monkeypatch.setattr(os, "geteuid", lambda: user)
        directory = data.directory.parent
    names = {os.geteuid(): "ann", directory.stat().st_uid: "ben"}
    monkeypatch.setattr("pwd.getpwuid", lambda user: SimpleNamespace(pw_name=names[user]))
    hint = refused(data, doing, f"{directory} belongs to ben, and cryptoctl runs as ann")
    assert hint.startswith("Run it as ben, or name a directory of ann's own in CRYPTOCTL_STATE_DIR")
    assert "chmod" not in hint
    monkeypatch.setattr("pwd.getpwuid", {}.__getitem__)
    refused(
        data,
        doing,
        f"{directory} belongs to user {directory.stat().st_uid}, and cryptoctl runs as user {os.geteuid()}",
    )


def refused(data: DataDirectory, doing: str, reason: str) -> str:
    before = sorted(data.directory.rglob("*"))
    with pytest.raises(EngineError) as raised:
        DOINGS[doing](Engine(data.directory))
    assert raised.value.message == f"{doing} the embedded engine in {data.directory}: {reason}."
    assert sorted(data.directory.rglob("*")) == before
    return raised.value.hint


@pytest.mark.parametrize(("mode", "exposed"), [(0o777, True), (0o1777, False), (0o775, False)])
def test_the_directory_above_may_be_a_shared_one_where_nobody_touches_what_is_not_theirs(
    data: DataDirectory, mode: int, exposed: bool
) -> None:
    data.directory.parent.chmod(mode)
    assert (data.exposure() is not None) is exposed


def test_everything_is_for_its_owner_alone_whatever_the_umask(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o755)
    data = DataDirectory(home)
    for name in ("engine.log", "start.lock", "engine.lock", "access-keys.lock"):
        (home / name).write_text("")  # by an earlier version
        (home / name).chmod(0o664)
    before = os.umask(0)
    try:
        data.create()
        for descriptor in (data.open_log(), data.hold()):
            assert descriptor is not None
            os.close(descriptor)
        with data.starting():
            data.write(RECORD)
        Engine(home).credentials("dev")
    finally:
        os.umask(before)
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in [home, *home.iterdir()]}
    directories = {"home", "state", "scratch"}
    assert {name for name, mode in modes.items() if mode == 0o700} == directories
    assert {mode for name, mode in modes.items() if name not in directories} == {0o600}


@pytest.mark.parametrize("name", ["engine.new", "engine.log", "start.lock", "engine.lock", "access-keys.new"])
def test_no_link_is_followed(data: DataDirectory, tmp_path: Path, name: str) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (data.directory / name).symlink_to(victim)

    def write_everything() -> None:
        descriptors = [data.open_log(), data.hold()]
        for descriptor in descriptors:
            assert descriptor is not None
            os.write(descriptor, b"x")
            os.close(descriptor)
        data.write(RECORD)
        Engine(data.directory).credentials("dev")
        with data.starting():
            pass

    with pytest.raises((OSError, EngineError)):
        write_everything()
    assert victim.read_text() == "precious"


@pytest.mark.parametrize(
    ("name", "doing"),
    [
        ("engine.log", "Starting"),
        ("engine.lock", "Starting"),
        ("start.lock", "Starting"),
        ("access-keys.lock", "Making an access key of"),
    ],
)
def test_a_link_is_named(data: DataDirectory, name: str, doing: str) -> None:
    (data.directory / "another").write_text("precious")
    (data.directory / name).symlink_to("another")
    with pytest.raises(EngineError) as raised:
        DOINGS[doing](Engine(data.directory))
    place = f"{data.directory}: {name} is a link ({data.directory / name})"
    assert raised.value.message == f"{doing} the embedded engine in {place}."
    assert raised.value.hint.startswith("Remove the link")
    assert (data.directory / "another").read_text() == "precious"


def test_a_long_log_is_put_aside(data: DataDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cryptoctl.local.data_directory.LONG_LOG_BYTES", 3)
    for text in (b"one", b"two", b"three"):
        descriptor = data.open_log()
        os.write(descriptor, text)
        os.close(descriptor)
    assert data.log_file.read_text() == "three"
    assert (data.directory / "engine.log.1").read_text() == "onetwo"


@pytest.mark.parametrize("text", ["", "1", "[]", "{}", '{"save_every_s": 3}', '{"function_ports": 1}'])
def test_options_that_are_none_are_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):
        EngineOptions.from_json(text)


def test_a_file_that_is_numbered_otherwise_by_its_path_is_still_held(
    data: DataDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An engine would end itself there, half a second after each start."""
    lock = data.hold()
    assert lock is not None
    monkeypatch.setattr(os.path, "samestat", lambda *_: False)
    assert data.holds(lock)
    data.forget_holder()  # as the next engine there does
    assert not data.holds(lock)
    os.close(lock)
