"""The engine as a process: started once, left alone, stopped without a trace."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import resource
import signal
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cryptoctl.local import launch
from cryptoctl.local.data_directory import DataDirectory, EngineRecord
from cryptoctl.local.engine import Engine, EngineError, EngineOptions
from local.clients import client, eventually
from local.proc import listened_on_by, processes_of

pytestmark = pytest.mark.process


@pytest.mark.process
def test_importing_the_engine_is_cheap() -> None:
    code = "import sys, cryptoctl.local.engine; print([m for m in sys.modules if m.split('.')[0] in "
    code += "('ministack', 'hypercorn', 'boto3', 'botocore', 'asyncio')])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_start_answers_and_stop_leaves_nothing(engine: Engine) -> None:
    started = engine.start(port=0)
    assert started.running
    assert started.memory_bytes is not None and started.memory_bytes > 10_000_000
    account = client(engine, "sts").get_caller_identity()["Account"]
    assert account == "000000000000"
    assert engine.stop() is True
    assert engine.status().running is False
    assert engine.stop() is False
    assert not processes_of(started.pid)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An engine that is neither stopped nor harmed."""
    engine = Engine(tmp_path_factory.mktemp("engine that runs"))
    engine.start(port=0, options=EngineOptions(save_every_s=3))
    yield engine
    engine.stop()


def test_start_is_idempotent(running: Engine) -> None:
    first = running.status()
    assert running.start().pid == first.pid
    assert running.start(port=first.port).pid == first.pid
    with pytest.raises(EngineError, match="runs already"):
        running.start(port=1)


def test_two_simultaneous_starts_end_with_one_engine(engine: Engine) -> None:
    pids: list[int | None] = []
    starters = [threading.Thread(target=lambda: pids.append(engine.start(port=0).pid)) for _ in range(3)]
    for starter in starters:
        starter.start()
    for starter in starters:
        starter.join(30)
    assert len(pids) == 3
    assert len(set(pids)) == 1


