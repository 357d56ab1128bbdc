"""What is said of an engine at whose port something else answers by now."""

from __future__ import annotations

import socket
import threading

import pytest

from cryptoctl.local.data_directory import EngineRecord
from cryptoctl.local.health_check import problems


@pytest.mark.process
@pytest.mark.parametrize(
    "body", ['{"message": "Missing Authentication Token"}', "<html>", "[]", '{"problems": 5}']
)
def test_an_answer_of_another_program_is_told_as_that(body: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(f"HTTP/1.0 403 No\r\n\r\n{body}".encode())

        thread = threading.Thread(target=answer)
        thread.start()
        port = listener.getsockname()[1]
        record = EngineRecord(pid=1, port=port, started_at="2026-01-01T00:00:00+00:00", status_path="/secret")
        (problem,) = problems(record)
        thread.join()
    assert problem.startswith(
        f"the engine does not answer (port {port}: what answers there is not this engine)"
    )
