"""What Linux says of processes and listeners in /proc: `ps` and `ss` are not on every machine."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

PROC = Path("/proc")
LISTENING = "0A"
FAMILIES = {"tcp": socket.AF_INET, "tcp6": socket.AF_INET6}


def processes_of(group: int | None) -> dict[int, str]:
    """The command line of each process of a group that still runs (a zombie nobody reaps does not)."""
    commands: dict[int, str] = {}
    for pid in _pids():
        with suppress(FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
            # Behind the name in brackets, which may have any character.
            fields = (PROC / str(pid) / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
            state, process_group = fields[0], int(fields[2])
            if process_group == group and state != "Z":
                command = (PROC / str(pid) / "cmdline").read_bytes()
                commands[pid] = command.replace(b"\0", b" ").decode("utf-8", "replace")
    return commands


def listeners() -> dict[str, set[int]]:
    """Every address with a port that is listened on, and the processes that hold it, as far as we may see."""
    addresses = _listening()
    holders: dict[str, set[int]] = {address: set() for address in addresses.values()}
    for pid in _pids():
        with suppress(FileNotFoundError, ProcessLookupError, PermissionError):
            for descriptor in (PROC / str(pid) / "fd").iterdir():
                with suppress(FileNotFoundError):
                    if address := addresses.get(str(descriptor.readlink())):
                        holders[address].add(pid)
    return holders


def listened_on_by(pids: set[int]) -> set[str]:
    """The addresses that these processes listen on."""
    return {address for address, holders in listeners().items() if holders & pids}


def _pids() -> list[int]:
    return [int(directory.name) for directory in PROC.glob("[0-9]*")]


def _listening() -> dict[str, str]:
    """The address of each socket that listens, by the socket as a descriptor names it."""
    addresses: dict[str, str] = {}
    for name, family in FAMILIES.items():
        table = PROC / "net" / name
        if not table.exists():  # no IPv6
            continue
        for line in table.read_text("ascii").splitlines()[1:]:
            _, local, _, state, *_, inode = line.split()[:10]
            if state == LISTENING:
                addresses[f"socket:[{inode}]"] = _address(local, family)
    return addresses


def _address(text: str, family: int) -> str:
    """`0100007F:1F90` is 127.0.0.1:8080: words of four bytes, each as this machine has it in memory."""
    host, port = text.split(":")
    words = struct.pack(f"={len(host) // 8}I", *(int(word, 16) for word in _words(host)))
    shown = socket.inet_ntop(family, words)
    return f"[{shown}]:{int(port, 16)}" if family == socket.AF_INET6 else f"{shown}:{int(port, 16)}"


def _words(host: str) -> Iterator[str]:
    return (host[start : start + 8] for start in range(0, len(host), 8))
