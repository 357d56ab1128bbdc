"""The engine's home directory: where its data lies, and who holds it at the moment.

A running engine holds an exclusive lock on a file for as long as it lives. The lock, not the recorded
process id, says whether it runs: the kernel drops it however the process ends, and no other process can
inherit it by being given the same id.
"""

from __future__ import annotations

import errno
import importlib.util
import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from dataclasses import fields as dataclass_fields
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from cryptoctl.local.errors import EngineError
from cryptoctl.local.private_files import Exposure, exposure, make_private, open_private, replace_private
from cryptoctl.local.processes import has_open

with suppress(ImportError):  # Windows has none; `starting` refuses there, and commands on AWS never lock
    import fcntl

HOLD_WITHIN_S: Final[float] = 5.0
LONG_LOG_BYTES: Final[int] = 10 * 2**20
OWN_NAMES: Final = (
    *("engine.log", "engine.log.1", "engine.json", "engine.new", "engine.lock"),
    *("store.sqlite3*", "access-keys.json", "access-keys.new", "access-keys.lock"),
    *("running", "state", "scratch"),
)
"""What an engine makes in its directory, beside the file of `starting`."""


@dataclass(frozen=True, kw_only=True)
class EngineRecord:
    """What a running engine writes down about itself. `status_path`: where it tells of its problems."""

    pid: int
    port: int
    started_at: str
    notes: tuple[str, ...] = ()
    status_path: str = ""
    options: str = ""
    code: str = ""
    """the digest of the source that it runs (launch.source_digest)"""

    @property
    def started(self) -> datetime:
        """The moment at which the engine began to answer."""
        return datetime.fromisoformat(self.started_at)

    def plausible(self) -> bool:
        """Whether it could have been written by an engine. Raises ValueError or TypeError where not."""
        texts = (self.options, self.code, self.status_path, *self.notes)
        numbers = type(self.pid) is int and type(self.port) is int
        return (
            numbers
            and self.pid > 0
            and 0 < self.port < 2**16
            and self.started.tzinfo is not None
            and all(isinstance(text, str) for text in texts)
        )


