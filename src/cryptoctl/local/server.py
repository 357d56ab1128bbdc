"""The engine's own process: ministack's app in our front, served on the one socket it was given."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptoctl.local.app import EngineApp
from cryptoctl.local.data_directory import DataDirectory, Record
from cryptoctl.local.durability import keep_damaged_state_aside
from cryptoctl.local.ministack_adapter import (
    configure,
    load_app,
    load_services,
    settle_what_was_interrupted,
)
from cryptoctl.local.options import EngineOptions


def serve_until_stopped(home_directory: str, listener_fd: int, report_fd: int, options_text: str) -> None:
    """Serves until SIGTERM or SIGINT; reports once, on `report_fd`, that it answers or why it does not."""
    data = DataDirectory(Path(home_directory))
    if data.hold() is None:
        _report(report_fd, {"error": "another engine holds this directory."})
        return
    asyncio.run(_serve(data, listener_fd, report_fd, EngineOptions.from_json(options_text)))
    sys.stdout.flush()
    # Handlers may have left processes behind; they are in our group, and the group ends with us.
    os.killpg(os.getpgrp(), signal.SIGKILL)


@dataclass(kw_only=True)
class _Lifecycle:
    """Begins and ends the engine's parts with the server; writes down that it answers, and says so."""

    data: DataDirectory
    port: int
    report_fd: int
    engine: EngineApp
    notes: tuple[str, ...]

    async def started(self) -> None:
        """Called when ministack is ready; connections wait in the socket's queue until then."""
        await self.engine.start(after_damage=bool(self.notes))
        started_at = datetime.now(UTC).isoformat()
        self.data.write(Record(pid=os.getpid(), port=self.port, started_at=started_at, notes=self.notes))
        _report(self.report_fd, {"port": self.port})
        threading.Thread(target=load_services, daemon=True, name="load services").start()

    async def stopping(self) -> None:
        """Called when no further request is accepted."""
        await self.engine.stop()
        self.data.write_clean_end()


async def _serve(data: DataDirectory, listener_fd: int, report_fd: int, options: EngineOptions) -> None:
    with socket.socket(fileno=os.dup(listener_fd)) as listener:
        port: int = listener.getsockname()[1]
    notes = [*data.take_clean_end(), *keep_damaged_state_aside(data.state)]
    settle_what_was_interrupted(data.state)
    configure(data.state, data.scratch, port)
    engine = EngineApp(load_app(), data, port, options)
    notes += engine.notes
    engine.middleware.lifecycle = _Lifecycle(
        data=data, port=port, report_fd=report_fd, engine=engine, notes=tuple(notes)
    )
    from hypercorn.asyncio import serve
    from hypercorn.config import Config

    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    config = Config()
    config.bind = [f"fd://{listener_fd}"]
    config.graceful_timeout = 2.0
    config.loglevel = "WARNING"

    async def told_to_stop() -> None:
        await stop.wait()

    await serve(engine.middleware, config, shutdown_trigger=told_to_stop)  # type: ignore[arg-type]


def _report(descriptor: int, answer: dict[str, object]) -> None:
    os.write(descriptor, json.dumps(answer).encode())
    os.close(descriptor)
