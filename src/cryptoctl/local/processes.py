"""Processes of the engine, as the operating system shows them."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path


def resident_bytes(pid: int) -> int | None:
    """How much memory a process holds, or None where that cannot be learnt."""
    return held_bytes(pid) or _resident_bytes_by_ps(pid)


def held_bytes(pid: int) -> int | None:
    """The same, asked without starting a process (Linux)."""
    return _memory(pid, "VmRSS:")


def peak_bytes(pid: int) -> int | None:
    """The most memory that a process has held (Linux); None where that cannot be learnt."""
    return _memory(pid, "VmHWM:")


def _memory(pid: int, name: str) -> int | None:
    try:
        for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith(name):
                return int(line.split()[1]) * 1024
    except OSError:
        return None
    return None


def _resident_bytes_by_ps(pid: int) -> int | None:
    ps = shutil.which("ps")
    if ps is None:
        return None
    result = subprocess.run([ps, "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=False)  # noqa: S603
    return int(result.stdout) * 1024 if result.stdout.strip().isdigit() else None


def has_open(pid: int, file: Path) -> bool:
    """Whether a process of this user has a file open. Found on Linux only."""
    try:
        return any(link.exists() and link.samefile(file) for link in Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return False


def end_processes_with(variable: str, prefix: str) -> None:
    """Ends this user's processes in whose environment a variable begins so. Found on Linux only."""
    assignment = os.fsencode(f"{variable}={prefix}")
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if any(entry.startswith(assignment) for entry in (process / "environ").read_bytes().split(b"\0")):
                os.kill(int(process.name), signal.SIGKILL)
        except OSError:
            continue


def end_group(leader: int) -> None:
    """Ends every process of a group at once; a group that is gone already is no error."""
    if leader in (0, 1, os.getpgrp()):
        return
    try:
        os.killpg(leader, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return
