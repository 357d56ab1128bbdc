"""An engine that is suspended, or hangs: the command says so after a moment, and ends."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from cryptoctl import session
from cryptoctl.errors import ExitCode, Failure
from cryptoctl.local import health_check, launch
from cryptoctl.local.data_directory import DataDirectory, EngineRecord
from cryptoctl.session import Session, SessionOptions
from cryptoctl.settings import Target
from kit.commands import Cli

pytestmark = pytest.mark.process


@pytest.fixture
def listener(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """Where the engine of this test listens: connections are taken, and nothing is answered."""
    monkeypatch.setenv("CRYPTOCTL_STATE_DIR", str(tmp_path))
    monkeypatch.setattr(session, "ENGINE_RESPONDS_WITHIN_S", 0.1)
    monkeypatch.setattr(session, "ENGINE_WAIT_S", 0.2)
    data = DataDirectory(tmp_path / "engine")
    data.create()
    lock = data.hold()
    assert lock is not None
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        record = EngineRecord(
            pid=os.getpid(),
            port=port,
            started_at="2026-01-01T00:00:00+00:00",
            status_path="/status",
            code=launch.source_digest(),
        )
        data.write(record)
        yield listening
    os.close(lock)


def test_it_is_named_with_what_to_do(listener: socket.socket) -> None:
    notices: list[str] = []
    with pytest.raises(Failure, match="has not answered for 0 s") as raised:
        _ = Session(SessionOptions(environment="dev", target=Target.LOCAL), notify=notices.append).aws
    name = f"The embedded engine (process {os.getpid()}, http://127.0.0.1:{listener.getsockname()[1]})"
    assert notices == [f"{name} does not answer yet; waiting for 0 s more at most …"]
    assert raised.value.message.startswith(name)
    assert raised.value.exit_code is ExitCode.UNREACHABLE
    for command in (f"`kill -CONT {os.getpid()}`", "`cryptoctl local stop`"):
        assert command in raised.value.hint


def test_who_starts_it_is_told(listener: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health_check, "RESPONDS_WITHIN_S", 0.1)
    result = Cli()("local", "start")
    port = listener.getsockname()[1]
    assert f"the engine does not answer (port {port}: timed out)" in result.err


def test_one_that_answers_late_is_waited_for(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "ENGINE_WAIT_S", 30.0)

    def answer() -> None:
        for _ in range(2):  # who asked first has given up
            connection, _ = listener.accept()
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
            connection.close()

    threads: list[threading.Thread] = []

    def notify(_: str) -> None:
        threads.append(threading.Thread(target=answer))
        threads[0].start()

    aws = Session(SessionOptions(environment="dev", target=Target.LOCAL), notify=notify).aws
    assert aws.endpoint_url == f"http://127.0.0.1:{listener.getsockname()[1]}"
    threads[0].join()
