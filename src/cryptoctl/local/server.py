"""The engine's own process: ministack's app in our middleware, served on the one socket it was given."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import os
import signal
import socket
import sqlite3
import sys
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TextIO

from cryptoctl.local.app import EngineApp
from cryptoctl.local.containment import contain
from cryptoctl.local.data_directory import DataDirectory, EngineRecord
from cryptoctl.local.durability import keep_damaged_state_aside
from cryptoctl.local.functions.environment import WORKER_SCRIPT
from cryptoctl.local.functions.function import delete_unused_code
from cryptoctl.local.http_server import HttpServer
from cryptoctl.local.launch import source_digest
from cryptoctl.local.ministack_adapter import (
    configure,
    load_app,
    load_services,
    patch_metrics,
    serve_lifespan,
)
from cryptoctl.local.ministack_state import finish_interrupted_updates, saved_code_digests
from cryptoctl.local.options import EngineOptions
from cryptoctl.local.supervision import Supervisor

FINISH_WITHIN_S: Final[float] = 2.0
"""How long requests that are being answered may go on after the word to stop."""
POLL_EVERY_S: Final[float] = 0.5
"""How often the engine looks whether its directory is still there."""
STOPPING: Final = (signal.SIGTERM, signal.SIGINT)
GIVE_ROOM: Final = "Make room on the disk, or name a directory on another in CRYPTOCTL_STATE_DIR."
STOPPED_EARLY: Final = {"error": "it was stopped while it started.", "hint": "Start it again."}


def serve_until_stopped(home_directory: str, listener_fd: int, report_fd: int, options_text: str) -> None:
    """Serves until SIGTERM or SIGINT; reports once, on `report_fd`, that it answers or why it does not."""
    data = DataDirectory(Path(home_directory))
    report = os.fdopen(report_fd, "w", encoding="utf-8")
    # Whoever sees the lock held may stop us; until that can be done in order, the word to stop waits.
    signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
    try:
        lock = data.hold()
        if lock is None:
            _report(report, {"error": "another engine holds this directory."})
            return
        asyncio.run(_serve(data, lock, listener_fd, report, EngineOptions.from_json(options_text)))
    except (OSError, sqlite3.Error) as error:
        # A full disk takes no log; the pipe to who starts the engine takes the reason all the same.
        with contextlib.suppress(OSError):
            reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
            hint = GIVE_ROOM if _is_full(error) else ""
            _report(report, {"error": f"{reason.lower()}.", "hint": hint})
        raise
    with contextlib.suppress(OSError):
        sys.stdout.flush()
    # Handlers may have left processes behind; they are in our group, and the group ends with us.
    os.killpg(os.getpgrp(), signal.SIGKILL)


async def _serve(
    data: DataDirectory, lock: int, listener_fd: int, report: TextIO, options: EngineOptions
) -> None:
    stop = asyncio.Event()
    for number in STOPPING:
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)
    listener = socket.socket(fileno=listener_fd)
    port: int = listener.getsockname()[1]
    contain(port, worker_script=str(WORKER_SCRIPT))
    configure(data.state, data.scratch, port)
    damage = keep_damaged_state_aside(data.state)
    finish_interrupted_updates(data.state)
    delete_unused_code(data.code, saved_code_digests(data.state))
    app = load_app()
    patch_metrics()
    engine = EngineApp(app, data, port, options)
    # Last of all that can fail: of an engine that has not begun, nothing is missing.
    notes = [*data.take_clean_end(), *damage, *engine.notes]

    record = EngineRecord(
        pid=os.getpid(),
        port=port,
        started_at=datetime.now(UTC).isoformat(),
        notes=tuple(notes),
        options=options.to_json(),
        code=source_digest(),
        status_path=engine.status_path,
    )

    def give_up(reason: str) -> None:
        print(f"The engine ends: {reason}", flush=True)
        stop.set()

    async def answer_requests() -> None:
        supervisor = Supervisor(give_up)
        await engine.start(supervisor, after_damage=bool(notes))
        supervisor.begin("looking for its directory", lambda: _end_without(data, lock))
        server = HttpServer(engine.middleware.handle)
        await server.start(listener)
        data.write(record)
        # One that ends at once is not told of as one that answers.
        _report(report, STOPPED_EARLY if stop.is_set() else {"port": port})
        load = threading.Thread(target=load_services, args=(options.function_pending_s,), daemon=True)
        load.start()
        await stop.wait()
        await supervisor.end()
        # A function that is let end asks for more until it does.
        await engine.drain()
        await server.stop(FINISH_WITHIN_S)
        await asyncio.to_thread(load.join)  # what is half imported has no state to save
        await engine.stop()
        data.write_clean_end()

    await serve_lifespan(app, answer_requests)


async def _end_without(data: DataDirectory, lock: int) -> None:
    """Ends the engine at once, and all it started, when its directory is gone.

    Nobody could find it there to stop it, and what it saved would mix with that of the next engine there.
    """
    while data.holds(lock):
        await asyncio.sleep(POLL_EVERY_S)
    os.killpg(os.getpgrp(), signal.SIGKILL)


def _is_full(error: OSError | sqlite3.Error) -> bool:
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL


def _report(pipe: TextIO, answer: Mapping[str, object]) -> None:
    """Once; who starts the engine waits for no more."""
    if not pipe.closed:
        with pipe:
            pipe.write(json.dumps(answer))
