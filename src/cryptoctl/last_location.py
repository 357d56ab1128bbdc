"""Where `up` last put each environment: a hint in the user's state directory, safe to delete."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cryptoctl import env_vars
from cryptoctl.errors import InputError
from cryptoctl.local.private_files import open_private, replace_private
from cryptoctl.settings import Target


@dataclass(frozen=True, kw_only=True)
class LastLocation:
    """Where `up` last put an environment."""

    target: Target
    account: str
    region: str | None = None
    """None where an earlier version has noted it."""


def file() -> Path:
    """The file that holds the hints."""
    return env_vars.state_directory() / "environments.json"


def read(environment: str) -> LastLocation | None:
    """The hint for an environment; None where there is none, or none that can be read."""
    fields: Any = _all().get(environment)
    try:
        return LastLocation(
            target=Target(fields["target"]),
            account=str(fields["account"]),
            region=str(fields.get("region") or "") or None,
        )
    except (TypeError, KeyError, ValueError):
        return None


def known_environments() -> list[str]:
    """The environments that have a hint."""
    return sorted(_all())


def write(environment: str, location: LastLocation) -> None:
    """Writes the hint, where that is possible."""
    path = file()
    with suppress(OSError, InputError):  # a hint only: without it, --local or --aws says where
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with _one_writer(path.with_suffix(".lock")):
            replace_private(path, json.dumps({**_all(), environment: asdict(location)}, indent=1))


@contextmanager
def _one_writer(lock: Path) -> Iterator[None]:
    """Keeps two runs from each writing the hints without the other's."""
    try:
        import fcntl
    except ImportError:  # Windows has it not
        yield
        return
    with os.fdopen(open_private(lock, os.O_RDWR), "w") as lock_file:
        with suppress(OSError):  # a file system without locks
            fcntl.flock(lock_file, fcntl.LOCK_EX)
        yield


def _all() -> dict[str, Any]:
    """The hints. Raises Failure (USAGE) where somebody else may have written them."""
    path = file()
    try:
        _check_owner(path)
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _check_owner(path: Path) -> None:
    """Who writes the hints says on which account this person works, unless something else names it."""
    status = path.stat()
    strangers = {status.st_uid, path.lstat().st_uid} - {os.geteuid(), 0} if hasattr(os, "geteuid") else set()
    if (strangers and os.geteuid() != 0) or status.st_mode & stat.S_IWOTH:
        raise InputError(
            f"{path} says where environments live, and somebody else may write to it.",
            "Name a directory of your own in CRYPTOCTL_STATE_DIR, or delete the file.",
        )