class DataDirectory:
    """The files of one engine. Nothing is created before `create`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory.expanduser().absolute()
        self.state = self.directory / "state"
        self.scratch = self.directory / "scratch"
        self.code = self.scratch / "code"
        self.log_file = self.directory / "engine.log"
        self.store_file = self.directory / "store.sqlite3"
        self.key_file = self.directory / "access-keys.json"
        self._record_file = self.directory / "engine.json"
        self._life_file = self.directory / "engine.lock"
        self._unclean_file = self.directory / "running"
        self._start_file = self.directory / "start.lock"

    def create(self) -> None:
        """Makes the directories, and the one that they are in, for their owner alone.

        Raises EngineError where what lies in one is not an engine's.
        """
        self._check_contents()
        self.directory.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        for directory in (self.directory, self.state, self.scratch, self.code):
            make_private(directory)

    def check_place(self) -> None:
        """Raises OSError and EngineError where `create` would, as far as is seen without making anything."""
        self._check_contents()
        path = self.directory
        while not os.path.lexists(path):
            path = path.parent
        code = errno.ENOTDIR if not path.is_dir() else errno.EACCES
        if code == errno.ENOTDIR or not os.access(path, os.W_OK | os.X_OK):
            raise OSError(code, os.strerror(code), str(path))

    def _check_contents(self) -> None:
        if names := self._foreign_files():
            raise EngineError(
                f"Starting the embedded engine in {self.directory}: it has {names} of another program.",
                hint="Name another directory in CRYPTOCTL_STATE_DIR, or move that.",
            )

    def _foreign_files(self) -> str:
        """The names of files here that a reset would delete, where no engine has been to write them.

        A command may have made access keys for an engine that has not begun.
        """
        files = self._own_files() if not self._engine_has_run() else ()
        return ", ".join(file.name for file in files if "access-keys" not in file.name and _filled(file))

    def _engine_has_run(self) -> bool:
        return any(file.exists() for file in (self._start_file, self._life_file, self.store_file))

    def used(self) -> bool:
        """Whether what lies here is an engine's: there may be another `engine` in CRYPTOCTL_STATE_DIR."""
        return self._engine_has_run() or (self.key_file.exists() and not self._foreign_files())

    def delete_own(self) -> None:
        """Deletes what an engine makes, and no other file: the directory may be the person's own as well.

        Last what `starting` makes, by which `used` knows what a reset has begun.
        """
        for path in (*self._own_files(), self._start_file):
            linked = path.is_symlink() or not path.is_dir()
            path.unlink() if linked else shutil.rmtree(path)

    def other_files(self) -> list[str]:
        """The names of what lies here and is not an engine's."""
        own_files = {*self._own_files(), self._start_file}
        return sorted(path.name for path in self.directory.glob("*") if path not in own_files)

    def _own_files(self) -> list[Path]:
        return [path for name in OWN_NAMES for path in self.directory.glob(name)]

    def exposure(self) -> Exposure | None:
        """What lets somebody else put files here; None where nothing does."""
        return exposure(self.directory)

    def open_log(self) -> int:
        """A descriptor to write the engine's log with; that of earlier runs is put aside when it is long."""
        with suppress(FileNotFoundError):
            if self.log_file.stat().st_size > LONG_LOG_BYTES:
                self.log_file.replace(self.log_file.with_suffix(".log.1"))
        return open_private(self.log_file, os.O_WRONLY | os.O_APPEND)

    def running(self) -> bool:
        """Whether an engine lives here."""
        if not self._life_file.exists():
            return False
        with self._life_file.open("rb") as life_file:
            try:
                fcntl.flock(life_file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
            return False

    def hold(self) -> int | None:
        """Takes the lock of a living engine; the descriptor to keep open, or None where another holds it."""
        descriptor = open_private(self._life_file, os.O_RDWR)
        deadline = time.monotonic() + HOLD_WITHIN_S
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                os.ftruncate(descriptor, 0)
                os.write(descriptor, str(os.getpid()).encode())
                return descriptor
            except BlockingIOError:
                # Somebody who asks whether an engine runs holds the lock for a moment too.
                if time.monotonic() > deadline:
                    os.close(descriptor)
                    return None
                time.sleep(0.01)

    def holds(self, descriptor: int) -> bool:
        """Whether the lock that `hold` took is still there. Raises OSError where that cannot be seen."""
        try:
            # Some file systems (overlays, network shares) number an open file otherwise than its path.
            same = os.path.samestat(os.fstat(descriptor), self._life_file.stat())
            return same or self._life_file.read_bytes() == str(os.getpid()).encode()
        except (FileNotFoundError, NotADirectoryError):
            return False

    def holder(self) -> int | None:
        """The process that took the lock last; it still has it where `running` says so. None where that is
        not known: one takes it, then writes its id down, and one of an early cryptoctl wrote none."""
        try:
            return int(self._life_file.read_text(encoding="ascii"))
        except (OSError, ValueError):
            pass
        record = self.read()
        return record.pid if record is not None and has_open(record.pid, self._life_file) else None

    def forget_holder(self) -> None:
        """Before an engine starts: until it writes its own id, nobody is to take an earlier one's for it."""
        os.close(open_private(self._life_file, os.O_WRONLY | os.O_TRUNC))

    @contextmanager
    def starting(self) -> Iterator[None]:
        """One starter at a time; a second one waits here and then finds the engine running.

        Raises EngineError on an operating system without file locks.
        """
        if importlib.util.find_spec("fcntl") is None:
            raise EngineError(
                "The embedded engine needs Linux or macOS.",
                hint="On Windows, run cryptoctl in WSL, or work on AWS with --aws.",
            )
        with os.fdopen(open_private(self._start_file, os.O_WRONLY | os.O_APPEND), "ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def write(self, record: EngineRecord) -> None:
        """Writes the record."""
        replace_private(self._record_file, json.dumps(asdict(record)))

    def read(self) -> EngineRecord | None:
        """The last record, whether or not its engine still runs; None where there is none to read."""
        try:
            fields: dict[str, Any] = json.loads(self._record_file.read_text(encoding="utf-8"))
            notes = tuple(fields.get("notes", ()))
            # A later cryptoctl's engine may say more of itself.
            values = {
                field.name: fields[field.name]
                for field in dataclass_fields(EngineRecord)
                if field.name in fields
            }
            record = EngineRecord(**{**values, "notes": notes})
            return record if record.plausible() else None
        except (OSError, ValueError, TypeError, AttributeError, RecursionError):
            return None

    def take_clean_end(self) -> list[str]:
        """Notes that an engine begins here; says what became of messages where the last one was killed."""
        killed = self.unclean()
        self._unclean_file.touch()
        note = (
            "The engine was killed, not stopped: messages of its last moments in queues may come again, or "
            "be missing where a topic sent them."
        )
        return [note] if killed else []

    def unclean(self) -> bool:
        """Whether an engine has begun here that has not, or not yet, put everything away."""
        return self._unclean_file.exists()

    def write_clean_end(self) -> None:
        """Notes that the engine has put everything away."""
        self._unclean_file.unlink(missing_ok=True)

    def last_log_lines(self, log_begin: int) -> str:
        """The end of the log file, for an error message; nothing from before that byte."""
        try:
            with self.log_file.open("rb") as log:
                log.seek(max(log_begin, log.seek(0, os.SEEK_END) - 16_384))
                lines = log.read().decode("utf-8", "replace").splitlines()
        except FileNotFoundError:
            return ""
        return "\n".join(lines[-12:])


def _filled(path: Path) -> bool:
    """Whether there is a file, this one or in this directory, with something in it; no link is followed."""
    paths = () if path.is_symlink() else (path, *path.rglob("*"))
    return any(file.is_file() and file.stat().st_size for file in paths)
