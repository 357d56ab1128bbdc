"""ministack alone, without cryptoctl's own layer: what the conformance table shows beside the engine."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptoctl.local.data_directory import DataDirectory
from cryptoctl.local.launch import clean_environment


@contextmanager
def plain_ministack(directory: Path) -> Iterator[str]:
    """A running ministack of the pinned version, and its URL."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    home = DataDirectory(directory)
    home.create()
    environment = {
        **clean_environment(home),
        "GATEWAY_PORT": str(port),
        "MINISTACK_HOST": "127.0.0.1",
        "LOG_LEVEL": "WARNING",
        "SERVICES": "dynamodb,dynamodbstreams,iam,kms,lambda,logs,monitoring,sns,sqs,ssm,sts,tagging",
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "DOCKER_HOST": "unix:///nowhere.sock",
        # Its own retry delays, shortened: the tests ask what happens, not when.
        "LAMBDA_ASYNC_RETRY_BASE_SECONDS": "0.1",
    }
    command = [sys.executable, "-m", "hypercorn", "-b", f"127.0.0.1:{port}", "ministack.app:app"]
    with (directory / "plain.log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
    try:
        _wait_for(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
