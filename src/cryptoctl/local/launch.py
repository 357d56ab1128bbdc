"""Starts the engine's process: detached from this one, in a clean environment, and known to answer."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Final

from cryptoctl.extras import install_extra
from cryptoctl.local.data_directory import DataDirectory
from cryptoctl.local.errors import EngineError
from cryptoctl.local.options import EngineOptions

SOURCE_ROOT: Final[Path] = Path(__file__).parents[2]
DEFAULT_PORT: Final[int] = 4577
"""Where the engine listens unless told otherwise; next to LocalStack's 4566, not on it."""

BOOT_SCRIPT: Final[Path] = Path(__file__).with_name("boot.py")


def source_digest() -> str:
    """What tells this cryptoctl's engine from an earlier one's: the digest of its source."""
    digest = hashlib.sha256()
    for file in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def launch(data: DataDirectory, port: int, options: EngineOptions) -> None:
    """Starts an engine and returns when it answers. Raises EngineError with the reason where it does not."""
    _require_ministack()
    listener = _listen(port)
    ready, report = os.pipe()
    try:
        command = [sys.executable, "-E", "-P", str(BOOT_SCRIPT), str(SOURCE_ROOT), str(data.directory)]
        command += [str(listener.fileno()), str(report), options.to_json()]
        with os.fdopen(data.open_log(), "ab") as log:
            log_begin = log.seek(0, os.SEEK_END)
            subprocess.run(  # noqa: S603
                command,
                env=clean_environment(data),
                cwd=data.directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(listener.fileno(), report),
                check=False,
            )
    finally:
        os.close(report)
        listener.close()
    _await_report(data, ready, log_begin)


def check(port: int) -> None:
    """Raises EngineError where an engine could not be started at that port, as `launch` would."""
    _require_ministack()
    _listen(port).close()


def clean_environment(data: DataDirectory) -> dict[str, str]:
    """The variables the engine starts with: none of the caller's, so that nothing of AWS's can leak in."""
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": str(data.scratch),
        "TMPDIR": str(data.scratch),
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "NO_PROXY": "*",
        # boto3 asks a metadata service for credentials where it finds none; there is none here.
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def _require_ministack() -> None:
    missing = [name for name in ("ministack", "h11") if importlib.util.find_spec(name) is None]
    if missing:
        raise EngineError(
            f"Starting the embedded engine: {' and '.join(missing)} not installed.",
            hint=f"Install what the engine needs: {install_extra('local')}",
        )


def _listen(port: int) -> socket.socket:
    """Opens the one port of the engine, on loopback; whoever comes before it answers just waits."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
        listener.listen(512)
    except (OSError, OverflowError) as error:
        listener.close()
        reason = error.strerror if isinstance(error, OSError) else "ports end at 65535"
        other_port = DEFAULT_PORT + 1 if port != DEFAULT_PORT + 1 else DEFAULT_PORT
        raise EngineError(
            f"Starting the embedded engine on port {port}: {(reason or str(error)).lower()}.",
            hint=f"Stop the program that uses it, or start the engine once on another port, which it keeps: "
            f"`cryptoctl local start --port {other_port}`.",
        ) from error
    return listener


def _await_report(data: DataDirectory, ready: int, log_begin: int) -> None:
    """Waits for the engine's own word. Its end of the pipe closes when it dies, so this cannot hang.

    `log_begin`: where in the log its lines begin; those before are of earlier engines.
    """
    with os.fdopen(ready, "rb") as pipe:
        report = pipe.read()
    if not report:
        lines = data.last_log_lines(log_begin)
        raise EngineError(
            f"Starting the embedded engine in {data.directory}: it died"
            + (f".\n{lines}" if lines else " silently."),
            hint=f"The whole log is in {data.log_file}."
            if lines
            else "Somebody, or the system for want of memory, may have killed it. Start it again.",
        )
    answer = json.loads(report)
    if "error" in answer:
        raise EngineError(
            f"Starting the embedded engine in {data.directory}: {answer['error']}",
            hint=answer.get("hint") or f"The whole log is in {data.log_file}.",
        )
