"""Holds a process to the engine's own port: an audit hook refuses every other connection.

It is installed before ministack or a handler is loaded, and cannot be removed. It is no sandbox against code
that wants out (a child process of a handler has no hook); it keeps a test from reaching a real person by
accident, whatever ministack or a handler's library would deliver. Standard library only: workers load it too.
"""

import os
import socket
import sys
from collections.abc import Callable
from typing import Any

LOOPBACK = "127.0.0.1"


class ContainedError(PermissionError):
    """A connection that leads out of the engine."""


class NameNotResolvedError(socket.gaierror):
    """A name that would have been looked up outside."""


def contain(*ports: int, worker_script: str | None = None) -> None:
    """From here on this process connects to these ports on loopback and to nothing else.

    With `worker_script`, also: it listens nowhere, and starts no process but that script.
    """
    checks: dict[str, Callable[[tuple[Any, ...]], None]] = {
        "socket.connect": lambda arguments: _check_address(arguments[1], ports),
        "socket.sendto": lambda arguments: _check_address(arguments[1], ports),
        "socket.sendmsg": lambda arguments: _check_address(arguments[1], ports),
        "socket.getaddrinfo": lambda arguments: _check_name(arguments[0]),
        "socket.gethostbyname": lambda arguments: _check_name(arguments[0]),
        "socket.gethostbyaddr": lambda arguments: _check_name(arguments[0]),
        "socket.getnameinfo": lambda arguments: _check_name(arguments[0][0]),
    }
    if worker_script is not None:
        checks["socket.bind"] = lambda arguments: _refuse(f"listening at {arguments[1]}")
        checks["subprocess.Popen"] = lambda arguments: _check_process(arguments[1], worker_script)
        for event in ("os.system", "os.exec", "os.posix_spawn", "os.fork", "os.forkpty", "pty.spawn"):
            checks[event] = lambda _arguments, event=event: _refuse(event)  # type: ignore[misc]

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        check = checks.get(event)
        if check is not None:
            check(arguments)

    sys.addaudithook(hook)


def _check_address(address: object, ports: tuple[int, ...]) -> None:
    if address is not None and address not in [(LOOPBACK, port) for port in ports]:
        _refuse(f"connecting to {address!r}")


def _check_name(name: object) -> None:
    text = name.decode("ascii", "replace") if isinstance(name, bytes) else name
    if text not in (None, "", LOOPBACK, "localhost", "::1"):
        message = f"the embedded engine looks up no names: {text}"
        raise NameNotResolvedError(socket.EAI_NONAME, message)


def _check_process(command: Any, worker_script: str) -> None:
    parts = [os.fspath(part) for part in command] if isinstance(command, (list, tuple)) else [command]
    if parts[:3] != [sys.executable, "-I", worker_script]:
        _refuse(f"starting {parts[0]!r}")


def _refuse(action: str) -> None:
    raise ContainedError(f"the embedded engine keeps to itself: {action} is refused")
