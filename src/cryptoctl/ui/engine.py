"""The embedded engine's state."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from cryptoctl.local.engine import EngineAccessKey, EngineStatus, OutboxMessage
from cryptoctl.ops.times import iso
from cryptoctl.ui.screen import Screen
from cryptoctl.ui.styles import BAD


def show_engine(screen: Screen, status: EngineStatus) -> None:
    """Where it answers, where its data is, and what does not work."""
    if not status.running:
        screen.data("The engine is not running.")
        return
    screen.data(f"The engine answers at {status.url} (process {status.pid}{_memory(status)}).")
    screen.data(f"Its data is in {status.home}.")
    for problem in status.problems:
        screen.say(problem, style=BAD)
    for note in status.notes:
        screen.warn(note)


def show_access(screen: Screen, status: EngineStatus, keys: EngineAccessKey) -> None:
    """How other tools reach it."""
    screen.data(
        f"Other tools: AWS_ACCESS_KEY_ID={keys.access_key} AWS_SECRET_ACCESS_KEY={keys.secret_key} "
        f"AWS_DEFAULT_REGION=us-east-1 AWS_ENDPOINT_URL={status.url}"
    )


def show_engine_line(screen: Screen, status: EngineStatus) -> None:
    """The engine in one line, and its notes; what does not work is said elsewhere."""
    screen.data(f"engine: {status.url}, process {status.pid}{_memory(status)}")
    for note in status.notes:
        screen.warn(note)


def engine_document(status: EngineStatus, keys: EngineAccessKey | None) -> dict[str, Any]:
    """The engine for a machine."""
    return {
        **vars(status),
        "started_at": status.started_at and iso(status.started_at),
        "home": str(status.home),
        "log_file": str(status.log_file),
        "access_key": keys.access_key if keys else None,
        "secret_key": keys.secret_key if keys else None,
    }


def show_message(screen: Screen, message: OutboxMessage) -> None:
    """A message that would have left this machine."""
    subject = f": {message.subject}" if message.subject else ""
    screen.data(f"{iso(message.at)}  {message.protocol} to {message.recipient}{subject}")
    for line in message.text.splitlines():
        screen.data(f"    {line}")


def message_document(message: OutboxMessage) -> dict[str, Any]:
    """Such a message for a machine."""
    return {**asdict(message), "at": iso(message.at)}


def _memory(status: EngineStatus) -> str:
    return f", {status.memory_bytes // 2**20} MiB" if status.memory_bytes else ""
