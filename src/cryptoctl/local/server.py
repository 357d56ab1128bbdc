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

from cryptoctl.local.app import Parts
from cryptoctl.local.data_directory import Home, Record
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
    home = Home(Path(home_directory))
    if home.hold() is None:
        _report(report_fd, {"error": "another engine holds this directory."})
        return
    asyncio.run(_serve(home, listener_fd, report_fd, EngineOptions.from_json(options_text)))
    sys.stdout.flush()
    # Handlers may have left processes behind; they are in our group, and the group ends with us.
    os.killpg(os.getpgrp(), signal.SIGKILL)


@dataclass(kw_only=True)
class _Life:
    """Begins and ends the engine's parts with the server; writes down that it answers, and says so."""

    home: Home
    port: int
    report_fd: int
    parts: Parts
    notes: tuple[str, ...]

    async def started(self) -> None:
        """Called when ministack is ready; connections wait in the socket's queue until then."""
        await self.parts.start(after_damage=bool(self.notes))
        started_at = datetime.now(UTC).isoformat()
        self.home.write(Record(pid=os.getpid(), port=self.port, started_at=started_at, notes=self.notes))
        _report(self.report_fd, {"port": self.port})
        threading.Thread(target=load_services, daemon=True, name="load services").start()

    async def stopping(self) -> None:
        """Called when no further request is accepted."""
        await self.parts.stop()
        self.home.write_clean_end()


async def _serve(home: Home, listener_fd: int, report_fd: int, options: EngineOptions) -> None:
    with socket.socket(fileno=os.dup(listener_fd)) as listener:
        port: int = listener.getsockname()[1]
    notes = [*home.take_clean_end(), *keep_damaged_state_aside(home.state)]
    settle_what_was_interrupted(home.state)
    configure(home.state, home.scratch, port)
    parts = Parts(load_app(), home, port, options)
    notes += parts.notes
    parts.front.life = _Life(home=home, port=port, report_fd=report_fd, parts=parts, notes=tuple(notes))
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

    await serve(parts.front, config, shutdown_trigger=told_to_stop)  # type: ignore[arg-type]


def _report(descriptor: int, answer: dict[str, object]) -> None:
    os.write(descriptor, json.dumps(answer).encode())
    os.close(descriptor)
