"""Access keys of the engine: random, kept in its data directory, readable by their owner alone."""

from __future__ import annotations

import base64
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from cryptoctl.local.errors import EngineError
from cryptoctl.local.private_files import open_private, replace_private

with suppress(ImportError):  # Windows has none, and no engine whose keys could be asked for
    import fcntl


@dataclass(frozen=True, kw_only=True)
class EngineAccessKey:
    """An access key of the embedded engine. It is valid at this engine and nowhere else."""

    access_key: str
    secret_key: str


def new_access_key() -> EngineAccessKey:
    """A random key pair. "LK" for local key: no access key of AWS begins with it."""
    access_key = "LK" + base64.b32encode(secrets.token_bytes(12))[:18].decode("ascii")
    return EngineAccessKey(access_key=access_key, secret_key=secrets.token_urlsafe(30))


class AccessKeys:
    """One key pair for each environment, in a file that commands write and the engine reads."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._known: dict[str, str] = {}
        self._version: tuple[int, int] | None = None

    def for_environment(self, environment: str) -> EngineAccessKey:
        """The key pair of an environment, made at the first call. Raises EngineError for a damaged file."""
        pair = self._read().get(environment)
        if pair is None:
            with self._locked():
                pairs = self._read()
                pair = pairs.setdefault(environment, new_access_key())
                content = {name: asdict(stored) for name, stored in pairs.items()}
                replace_private(self._file, json.dumps(content, indent=1))
        return pair

    def secret(self, access_key: str) -> str | None:
        """The secret of an access key, or None where nobody has that key."""
        if access_key not in self._known:
            self._load_changes()
        return self._known.get(access_key)

    def _load_changes(self) -> None:
        try:
            status = self._file.stat()
        except FileNotFoundError:
            return
        version = (status.st_mtime_ns, status.st_ino)
        if version != self._version:
            self._known = {pair.access_key: pair.secret_key for pair in self._read().values()}
            self._version = version

    def _read(self) -> dict[str, EngineAccessKey]:
        try:
            content = json.loads(self._file.read_text(encoding="utf-8"))
            return {name: EngineAccessKey(**pair) for name, pair in content.items()}
        except FileNotFoundError:
            return {}
        except (ValueError, TypeError, AttributeError) as error:
            raise EngineError(
                f"Reading the access keys of the embedded engine: {self._file} is damaged.",
                hint="Delete the file; new access keys are made for each environment.",
            ) from error

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = open_private(self._file.with_suffix(".lock"), os.O_RDWR)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)