def test_it_survives_the_command_that_started_it(engine: Engine, tmp_path: Path) -> None:
    home = engine.status().home
    code = "from pathlib import Path; from cryptoctl.local.engine import Engine; "
    code += f"Engine(Path({str(home)!r})).start(port=0)"
    environment = {
        **os.environ,
        "PYTHONPATH": str(launch.SOURCE_ROOT),
        "HTTP_PROXY": "http://127.0.0.1:9",
        "AWS_PROFILE": "nobody",
        "AWS_SECRET_ACCESS_KEY": "the-user's-own-secret",
        "PERSIST_STATE": "0",
    }
    starter = subprocess.Popen([sys.executable, "-c", code], env=environment, start_new_session=True)
    assert starter.wait(30) == 0
    with pytest.raises(ProcessLookupError):
        os.killpg(starter.pid, signal.SIGKILL)
    status = engine.status()
    assert status.running
    assert b"the-user's-own-secret" not in Path(f"/proc/{status.pid}/environ").read_bytes()
    assert client(engine, "sqs").list_queues()["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_an_engine_whose_directory_is_deleted_ends_and_frees_its_port(engine: Engine) -> None:
    started = engine.start(port=0)
    started.home.rename(started.home.with_name("moved"))
    eventually(lambda: not processes_of(started.pid), what="the engine's end")
    # A process whose first thread has ended is shown as gone while another one is still in a write to disk.
    eventually(lambda: _refuses(started.port or 0), what="the port's end")
    assert engine.start(port=0).running  # that very port may be another program's by now


def _refuses(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except ConnectionRefusedError:
        return True
    return False


def test_a_low_limit_of_open_files_keeps_nobody_out(engine: Engine) -> None:
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    low = len([*Path("/dev/fd").iterdir()]) + 40
    resource.setrlimit(resource.RLIMIT_NOFILE, (low, limits[1]))
    try:
        started = engine.start(port=0)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    with contextlib.ExitStack() as connections:
        for _ in range(low):
            connections.enter_context(socket.create_connection(("127.0.0.1", started.port or 0)))
        assert client(engine, "sqs").list_queues()["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert "Too many open files" not in started.log_file.read_text(encoding="utf-8")


def test_data_outlives_stop_and_another_port_but_no_reset(engine: Engine) -> None:
    first = engine.start(port=0)
    client(engine, "sqs").create_queue(QueueName="kept")
    engine.stop()
    assert engine.start().port == first.port, "without a port it comes back where it was"
    engine.stop()
    second = engine.start(port=_free_port(besides=first.port))
    assert second.port != first.port
    assert client(engine, "sqs").get_queue_url(QueueName="kept")["QueueUrl"]
    engine.reset()
    assert engine.status().running is False
    engine.start(port=0)
    assert not client(engine, "sqs").list_queues().get("QueueUrls")


def test_a_taken_port_is_said(engine: Engine) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        with pytest.raises(EngineError) as raised:
            engine.start(port=listener.getsockname()[1])
    assert "address already in use" in raised.value.message
    assert "--port" in raised.value.hint
    with pytest.raises(EngineError, match="99999"):
        engine.start(port=99999)


def test_missing_ministack_is_said(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name: None if name == "ministack" else find_spec(name)
    )
    with pytest.raises(EngineError) as raised:
        engine.start(port=0)
    assert raised.value.hint.startswith("Install what the engine needs: ")
    assert "-m pip install" in raised.value.hint
    assert "ministack==" in raised.value.hint


def test_an_engine_that_dies_at_start_shows_its_last_lines(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launch, "clean_environment", lambda _home: {"PATH": "/bin"})
    monkeypatch.setattr(EngineOptions, "to_json", lambda _self: "no options at all")
    with pytest.raises(EngineError) as raised:
        engine.start(port=0)
    assert "JSONDecodeError" in raised.value.message
    assert engine.status().running is False


SIGNALLED = """
import os, pkgutil, signal, sys
root, stage = sys.argv[1], {stage!r}
sys.path.insert(0, root)
from cryptoctl.local import boot
owner, _, name = stage.rpartition(".")
owner = pkgutil.resolve_name(owner)
whole = getattr(owner, name)

def then_signalled(*arguments, **named):
    found = whole(*arguments, **named)
    os.kill(os.getpid(), signal.SIGTERM)
    return found

setattr(owner, name, then_signalled)
boot.main()
"""


@pytest.mark.parametrize("stage", ["DataDirectory.hold", "DataDirectory.take_clean_end", "load_app"])
def test_a_stop_while_it_starts_is_an_ordinary_end(
    engine: Engine, stage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "boot.py"
    script.write_text(SIGNALLED.format(stage=f"cryptoctl.local.server.{stage}"))
    monkeypatch.setattr(launch, "BOOT_SCRIPT", script)
    with pytest.raises(EngineError, match="it was stopped while it started") as raised:
        engine.start(port=0)
    assert raised.value.hint == "Start it again."
    engine.stop()
    data = DataDirectory(engine.status().home)
    assert not data.unclean()
    assert data.last_log_lines(0) == ""


def test_an_engine_that_ends_while_it_is_looked_at_is_not_running(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter([True])
    monkeypatch.setattr(DataDirectory, "running", lambda _self: next(answers, False))
    assert engine.status().running is False


def test_a_killed_engine_is_seen_as_stopped_and_starts_again(engine: Engine) -> None:
    pid = engine.start(port=0).pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: not engine.status().running, what="the end of the engine")
    # The recorded id may by now be another program's: ours, here.
    home = DataDirectory(engine.status().home)
    home.write(EngineRecord(pid=os.getpid(), port=1, started_at="2026-01-01T00:00:00+00:00"))
    assert engine.status().running is False
    assert engine.stop() is False
    assert engine.start(port=0).pid not in (pid, os.getpid())


def test_only_its_own_port_on_loopback_is_open(running: Engine) -> None:
    status = running.status()
    assert status.pid is not None and listened_on_by({status.pid}) == {f"127.0.0.1:{status.port}"}


def test_access_keys_are_random_kept_for_their_owner_alone_and_differ_by_environment(
    make_engine: Callable[[str], Engine],
) -> None:
    engine, other = make_engine("one"), make_engine("other")
    dev, prod = engine.credentials("dev"), engine.credentials("prod")
    assert dev == engine.credentials("dev")
    assert len({dev.access_key, prod.access_key, other.credentials("dev").access_key}) == 3
    assert not dev.access_key.startswith(("AKIA", "ASIA")) and not dev.access_key.isdigit()
    home = engine.status().home
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in home.iterdir()} == {0o600}


def test_a_damaged_file_of_access_keys_is_said(engine: Engine) -> None:
    engine.credentials("dev")
    (engine.status().home / "access-keys.json").write_text("{")
    with pytest.raises(EngineError, match="is damaged"):
        engine.credentials("dev")


@pytest.mark.parametrize(
    "wrong",
    [{"async_retry_delays_s": (1.0,)}, {"async_retry_delays_s": (-1.0, 1.0)}, {"save_every_s": 0.0}],
    ids=json.dumps,
)
def test_options_are_checked(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        EngineOptions(**wrong)  # type: ignore[arg-type]


def test_options_that_changed_while_it_runs_are_told(running: Engine) -> None:
    assert running.start(options=EngineOptions(save_every_s=3)).notes == ()
    assert running.start().notes == ()
    (note,) = running.start(options=EngineOptions(save_every_s=5)).notes
    assert "save_every_s: 3 → 5" in note


def _impossible(case: str, directory: Path) -> Path:
    if case == "a file":
        directory.write_text("x")
    elif case == "below a file":
        directory.write_text("x")
        return directory / "engine"
    elif case == "a loop of links":
        directory.symlink_to(directory)
    elif case == "a link to nowhere":
        directory.symlink_to("/nowhere/at/all")
    elif case == "a file in the place of a part":
        directory.mkdir()
        (directory / "state").write_text("x")
    elif case == "a directory in the place of a file":
        (directory / "engine.lock").mkdir(parents=True)
    elif case == "a directory in the place of the database":
        (directory / "store.sqlite3").mkdir(parents=True)
    elif case == "where nothing can be made":
        return Path("/proc/nothing/engine")
    return directory


@pytest.mark.parametrize(
    "case",
    [
        "a file",
        "below a file",
        "a loop of links",
        "a link to nowhere",
        "a file in the place of a part",
        "a directory in the place of a file",
        "a directory in the place of the database",
        "where nothing can be made",
    ],
)
def test_an_impossible_directory_is_one_sentence(tmp_path: Path, case: str) -> None:
    directory = _impossible(case, tmp_path / "engine")
    engine = Engine(directory)
    with pytest.raises(EngineError) as raised:
        engine.start(port=0)
    assert f" the embedded engine in {directory}: " in raised.value.message
    assert raised.value.message.count("\n") == 0
    with contextlib.suppress(EngineError):
        assert engine.status().running is False
    with contextlib.suppress(EngineError):
        assert engine.stop() is False
    with contextlib.suppress(EngineError):
        engine.outbox(1)


@pytest.mark.parametrize("case", ["a file", "below a file", "a link to nowhere"])
def test_an_impossible_directory_is_known_before_anything_is_made(tmp_path: Path, case: str) -> None:
    engine = Engine(_impossible(case, tmp_path / "engine"))
    with pytest.raises(EngineError) as raised:
        engine.check_start(_free_port(None))
    assert "not a directory" in raised.value.message and "CRYPTOCTL_STATE_DIR" in raised.value.hint


def test_a_directory_that_must_not_be_written_to_is_known_before_anything_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, port = Engine(tmp_path / "state" / "engine"), _free_port(None)
    engine.check_start(port)
    monkeypatch.setattr(os, "access", lambda place, _: place != tmp_path)
    with pytest.raises(EngineError) as raised:
        engine.check_start(port)
    assert f"permission denied ({tmp_path})" in raised.value.message
    assert not (tmp_path / "state").exists()


def test_a_damaged_record_of_a_running_engine_is_said_and_stop_still_stops_it(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    status = engine.start(port=0)
    monkeypatch.setattr("cryptoctl.local.engine.SETTLES_WITHIN_S", 0.05)
    for content in (b"", b"{", b"[]", b'{"pid": 1}', b"\x80"):
        (status.home / "engine.json").write_bytes(content)
        with pytest.raises(EngineError, match=r"engine\.json is damaged"):
            engine.status()
    assert engine.stop() is True
    assert engine.status().running is False
    assert engine.start(port=0).running


def test_options_cross_to_the_engine_unchanged() -> None:
    options = EngineOptions(async_retry_delays_s=(0.0, 2.5), save_every_s=9)
    assert EngineOptions.from_json(options.to_json()) == options


def _free_port(besides: int | None) -> int:
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
        if port != besides:
            return port
