"""Where `up` last put each environment: a hint in the user's state directory, safe to delete."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cryptoctl import env_vars
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
    temporary_file = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with _one_writer(path.with_suffix(".lock")):
            temporary_file.write_text(
                json.dumps({**_all(), environment: asdict(location)}, indent=1), encoding="utf-8"
            )
            temporary_file.replace(path)
    except OSError:  # a hint only: without it, --local or --aws says where
        with suppress(OSError):
            temporary_file.unlink()


@contextmanager
def _one_writer(lock: Path) -> Iterator[None]:
    """Keeps two runs from each writing the hints without the other's."""
    try:
        import fcntl
    except ImportError:  # Windows has it not
        yield
        return
    with lock.open("w", encoding="utf-8") as lock_file:
        with suppress(OSError):  # a file system without locks
            fcntl.flock(lock_file, fcntl.LOCK_EX)
        yield


def _all() -> dict[str, Any]:
    try:
        content = json.loads(file().read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}
