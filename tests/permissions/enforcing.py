"""ministack alone, without the parts that the embedded engine puts in its place, and enforcing IAM."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from kit.waiting import eventually

# Root, whatever is enforced.
ROOT = ("test", "test")
SERVICES = "dynamodb,dynamodbstreams,iam,kms,lambda,logs,monitoring,sns,sqs,ssm,sts,tagging"


@contextmanager
def enforcing(home: Path) -> Iterator[str]:
    """Its URL, once it answers; on loopback, with nothing of this process's environment."""
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    variables = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "TMPDIR": str(home),
        "AUTH": "true",
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "SERVICES": SERVICES,
        "S3_DATA_DIR": str(home / "s3"),
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "LOG_LEVEL": "WARNING",
        "AWS_EC2_METADATA_DISABLED": "true",
        "DOCKER_HOST": f"unix://{home / 'no-docker.sock'}",
    }
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "ministack"],
            env=variables,
            cwd=home,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        eventually(lambda: _answers(port), "ministack's answer")
        yield f"http://127.0.0.1:{port}"
    finally:
        # Its handlers' processes are in its group.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _answers(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False
